"""What a SPIDR readout of one Timepix3 or a quad of them sends of a scene, as a Serval raw stream.

Chunks per chip that begin with the packet counter, global times, triggers on every chip, shutter words, and
the two kinds of disorder of a real stream: hits of a chip leave it up to 400 us late, and packets overtake
each other.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ...bus.formats import packets
from ...bus.formats.chunks import encode_header
from ...bus.formats.packets import Words
from ...bus.formats.quad import SIDE, unstitch
from ...bus.formats.times import Ints, split_ticks
from .scene import TICKS_PER_S, Scene, Truth

CHUNK_WORDS = 246
"""Payload words of a full chunk beside the counter; the largest seen from Serval."""
FLUSH = TICKS_PER_S // 1000
"""Ticks after which a chunk is sent however little is in it."""
TDC_PER_S = 3_840_000_000
"""Steps of the fine time of triggers per second."""


@dataclass
class Spidr:
    """The readout; keeps its counters from one call to the next, so that what it sends is one stream."""

    chips: int = 4
    tdc_hz: float = 60.0
    global_s: float = 1.0
    """Time between global times; 0: none are sent."""
    disorder_s: float = 400e-6
    """Longest delay of a hit on its way out of the chip."""
    overtaking: float = 0.001
    """Share of packets that the one behind them overtakes, among those that come close together."""
    losing: float = 0.0
    """Share of packets that get lost."""
    seed: int = 1
    lost_packets: int = 0
    lost_hits: int = 0
    counters: Ints = field(default_factory=lambda: np.zeros(16, np.int64))
    """Next packet counter of each chip."""
    edges: int = 0
    """Edges given to `encode` so far: the counter of the next one."""

    def __post_init__(self) -> None:
        if self.chips not in (1, 4):
            raise ValueError(f"{self.chips} chips: must be 1 or 4")
        self._rng = np.random.default_rng(self.seed)

    @property
    def bound(self) -> int:
        """Ticks: no hit comes more than this behind a later one, on whichever chips."""
        return int(self.disorder_s * TICKS_PER_S) + FLUSH * 3 // 2

    def encode(
        self, truth: Truth, start: int, stop: int, *, shutter: bool = False, edges: Iterable[int] = ()
    ) -> bytes:
        """The stream of the hits of [start, stop), in ticks; calls must follow one another in time.

        shutter: with words for shutter open at the start and close at the end, which come first and last.
        edges: ticks within, of the trigger input; they come beside the train of `tdc_hz`.
        """
        rows = [*self._rows(truth, start, stop, shutter), *self._edges(edges)]
        ready, chip, word = (np.concatenate(part) for part in zip(*rows, strict=True))
        order = np.lexsort((ready, chip))
        return self._chunks(ready[order], chip[order], word[order])

    def _rows(self, truth: Truth, start: int, stop: int, shutter: bool) -> Iterator[tuple[Ints, Ints, Words]]:
        """(when it leaves its chip, chip, word) of everything that is sent."""
        late = int(self.disorder_s * TICKS_PER_S)
        chip, x, y = np.zeros(len(truth), np.int64), truth.x.astype(np.int64), truth.y.astype(np.int64)
        if self.chips == 4:
            chip, x, y = unstitch(x, y)
        spidr, toa, ftoa = split_ticks(truth.t)
        yield (
            truth.t + self._rng.integers(0, late + 1, len(truth)),
            chip,
            packets.encode_pixels(x, y, toa, truth.tot, ftoa, spidr),
        )
        every = np.arange(self.chips)
        for moment, index in _moments(self.tdc_hz, start, stop):
            yield self._alike(moment, _trigger(int(index / self.tdc_hz * TDC_PER_S), index + 1))
        for moment, _ in _moments(1 / self.global_s if self.global_s > 0 else 0, start, stop):
            # Each chip a little later than the one before, so that hits come before the first of them.
            time = moment + (every + 1) * late
            low, high = packets.encode_global_time(time >> 4)
            yield time, every, low
            yield time, every, high
        for moment, _ in _moments(1.0, start, stop):
            yield self._alike(moment, packets.encode_shutter(packets.HEARTBEAT, moment >> 4 & (1 << 34) - 1))
        if shutter:
            end = stop + late + TICKS_PER_S // 100
            yield self._alike(
                start - 1, packets.encode_shutter(packets.SHUTTER_OPEN, start >> 4 & (1 << 34) - 1)
            )
            yield self._alike(end, packets.encode_shutter(packets.SHUTTER_CLOSE, stop >> 4 & (1 << 34) - 1))

    def _edges(self, edges: Iterable[int]) -> Iterator[tuple[Ints, Ints, Words]]:
        for moment in edges:
            self.edges += 1
            yield self._alike(moment, _trigger(moment * (TDC_PER_S // TICKS_PER_S), self.edges))

    def _alike(self, moment: int, word: Words) -> tuple[Ints, Ints, Words]:
        return np.full(self.chips, moment), np.arange(self.chips), np.full(self.chips, word)

    def _chunks(self, ready: Ints, chip: Ints, word: Words) -> bytes:
        """Rows, sorted by chip and then time, as chunks in the order in which they are sent."""
        if not len(word):
            return b""
        # A pair of global-time words is never torn apart: a packet that overtakes would turn it round.
        alone = np.isin(packets.types_of(word), (packets.GLOBAL_LOW, packets.GLOBAL_HIGH))
        group = (chip << 1 | alone) + (ready // FLUSH << 5)
        begins = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
        within = np.arange(len(word)) - np.repeat(begins, np.diff(begins, append=len(word)))
        begins = np.flatnonzero(within % CHUNK_WORDS == 0)
        lengths = np.diff(begins, append=len(word))
        owner, sent = chip[begins], ready[begins + lengths - 1]
        number = np.empty(len(begins), np.int64)
        for index in np.unique(owner).tolist():
            mine = np.flatnonzero(owner == index)
            number[mine] = self.counters[index] + np.arange(len(mine))
            self.counters[index] += len(mine)
            # Who is overtaken takes the time of the one behind, and the other way round.
            first = mine[np.flatnonzero(self._rng.random(len(mine) // 2) < self.overtaking) * 2]
            first = first[sent[first + 1] - sent[first] <= FLUSH // 2]
            sent[first], sent[first + 1] = sent[first + 1], sent[first].copy()
        kept = self._kept(owner, lengths, begins, word)
        order = np.argsort(sent, kind="stable")
        order = order[kept[order]]
        return _assemble(owner[order], number[order], begins[order], lengths[order], word)

    def _kept(self, owner: Ints, lengths: Ints, begins: Ints, word: Words) -> np.ndarray:
        """Which chunks are not lost; the first and last of each chip are not, so that every gap shows."""
        if not self.losing:
            return np.ones(len(owner), bool)
        edge = (np.diff(owner, prepend=-1) != 0) | (np.diff(owner, append=-1) != 0)
        lost = (self._rng.random(len(owner)) < self.losing) & ~edge
        is_hit = packets.types_of(word) >> 4 == packets.PIXEL
        self.lost_packets += int(lost.sum())
        self.lost_hits += int(np.add.reduceat(is_hit.astype(np.int64), begins)[lost].sum())
        return ~lost


def _trigger(units: int, number: int) -> Words:
    """Word of an edge at a time in steps of the fine time."""
    coarse, fine = np.array(units // 12 & (1 << 35) - 1), np.array(units % 12 + 1)
    return packets.encode_tdc(0x6F, np.array(number & 0xFFF), coarse, fine)


def _assemble(owner: Ints, number: Ints, begins: Ints, lengths: Ints, word: Words) -> bytes:
    """Header, counter and words of each chunk, one chunk after the other."""
    at = np.cumsum(lengths + 2) - (lengths + 2)
    out = np.empty(int((lengths + 2).sum()), "<u8")
    out[at] = encode_header(owner, (lengths + 1) * 8)
    out[at + 1] = packets.encode_packet_id(number)
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    out[np.repeat(at + 2, lengths) + within] = word[np.repeat(begins, lengths) + within]
    return out.tobytes()


def _moments(rate_hz: float, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """(time in ticks, index) of every instant of a regular train that begins at 0, within [start, stop)."""
    if rate_hz <= 0:
        return
    index = int(start / TICKS_PER_S * rate_hz)
    while (moment := round(index / rate_hz * TICKS_PER_S)) < stop:
        if moment >= start:
            yield moment, index
        index += 1


def stream(
    scene: Scene, count: int, *, readout: Spidr | None = None, part_hits: int = 1_000_000
) -> Iterator[tuple[bytes, Truth]]:
    """`count` hits of a scene as consecutive pieces of one stream, each with its truth."""
    parts = [part_hits] * (count // part_hits) + [count % part_hits] * (count % part_hits > 0)
    return exposures(scene, parts, readout=readout, shutter=False)


def exposures(
    scene: Scene,
    counts: Iterable[int],
    *,
    readout: Spidr | None = None,
    gap_s: float = 0.0,
    shutter: bool = True,
) -> Iterator[tuple[bytes, Truth]]:
    """One piece of stream for each of `counts`, with exactly so many hits, and its truth.

    gap_s: time without hits after each. shutter: with shutter words on every chip around each.
    """
    readout = readout or Spidr(chips=1 if scene.side == SIDE else 4, seed=scene.seed)
    start = 0
    for part, count in enumerate(counts):
        truth = scene.hits(count, start=start, part=part)
        stop = scene.end(count, start)
        yield readout.encode(truth, start, stop, shutter=shutter), truth
        start = stop + int(gap_s * TICKS_PER_S)
