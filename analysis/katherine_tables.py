"""A Katherine stream as tables, each exposure by the setup that its log tells of."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bus.formats.frames import Frame
from ..bus.formats.hits import T_MODULUS, Table
from ..bus.formats.katherine import KatherineBatch, KatherineDecoder
from ..bus.formats.katherine_setup import KEYS, Setup
from .marks import Begin

Columns = dict[str, NDArray]
FRAME = (
    "number",
    "exposure",
    "announced",
    "first_pixel",
    "received",
    "sent",
    "missing",
    "surplus",
    "lost",
    "start",
    "end",
)
"""Columns of the table of frames; see `Frame`."""


class KatherineTables:
    """Decodes one recording, called `name`; ValueError where it says what is not known.

    opened: facts of its OPEN. given: facts that a person names; they win over those of the log.
    """

    def __init__(self, name: str, opened: Mapping[str, Any], given: Mapping[str, Any]) -> None:
        self._name, self._opened, self._given = name, opened, given
        self.setups: list[dict[str, Any]] = []
        """The facts of the setup, by exposure, where they changed; exposure 0: from the beginning on."""
        self.decoder = KatherineDecoder.of(self._setup(Begin(0)))

    def _setup(self, begin: Begin) -> Setup:
        facts = {**self._opened, **begin.facts, **self._given}
        try:
            setup = Setup.of(facts)
        except ValueError as error:
            where = f", exposure {begin.exposure}" if begin.exposure else ""
            raise ValueError(f"{self._name}{where}: {error}; say what it was with an option") from error
        told = setup.facts()
        if not self.setups or told != {name: self.setups[-1][name] for name in KEYS}:
            self.setups.append({"exposure": begin.exposure, **told})
        return setup

    def tables(self, stream: Iterable[bytes | memoryview | Begin | None]) -> Iterator[dict[str, Columns]]:
        """Tables of one piece after the other; None stands for bytes that are missing."""
        for piece in stream:
            if piece is None:
                self.decoder.gap()
            elif isinstance(piece, Begin):
                self.decoder.begin(piece.exposure, self._setup(piece))
            else:
                yield _tables(self.decoder.feed(piece))
        yield {"frame": _frames(self.decoder.flush())}

    def types(self) -> dict[str, int]:
        """Words by header."""
        headers = self.decoder.headers
        return {f"0x{kind:x}": int(headers[kind]) for kind in np.flatnonzero(headers)}


def _columns(table: Table) -> Columns:
    return {name: getattr(table, name) for name in table.DTYPES}


def _tables(batch: KatherineBatch) -> dict[str, Columns]:
    timed, counted = batch.frame[: len(batch.hits)], batch.frame[: len(batch.counted)]
    hits = _columns(batch.hits)
    times = hits.pop("t_unwrapped")
    return {
        "hits": hits
        | {"t": times % T_MODULUS, "t_unwrapped": times, "frame": timed, "hit_count": batch.hit_count},
        "counted": _columns(batch.counted) | {"frame": counted},
        "mark": _columns(batch.marks),
        "frame": _frames(batch.frames),
    }


def _frames(frames: list[Frame]) -> Columns:
    return {name: np.array([getattr(frame, name) for frame in frames], np.int64) for name in FRAME}
