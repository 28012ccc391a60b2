"""A run's blocks in, results out: decode, sort, cluster, and the counts of each pipeline block (pure).

Promises: the results of an exposure depend only on the words between its BEGIN and END, not on how they were
cut into blocks, nor on the order in which hits came as long as none is later than the disorder bound; a
pipeline restored from a state goes on to the very same results. Hits later than the bound are counted, are in
images and spectra, and are left out of clusters (`late_hits`).
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..bus.formats.hits import TICK_NS
from ..bus.log.block import Header, Kind
from .blocks.base import Block, HitBatch
from .kernels.cluster import Clusterer
from .kernels.features import Clusters
from .kernels.layout import QUAD
from .kernels.sort import TimeSort
from .loss import Loss
from .marks import facts_of
from .streams import Stream, stream

DISORDER_NS = 2.5e6
"""Hits this much older than the newest are late. Larger: more hits wait, and sorting leaves the cache.
Smaller: some miss their cluster. The largest seen in a recording of four chips is 1.2 ms."""
AT_END = "exposure_"
"""Results whose names begin so belong to a finished exposure."""
END_OF_TIME = 1 << 62


class Pipeline:
    """Analyses one source."""

    def __init__(
        self, blocks: Mapping[str, Block], *, window_ns: float = 200.0, disorder_ns: float = DISORDER_NS
    ) -> None:
        self._blocks = dict(blocks)
        self.window_ns = window_ns
        """Longest time between neighbouring hits of a cluster; a new value holds from the next BEGIN on."""
        self._sort = TimeSort(int(disorder_ns / TICK_NS))
        self.reset("")

    def reset(self, run: str) -> None:
        """Begin a run."""
        self.run = run
        self.blocks = 0
        """Log blocks of this run."""
        self.exposing = False
        """True between BEGIN and END."""
        self._number, self._begun_ns = 0, 0
        self._streams: dict[int, Stream] = {}
        self._facts: dict[str, Any] = {}
        self._loss = Loss()
        self._sort.late = 0
        self._start_clustering()
        for block in self._blocks.values():
            block.reset(run)
        self.exposure = 0
        """Number of the last exposure that ended in this run; 0 before."""
        self.ended = self._of_exposure()
        """Its `exposure_...` results; those that are arrays are not part of a saved state."""

    def _start_clustering(self) -> None:
        self._window = int(self.window_ns / TICK_NS)
        self._cluster = Clusterer(QUAD.width, QUAD.height, self._window)
        self._sort.flush()

    def block(self, header: Header, payload: bytes | bytearray | memoryview) -> bool:
        """Take the next block of the run; True when an exposure has ended with it."""
        self.blocks += 1
        facts = facts_of(header, payload)
        self._loss.note(header, facts)
        ended = False
        if header.kind == Kind.DATA:
            self._data(header, payload)
        elif header.kind in (Kind.BEGIN, Kind.END, Kind.CLOSE):
            ended = self._end()
            if header.kind == Kind.BEGIN:
                self._begin(header, facts)
        return ended

    def _begin(self, header: Header, facts: dict[str, Any]) -> None:
        self._start_clustering()
        self._facts = facts
        self.exposing, self._number, self._begun_ns = True, header.exposure, header.mono_first_ns
        for source in self._streams.values():
            source.opened(facts)
        for block in self._blocks.values():
            block.exposure_begin()

    def _end(self) -> bool:
        """Close all clusters; keep the results of the exposure, if there was one."""
        sorted_hits = self._sort.flush()
        self._take(self._cluster.feed(sorted_hits, END_OF_TIME))
        self._take(self._cluster.flush())
        ended, self.exposing = self.exposing, False
        if ended:
            self.exposure = self._number
            self.ended = self._of_exposure()
        return ended

    def _data(self, header: Header, payload: bytes | bytearray | memoryview) -> None:
        source = self._streams.get(header.format)
        if source is None:
            source = self._streams[header.format] = stream(header.format)
            source.opened(self._facts)
        hits = source.decode(payload)
        if not len(hits):
            return
        self._begun_ns = self._begun_ns or header.mono_first_ns
        layout = source.layout
        batch = HitBatch(
            hits.t,
            hits.x,
            hits.y,
            hits.tot,
            hits.chip,
            layout.width,
            layout.height,
            self._begun_ns,
            header.mono_last_ns,
            hits.events,
        )
        for block in self._blocks.values():
            block.hits(batch)
        if hits.events is not None:
            return  # without a time there is nothing to cluster by
        sorted_hits = self._sort.feed(hits.t, hits.x, hits.y, hits.tot)
        if sorted_hits is not None:
            self._take(self._cluster.feed(sorted_hits, self._sort.horizon))

    def _take(self, clusters: Clusters) -> None:
        if len(clusters):
            for block in self._blocks.values():
                block.clusters(clusters)

    def _results(self) -> dict[str, Any]:
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for block in self._blocks.values()
            for name, value in block.results().items()
        }

    def _of_exposure(self) -> dict[str, Any]:
        return {name: value for name, value in self._results().items() if name.startswith(AT_END)}

    def results(self) -> dict[str, Any]:
        """Give every result by attribute name: of the run so far, and of the last exposure that ended."""
        now = {name: value for name, value in self._results().items() if not name.startswith(AT_END)}
        return {**now, **self.ended}

    @property
    def lost(self) -> int | None:
        """What of this run is missing: packets or hits, as the source counts; None when nobody counted."""
        return self._loss.total(source.lost for source in self._streams.values())

    @property
    def late_hits(self) -> int:
        """Hits of this run that came too late for their clusters."""
        return self._sort.late

    @property
    def unknown_words(self) -> int:
        """Words of this run that mean nothing."""
        return sum(source.unknown_words for source in self._streams.values())

    def state(self) -> dict[str, np.ndarray]:
        """Give all that is needed to go on from here, as arrays that do not change afterwards."""
        facts = {
            "run": self.run,
            "blocks": self.blocks,
            "exposure": self.exposure,
            "exposing": self.exposing,
            "number": self._number,
            "begun_ns": self._begun_ns,
            "loss": self._loss.state(),
            "facts": self._facts,
            "window_ns": self.window_ns,
            "window": self._window,
            "streams": list(self._streams),
            "pipeline": list(self._blocks),
            "ended": {name: value for name, value in self.ended.items() if np.isscalar(value)},
        }
        parts = {"sort": self._sort.state(), "cluster": self._cluster.state()}
        parts |= {f"stream.{format}": source.state() for format, source in self._streams.items()}
        parts |= {f"block.{name}": block.state() for name, block in self._blocks.items()}
        arrays = {f"{part}/{name}": array for part, state in parts.items() for name, array in state.items()}
        return arrays | {"facts": np.frombuffer(json.dumps(facts).encode(), np.uint8)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from where `state` was taken; ValueError when it is of another set of pipeline blocks."""
        facts = json.loads(state["facts"].tobytes())
        if facts["pipeline"] != list(self._blocks):
            raise ValueError(
                f"saved state is of the blocks {', '.join(facts['pipeline'])}, "
                f"not of {', '.join(self._blocks)}"
            )
        parts: dict[str, dict[str, np.ndarray]] = {}
        for key, array in state.items():
            part, _, name = key.partition("/")
            parts.setdefault(part, {})[name] = array
        self.reset(facts["run"])
        self.blocks, self.exposure, self.exposing = facts["blocks"], facts["exposure"], facts["exposing"]
        self._number, self._begun_ns = facts["number"], facts["begun_ns"]
        self._loss.restore(facts["loss"])
        self._facts, self.ended = facts["facts"], facts["ended"]
        self.window_ns, self._window = facts["window_ns"], facts["window"]
        self._cluster = Clusterer(QUAD.width, QUAD.height, self._window)
        self._cluster.restore(parts["cluster"])
        self._sort.restore(parts["sort"])
        for format in facts["streams"]:
            self._streams[format] = stream(format)
            self._streams[format].restore(parts.get(f"stream.{format}", {}))
        for name, block in self._blocks.items():
            block.restore(parts.get(f"block.{name}", {}))
