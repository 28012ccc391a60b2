"""Whatever bytes come, `unpack` gives the header that was packed or raises BlockError."""

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hitline.bus.log.block import (
    HEADER_BYTES,
    MAX_PAYLOAD,
    BlockError,
    Condition,
    Header,
    Kind,
    block_size,
    build,
    crc,
    decode_facts,
    digest,
    encode_facts,
    pack,
    unpack,
)
from hitline.bus.log.message import Reply, Request, encode
from hitline.bus.log.scan import find, find_last, walk, whole
from hypothesis import given
from hypothesis import strategies as st

U32, U64, I64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)
U16, NAME = st.integers(0, 2**16 - 1), st.binary(min_size=16, max_size=16)
SPECIAL = {
    "kind": U16,
    "format": U16,
    "run": NAME,
    "source": NAME,
    "payload": st.integers(0, MAX_PAYLOAD),
    "mono_first_ns": I64,
    "mono_last_ns": I64,
    "wall_first_ns": I64,
    "wall_last_ns": I64,
    "ordinal": U64,
    "offset": U64,
    "seq": U64,
    "lost": U64,
    "dropped": U64,
    "durable": U64,
}
HEADERS = st.builds(Header, **{f.name: SPECIAL.get(f.name, U32) for f in fields(Header)})


@given(HEADERS)
def test_a_header_comes_back_as_it_was(header):
    raw = pack(header)
    assert len(raw) == HEADER_BYTES
    assert unpack(b"x" + raw, 1) == header


@given(HEADERS, st.integers(0, HEADER_BYTES * 8 - 1))
def test_no_flipped_bit_goes_unnoticed(header, bit):
    raw = bytearray(pack(header))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BlockError):
        unpack(raw)


@given(st.binary(max_size=400))
def test_garbage_is_no_block(raw):
    with pytest.raises(BlockError):
        unpack(raw)
    assert whole(raw, 0) == 0


def test_the_bytes_on_disk_are_the_ones_of_the_document():
    """The golden block of docs/runlog.md; it changes only with the version of the format."""
    header = Header(
        Kind.DATA,
        2,
        1,
        digest("run_1"),
        digest("det1"),
        3,
        160,
        1,
        7,
        1,
        1000,
        2000,
        3000,
        4000,
        words=1,
        hits=1,
        lost=5,
        dropped=6,
        durable=80,
    )
    block = build(header, bytes(range(8)))
    assert block[:16].hex() == "484c4f470100a0000100020001000000"
    assert block[16:32] == digest("run_1")
    assert block[48:80].hex() == "0300000000000000a00000000000000001000000000000000700000001000000"
    assert block[80:112].hex() == "e803000000000000d007000000000000b80b000000000000a00f000000000000"
    assert block[112:124].hex() == "010000000100000008000000"
    assert block[128:152].hex() == "050000000000000006000000000000005000000000000000"
    assert block[152:156] == bytes(4)
    assert int.from_bytes(block[124:128], "little") == crc(bytes(range(8)))
    assert int.from_bytes(block[156:160], "little") == crc(block[:156])
    assert block[160:] == bytes(range(8))


def test_the_checksum_is_castagnoli():
    # The check value of CRC-32C in the catalogue of parametrised CRC algorithms.
    assert crc(b"123456789") == crc(memoryview(bytearray(b"123456789"))) == 0xE3069283
    assert crc(b"") == crc(bytearray()) == 0


def test_a_later_version_is_refused_with_both_numbers():
    raw = bytearray(pack(Header(Kind.DATA)))
    raw[4:6] = (2).to_bytes(2, "little")
    raw[156:] = crc(raw[:156]).to_bytes(4, "little")
    with pytest.raises(BlockError, match=r"version 2.*version 1"):
        unpack(raw)


def test_the_cap_holds_both_ways():
    with pytest.raises(BlockError, match=str(MAX_PAYLOAD)):
        pack(Header(Kind.DATA, payload=MAX_PAYLOAD + 1))
    raw = bytearray(pack(Header(Kind.DATA)))
    raw[120:124] = (MAX_PAYLOAD + 1).to_bytes(4, "little")
    raw[156:] = crc(raw[:156]).to_bytes(4, "little")
    with pytest.raises(BlockError, match=str(MAX_PAYLOAD)):
        unpack(raw)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=8), st.integers(0, 5), st.integers(0, 300))
def test_blocks_are_found_behind_any_garbage(payloads, index, cut):
    run = digest("run")
    base, data, starts = 8000, b"", []
    for seq, payload in enumerate(payloads):
        starts.append(len(data))
        data += build(Header(Kind.DATA, run=run, seq=seq, offset=base + len(data)), payload)
    assert [at for at, _ in walk(data, base, run)] == starts
    assert find(data, base, run) == 0
    assert find_last(data, base, run) == starts[-1]
    assert whole(data, base, run) == len(data)
    assert find(data, base, digest("other")) is None
    assert find(data, base + 8, run) is None, "a block that stands elsewhere than it says is not taken"
    damaged = bytearray(data)
    first = starts[index % len(starts)]
    damaged[first] ^= 0xFF
    assert whole(damaged, base, run) == first
    kept = data[: max(0, len(data) - cut)]
    assert whole(kept, base, run) == max(at for at in [*starts, len(data)] if at <= len(kept))


def test_block_sizes_are_aligned():
    assert [block_size(n) for n in (0, 1, 8, 9)] == [160, 168, 168, 176]


def test_facts_are_plain_json():
    facts = {
        "a": np.int64(3),
        "b": float("nan"),
        "c": np.arange(3),
        "d": {"e": (1, None, True)},
        "f": Kind.DATA,
    }
    assert decode_facts(encode_facts(facts)) == {
        "a": 3,
        "b": None,
        "c": [0, 1, 2],
        "d": {"e": [1, None, True]},
        "f": 1,
    }
    for bad in (b"", b"[1]", b"\xff", b"{", b"[" * 100_000):
        with pytest.raises(BlockError):
            decode_facts(bad)


def test_conditions_read_as_words():
    assert Condition.GOOD.text == "GOOD"
    assert (Condition.INTERRUPTED | Condition.INCOMPLETE).text == "INCOMPLETE|INTERRUPTED"
    assert replace(Header(Kind.END), flags=0x10005).condition == Condition.TAINTED | Condition.INTERRUPTED


def _bytes_of(document: str, start: str) -> bytes:
    """The hexadecimal bytes of the fenced block that begins with `start`."""
    fence = document[document.index(f"```\n{start}") + 4 :]
    return bytes.fromhex("".join(re.sub(r"(?m)^ *\d+  ", "", fence[: fence.index("```")]).split()))


def test_the_document_has_the_bytes_that_the_code_writes():
    document = (Path(__file__).parents[3] / "docs" / "runlog.md").read_text()
    header = Header(
        Kind.DATA,
        2,
        1,
        digest("run_1"),
        digest("det1"),
        3,
        160,
        1,
        7,
        1,
        1000,
        2000,
        3000,
        4000,
        words=1,
        hits=1,
        lost=5,
        dropped=6,
        durable=80,
    )
    assert _bytes_of(document, "  0  48 4c") == build(header, bytes(range(8)))
    request = encode(Request(7, "det1", "run_1", 160, 0, 4 * 2**20))
    reply = encode(Reply(7, "run_1", 3, 160, 328, 160, False, 40001))
    assert _bytes_of(document, "87 a2") == request + reply
