"""Blocks of a log as a pipeline gets them, without a log."""

from collections.abc import Iterable, Iterator

from hitline.bus.log.block import Format, Header, Kind, LossMethod

Block = tuple[Header, bytes]


def mark(kind: Kind, exposure: int = 0) -> Block:
    return Header(kind, Format.JSON, exposure=exposure, mono_first_ns=1 + exposure * 10**5), b"{}"


def data(
    payload: bytes,
    exposure: int = 1,
    number: int = 1,
    format: Format = Format.TPX3_CHUNKS,
    lost: int = 0,
    method: LossMethod = LossMethod.SOURCE,
    dropped: int = 0,
) -> Block:
    return Header(
        Kind.DATA,
        format,
        exposure=exposure,
        mono_first_ns=number * 10**6,
        mono_last_ns=number * 10**6 + 5,
        lost=lost,
        method=method,
        dropped=dropped,
    ), payload


def exposures(payloads: Iterable[bytes], size: int, **more) -> Iterator[Block]:
    """A run with one exposure for each payload, cut into blocks of `size` bytes."""
    yield mark(Kind.OPEN)
    number = 0
    for exposure, payload in enumerate(payloads, 1):
        yield mark(Kind.BEGIN, exposure)
        for at in range(0, len(payload), size):
            number += 1
            yield data(payload[at : at + size], exposure, number, **more)
        yield mark(Kind.END, exposure)
    yield mark(Kind.CLOSE)
