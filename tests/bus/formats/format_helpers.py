"""Small things that several tests of formats use."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from hitline.bus.formats.hits import Table
from hitline.bus.formats.tpx3 import Batch, Decoder


def rows(table: Table) -> list[tuple]:
    """A table as tuples of Python integers."""
    return list(zip(*(column.tolist() for column in table.widened().values()), strict=True))


def sha256(column: np.ndarray) -> str:
    """Of a column as little-endian int64."""
    return hashlib.sha256(np.asarray(column).astype("<i8").tobytes()).hexdigest()


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Data cut at these places."""
    ends = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(ends)]


def decoded(parts: Sequence[bytes], decoder: Decoder | None = None) -> Batch:
    """Everything that a decoder makes of these pieces."""
    decoder = decoder or Decoder()
    return Batch.concat([*(decoder.feed(part) for part in parts), decoder.flush()])


def same(one: Batch, other: Batch) -> bool:
    """Whether two batches are equal, bit for bit."""
    return all(
        rows(getattr(one, name)) == rows(getattr(other, name))
        for name in ("hits", "tdc", "counted", "control")
    )
