"""The codes in a block's header, as they stand on disk for ever."""

from enum import IntEnum, IntFlag


class Kind(IntEnum):
    """What a block holds. Readers skip kinds that they do not know."""

    DATA = 1
    """Raw words as they came from the readout."""
    BEGIN = 2
    """An exposure begins; JSON facts."""
    END = 3
    """An exposure ended; JSON facts with its counts."""
    VALUES = 4
    """Slow values, {name: value}; JSON."""
    CLOSE = 5
    """The run ended, nothing follows; JSON facts with totals and condition."""
    OPEN = 6
    """The first block of a run; JSON facts with the names that the header only has as digests."""


class Format(IntEnum):
    """How the words of a DATA payload are coded."""

    NONE = 0
    TPX3_CHUNKS = 1
    """Timepix3 words in chunks with an 8 byte header each, as in Serval's `.tpx3`; 8 byte words."""
    TPX3_WORDS = 2
    """Bare Timepix3 words of 8 bytes, one chip."""
    KATHERINE = 3
    """Katherine's measurement words of 6 bytes."""
    JSON = 4
    """UTF-8 JSON; every kind but DATA."""


class LossMethod(IntEnum):
    """How the loss before the log was counted, which is also the unit of `lost`."""

    UNKNOWN = 0
    """Nobody could count: `lost` means nothing and is never shown as 0."""
    PACKET_COUNTER = 1
    """Gaps of a packet counter in the stream; packets."""
    FRAME_COUNT = 2
    """The readout's own count at the end of a frame; hits."""
    SOURCE = 3
    """The source itself knows what it sent, as a replayed file does; hits."""
    NONE = 4
    """Nothing can get lost on the way."""


class Condition(IntFlag):
    """Quality of a run; the words are Constellation's."""

    GOOD = 0
    TAINTED = 1
    """Something happened that makes the data doubtful, such as a failed sync."""
    INCOMPLETE = 2
    """Data are missing, or may be."""
    INTERRUPTED = 4
    """A failure or an interlock ended the run."""
    ABORTED = 8
    """A person ended the run before its time."""
    DEGRADED = 16
    """A part of the station that is not essential was missing."""

    @property
    def text(self) -> str:
        """The flags by name, joined by `|`; GOOD when there is none."""
        return "|".join(flag.name or "" for flag in Condition if flag and flag in self) or "GOOD"
