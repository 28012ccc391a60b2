"""Finding blocks in bytes of a log (pure)."""

from collections.abc import Iterator

from .block import ALIGNMENT, HEADER_BYTES, MAGIC, BlockError, Buffer, Header, unpack


def belongs(header: Header, offset: int, run: bytes | None) -> bool:
    """Say whether a header stands where it says it does, in the run (digest; None: any) that is asked for."""
    return header.offset == offset and (run is None or header.run == run)


def header_at(data: Buffer, at: int, offset: int, run: bytes | None = None) -> Header | None:
    """Return the header at `data[at]`, which is byte `offset` of the run; None when there is none."""
    try:
        header = unpack(data, at)
    except BlockError:
        return None
    return header if belongs(header, offset, run) else None


def walk(data: Buffer, offset: int, run: bytes | None = None) -> Iterator[tuple[int, Header]]:
    """Give (position in data, header) of each whole block, until bytes come that are none."""
    at = 0
    while len(data) - at >= HEADER_BYTES:
        header = header_at(data, at, offset + at, run)
        if header is None or at + header.size > len(data):
            return
        yield at, header
        at += header.size


def whole(data: Buffer, offset: int, run: bytes | None = None) -> int:
    """Return the length in bytes of the whole blocks that `data` begins with."""
    end = 0
    for at, header in walk(data, offset, run):
        end = at + header.size
    return end


def find(data: bytes, offset: int, run: bytes | None = None) -> int | None:
    """Return the position of the first header in `data`, or None. The payload is not looked at."""
    at = data.find(MAGIC)
    while at >= 0:
        if (offset + at) % ALIGNMENT == 0 and header_at(data, at, offset + at, run):
            return at
        at = data.find(MAGIC, at + 1)
    return None


def find_last(data: bytes, offset: int, run: bytes | None = None) -> int | None:
    """Return the position of the last header in `data`, or None."""
    at = data.rfind(MAGIC)
    while at >= 0:
        if (offset + at) % ALIGNMENT == 0 and header_at(data, at, offset + at, run):
            return at
        at = data.rfind(MAGIC, 0, at + len(MAGIC) - 1)
    return None
