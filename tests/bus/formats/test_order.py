"""Chunks of a live stream back in order."""

import numpy as np
from format_helpers import pieces
from hitline.bus.formats.chunks import encode
from hitline.bus.formats.order import WINDOW, Order
from hitline.bus.formats.packets import encode_packet_id
from hypothesis import given, settings
from hypothesis import strategies as st


def chunk(chip: int, counter: int) -> bytes:
    words = np.array([int(encode_packet_id(counter)), 0xB << 60 | counter], np.uint64)
    return encode([(chip, words[:1] if counter % 3 == 0 else words)])


def ordered(parts: list[bytes], order: Order | None = None) -> bytes:
    order = order or Order()
    return b"".join([*(order.feed(part) for part in parts), order.flush()])


def of_chip(data: bytes, chip: int) -> list[int]:
    words = np.frombuffer(data, "<u8").tolist()
    owners, owner = [], -1
    for word in words:
        if word & 0xFFFFFFFF == 0x33585054:
            owner = word >> 32 & 0xFF
        elif word >> 56 == 0x50 and owner == chip:
            owners.append(word & (1 << 48) - 1)
    return owners


@settings(deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 10**6), max_size=12), st.booleans())
def test_bounded_disorder_is_mended(seed: int, cuts: list[int], restart: bool) -> None:
    """Displacements within the window vanish, for any split, and nothing else changes."""
    rng = np.random.default_rng(seed)
    jitter = np.argsort(np.arange(60) + rng.uniform(0, WINDOW / 2, 60)).tolist()
    chunks = [chunk(n % 2, counter) for n, counter in enumerate(c for c in jitter for _ in range(2))]
    raw = b"".join(chunks)
    if not restart:
        out = ordered(pieces(raw, cuts))
    else:
        order, out = Order(), b""
        for part in pieces(raw, cuts):
            out += order.feed(part)
            state, order = order.state(), Order()
            order.restore(state)
        out += order.flush()
    assert of_chip(out, 0) == of_chip(out, 1) == list(range(60))
    assert len(out) == len(raw)


def test_a_lost_chunk_holds_up_only_so_long() -> None:
    order = Order()
    out = [order.feed(chunk(0, n)) for n in (0, *range(2, 2 + WINDOW))]
    assert [bool(part) for part in out] == [True, *[False] * (WINDOW - 1), True]
    assert of_chip(b"".join(out), 0) == [0, *range(2, 2 + WINDOW)]
    assert order.feed(chunk(0, 1)) == chunk(0, 1), "later it passes at once"


def test_a_new_start_passes() -> None:
    raw = b"".join(chunk(0, n) for n in (*range(500, 520), 0, 1, 2))
    assert ordered([raw]) == raw


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 400), max_size=4))
def test_anything_else_passes_unchanged(noise: bytes, cuts: list[int]) -> None:
    noise = noise[: len(noise) // 8 * 8]
    raw = noise + chunk(1, 0) + encode([(1, np.array([5], np.uint64))]) + noise
    assert sorted(ordered(pieces(raw, cuts))) == sorted(raw)
    assert len(ordered(pieces(raw[:-3], cuts))) == len(raw) - 3
