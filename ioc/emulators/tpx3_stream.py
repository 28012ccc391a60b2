"""The raw stream of an emulated Timepix3 in the world of its station, written to a file as it comes.

A `replay` with `follow` shows it as a detector: hits, and a TDC word for each edge at the trigger input.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from hitline.bus.attribute import Attribute
from hitline.bus.instrument import Instrument

from .own_file import begun
from .scene import TICKS_PER_S
from .spidr import Spidr
from .world.truth import Truth
from .world.view import View
from .world.world import World, world_of

SLICE_S = 0.05
"""Written at once."""
BEHIND_S = 0.002
"""Nothing younger is written: pulses come a little late."""


@dataclass(frozen=True, kw_only=True)
class Tpx3StreamOptions:
    """Options of the stream."""

    file: Path
    """Where it goes; begun anew at each start."""
    seed: int = 1
    """Of its disorder."""
    disorder_us: float = field(default=400.0, metadata={"low": 0.0, "high": 500.0})
    """Longest delay of a hit on its way out of the chip, in µs."""


class Tpx3Stream(Instrument):
    """A readout of one chip that nobody can stop."""

    KINDS: ClassVar[tuple[str, ...]] = ("tpx3_stream",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = (
        Attribute("file", "str", "Where the stream goes."),
        Attribute("written", "int", "Bytes written.", unit="B"),
        Attribute("hits", "int", "Hits written."),
        Attribute("edges", "int", "Edges that came to the trigger input."),
    )
    Options: ClassVar[type | None] = Tpx3StreamOptions

    def __init__(
        self,
        name: str,
        options: Any = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, options, clock_ns=clock_ns)
        self._clock_s = clock_s
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Begin to write."""
        options = self.options
        world = world_of(self.station) if self.station else World()
        self._view = View(world)
        self.readout = Spidr(chips=1, tdc_hz=0.0, disorder_s=options.disorder_us * 1e-6, seed=options.seed)
        self._file: BinaryIO = begun(options.file, "wb", buffering=0)
        self._zero = self._at = self._now()
        for name, value in (("file", str(options.file)), ("written", 0), ("hits", 0), ("edges", 0)):
            self.publish(name, value)
        self._task = asyncio.create_task(self._run())

    async def disconnect(self) -> None:
        """Write no more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._file.close()

    def _now(self) -> int:
        return int((self._clock_s() - BEHIND_S) * TICKS_PER_S)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SLICE_S)
            data, hits = await asyncio.to_thread(self._next, self._now())
            self._file.write(data)
            self.publish("written", self.value("written") + len(data))
            self.publish("hits", self.value("hits") + hits)
            if self.readout.edges != self.value("edges"):
                self.publish("edges", self.readout.edges)

    def _next(self, stop: int) -> tuple[bytes, int]:
        """The stream up to `stop`, ticks of the world."""
        start, self._at = self._at, max(stop, self._at)
        seen, zero = self._view.hits(start, self._at), self._zero
        edges = [at - zero for at in self._view.world.pulses(start, self._at)]
        truth = Truth(seen.x, seen.y, seen.t - zero, seen.tot, seen.particle)
        return self.readout.encode(truth, start - zero, self._at - zero, edges=edges), len(seen)
