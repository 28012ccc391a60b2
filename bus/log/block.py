"""The block: a fixed header and a payload, the only thing that a run log is made of (pure).

A block locates itself: its header carries run, source, sequence number and its own byte offset in the run, so
that a stray, stale or half-written block is never taken for another. `docs/runlog.md` is the normative text.
"""

import json
import math
import struct
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import google_crc32c
import numpy as np

from .codes import Condition, Format, Kind, LossMethod

__all__ = [
    "Condition",
    "Format",
    "Header",
    "Kind",
    "LossMethod",
    "build",
    "crc",
    "decode_facts",
    "digest",
    "encode_facts",
    "pack",
    "unpack",
]

Buffer = bytes | bytearray | memoryview

MAGIC = b"HLOG"
VERSION = 1
HEADER_BYTES = 160
ALIGNMENT = 8
"""Every block begins at a multiple of this; the payload is followed by zero bytes up to the next one."""
MAX_PAYLOAD = 8 * 2**20
"""Hard cap: no reader allocates more for one block, whatever a damaged header says."""
MAX_FACTS = 256 * 2**10
"""Cap on the JSON of a mark, so that the last mark of a run is found by reading its tail."""
NOT_COUNTED = 0xFFFFFFFF
"""In the field `hits`: the source did not count them."""
PREVIEW = 1 << 16
"""In the field `flags`: this run keeps its newest part only."""


class BlockError(ValueError):
    """These bytes are not a block of this format."""


_LAYOUT = struct.Struct("<4sHHHHI16s16sQQQIIqqqqIIIIQQQ4s")
_CRC = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed part of a block; times in ns, host clock, first and last moment of reception."""

    kind: int
    format: int = Format.NONE
    flags: int = 0
    """Condition of the run so far in bits 0 to 15; PREVIEW in bit 16."""
    run: bytes = bytes(16)
    source: bytes = bytes(16)
    """`digest` of the run id and of the source's name."""
    ordinal: int = 0
    """Number of this run among the runs of its source: 1, 2, ..."""
    offset: int = 0
    """Where this block begins in the run, bytes."""
    seq: int = 0
    """Blocks of the run before this one."""
    exposure: int = 0
    """Exposure that it belongs to, from 1; 0 outside."""
    method: int = LossMethod.UNKNOWN
    mono_first_ns: int = 0
    mono_last_ns: int = 0
    wall_first_ns: int = 0
    wall_last_ns: int = 0
    words: int = 0
    hits: int = NOT_COUNTED
    payload: int = 0
    """Bytes of payload, without the padding."""
    payload_crc: int = 0
    lost: int = 0
    """Lost before the log since the last DATA block; the method gives the unit."""
    dropped: int = 0
    """Words dropped at the full ring since the last block: they had reached us and are gone."""
    durable: int = 0
    """Up to where the run was on the disk for good when this was written: damage below is no torn tail."""

    @property
    def size(self) -> int:
        """Bytes from this block to the next: header, payload, padding."""
        return block_size(self.payload)

    @property
    def condition(self) -> Condition:
        """Condition of the run when the block was written."""
        return Condition(self.flags & 0x1F)


def block_size(payload: int) -> int:
    """Bytes that a block with so many bytes of payload takes."""
    return -(-(HEADER_BYTES + payload) // ALIGNMENT) * ALIGNMENT


def digest(name: str) -> bytes:
    """The 16 bytes that stand for a run id or a source name in every header: BLAKE2b-128 of its UTF-8."""
    return blake2b(name.encode(), digest_size=16).digest()


def crc(payload: Buffer) -> int:
    """CRC-32C (Castagnoli), as in iSCSI, RFC 3720."""
    if isinstance(payload, bytes) or not len(payload):
        return google_crc32c.value(bytes(payload))
    # The C extension takes no memoryview; an array over the same memory passes without a copy.
    return google_crc32c.value(np.frombuffer(payload, np.uint8))


def pack(header: Header) -> bytes:
    """Return the 160 bytes of a header, with its CRC."""
    if header.payload > MAX_PAYLOAD:
        raise BlockError(f"payload of {header.payload} bytes, the cap is {MAX_PAYLOAD} bytes: split it")
    h = header
    fixed = _LAYOUT.pack(
        MAGIC,
        VERSION,
        HEADER_BYTES,
        h.kind,
        h.format,
        h.flags,
        h.run,
        h.source,
        h.ordinal,
        h.offset,
        h.seq,
        h.exposure,
        h.method,
        h.mono_first_ns,
        h.mono_last_ns,
        h.wall_first_ns,
        h.wall_last_ns,
        h.words,
        h.hits,
        h.payload,
        h.payload_crc,
        h.lost,
        h.dropped,
        h.durable,
        bytes(4),
    )
    return fixed + _CRC.pack(crc(fixed))


def unpack(buffer: Buffer, at: int = 0) -> Header:
    """Return the header that begins at `at`; raises BlockError with the reason when there is none."""
    raw = bytes(memoryview(buffer)[at : at + HEADER_BYTES])
    if len(raw) < HEADER_BYTES:
        raise BlockError(f"header is cut after {len(raw)} of {HEADER_BYTES} bytes")
    magic, version, size, *fields, _ = _LAYOUT.unpack_from(raw)
    if magic != MAGIC:
        raise BlockError("no block begins here")
    if _CRC.unpack_from(raw, _LAYOUT.size)[0] != crc(raw[: _LAYOUT.size]):
        raise BlockError("header does not match its CRC")
    if version != VERSION or size != HEADER_BYTES:
        raise BlockError(f"block of format version {version}, this reader knows version {VERSION}")
    header = Header(*fields)
    if header.payload > MAX_PAYLOAD:
        raise BlockError(f"payload of {header.payload} bytes, the cap is {MAX_PAYLOAD} bytes")
    return header


def build(header: Header, payload: Buffer) -> bytes:
    """Return a whole block with the lengths and checksums filled in."""
    header = replace(header, payload=len(payload), payload_crc=crc(payload))
    return b"".join((pack(header), payload, bytes(header.size - HEADER_BYTES - len(payload))))


def encode_facts(facts: dict[str, Any]) -> bytes:
    """Return facts as the payload of a mark; numbers that are not finite become null, arrays become lists."""
    return json.dumps(_plain(facts), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def decode_facts(payload: Buffer) -> dict[str, Any]:
    """Return the facts of a mark; raises BlockError when they are not a JSON object."""
    try:
        facts = json.loads(bytes(payload))
    except (ValueError, RecursionError) as error:
        raise BlockError(f"facts of a mark are not JSON: {error}") from None
    if not isinstance(facts, dict):
        raise BlockError("facts of a mark are not a JSON object")
    return facts
