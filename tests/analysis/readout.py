"""A readout of prepared exposures: a real run log and feed, on the bus when wanted."""

from pathlib import Path

from hitline.bus.attribute import Attribute
from hitline.bus.instrument import Instrument
from hitline.bus.log.block import Format, LossMethod
from hitline.bus.log.marks import Marks
from hitline.bus.log.server import FeedServer
from hitline.bus.log.writer import LogWriter
from hitline.ioc.emulators.scene import Scene
from hitline.ioc.emulators.spidr import Spidr, exposures
from kit.patience import WAIT_S


class Readout(Instrument):
    """Logs what it is given; knows how many hits there are."""

    TYPE = "Readout"
    ATTRIBUTES = (Attribute("exposure", "int", "Exposure that ended last."),)

    def __init__(self, name: str, root: Path, block_bytes: int = 4096) -> None:
        super().__init__(name)
        self.feed: FeedServer | None = None
        self.root = root
        self.writer = LogWriter(root, name, on_marks=self.marked, block_bytes=block_bytes)

    def marked(self, marks: Marks) -> None:
        if self.feed:
            self.feed.notify(marks)

    def start_feed(self) -> None:
        self.feed = FeedServer(self.root, self.name)
        self.feed.start()
        self.describe_more["feed"] = self.feed.port

    def expose(self, number: int, raw: bytes) -> None:
        """One whole exposure, written when it returns."""
        self.writer.begin(number)
        for at in range(0, len(raw), 4096):
            piece = raw[at : at + 4096]
            format, method = Format.TPX3_CHUNKS, LossMethod.SOURCE
            self.writer.data(piece, words=len(piece) // 8, format=format, method=method)
        self.writer.end(number, {})
        assert self.writer.wait(WAIT_S)

    def close(self) -> None:
        if self.writer.is_open:
            self.writer.close()
        if self.feed:
            self.feed.stop()


def shots(counts, seed=21):
    """Streams of exposures with exactly so many hits."""
    pieces = exposures(Scene(seed=seed, rate_hz=2e6), counts, readout=Spidr(seed=seed), gap_s=0.005)
    return [raw for raw, _ in pieces]
