"""What came of one frame of a Katherine: its pixels, its count and its times."""

from dataclasses import dataclass, field

from hitline.bus.formats.katherine_words import Header

TIMES = {Header.START_LOW: 32, Header.START_HIGH: 16, Header.END_LOW: 32, Header.END_HIGH: 16}
"""Bits of the halves of a frame's times."""


@dataclass(slots=True)
class Frame:
    """One frame; None for what did not come."""

    number: int
    received: int = 0
    sent: int | None = None
    lost_inside: int = 0
    times: dict[int, int] = field(default_factory=dict)
    """Halves of its start and end, by their headers."""

    @property
    def start(self) -> int | None:
        """When it began, 48 bits of 25 ns."""
        return self._joined(Header.START_LOW, Header.START_HIGH)

    @property
    def end(self) -> int | None:
        """When it ended, likewise; once it is known, nothing of the frame can follow but its count."""
        return self._joined(Header.END_LOW, Header.END_HIGH)

    def _joined(self, low: Header, high: Header) -> int | None:
        both = self.times.get(low), self.times.get(high)
        return None if both[0] is None or both[1] is None else both[1] << 32 | both[0]

    def facts(self) -> dict[str, int | None]:
        """For the END mark."""
        return {
            "number": self.number,
            "start": self.start,
            "end": self.end,
            "received": self.received,
            "sent": self.sent,
            "lost_inside": self.lost_inside,
        }
