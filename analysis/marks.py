"""What the marks of a run log say to those who decode it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..bus.log.block import BlockError, Header, decode_facts
from ..bus.log.codes import Format


@dataclass(frozen=True, slots=True)
class Begin:
    """An exposure begins in a stream."""

    exposure: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of its BEGIN."""


def facts_of(header: Header, payload: bytes | bytearray | memoryview) -> dict[str, Any]:
    """Facts of a mark; none of a block of data, or where a writer of another kind left something else."""
    if header.format != Format.JSON:
        return {}
    try:
        return decode_facts(payload)
    except BlockError:
        return {}
