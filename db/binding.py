"""What ties a record to an instrument: `info(hitline, "INSTRUMENT ATTRIBUTE")`, or a command with `()`."""

from dataclasses import dataclass

from .records import Record
from .supported import OUTPUTS

RESET = "initialize"
"""The only transition that a record may send; launch, start and the rest are the conductor's commands."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a record shows or sets."""

    instrument: str
    target: str
    """An attribute or a command."""
    is_command: bool

    @property
    def transition(self) -> bool:
        """True when the command is a transition of the satellite, to be sent as one."""
        return self.is_command and self.target == RESET


def binding(record: Record) -> Binding | None:
    """Return what a record's tag says, or None when it is absent or malformed."""
    instrument, _, target = record.info.get("hitline", "").strip().partition(" ")
    name = target.strip().removesuffix("()")
    if not instrument or not name.isidentifier():
        return None
    return Binding(instrument, name, target.strip().endswith("()"))


def sets(record: Record) -> bool:
    """Say whether a client may write the record's value; a waveform sets unless its name ends in _RBV."""
    return record.rtype in OUTPUTS or (record.rtype == "waveform" and not record.name.endswith("_RBV"))
