"""Follows the marks of one exposure: which frames came, what was lost, and what does not fit (pure).

The readout says at the end of a frame (0xC) how many pixels it sent in it: the loss is what is missing, to
the pixel. Without that word the loss of the frame is unknown. Words have no numbers, so order is not
checked; what cannot be in good data is noted as a flaw: a frame in a frame, words outside of one, more
pixels than were sent, a mark that comes twice.
"""

from dataclasses import dataclass, field
from typing import Any

from hitline.bus.formats.katherine_scan import Scan
from hitline.bus.formats.katherine_words import GENERATIONS, Header
from hitline.bus.log.codes import Condition

from .frame import TIMES, Frame

LISTED = 200
"""Frames that are listed one by one in the END mark, which has a largest size."""
MOST_FLAWS = 16


@dataclass(slots=True)
class Follower:
    """Takes what was scanned, in order."""

    generation: int = 1
    finished: int = 0
    """Frames that ended with their count."""
    begun: int = 0
    """New-frame words, and frames that had none."""
    aborted: bool = False
    sent: int = 0
    """Pixels, by the counts that came."""
    received: int = 0
    lost: int = 0
    unknown: bool = False
    """True when the loss of some frame is not known."""
    lost_inside: int = 0
    triggers: int = 0
    words_unknown: int = 0
    flaws: dict[str, Condition] = field(default_factory=dict)
    """What does not fit, and what it makes of the run."""
    frames: list[Frame] = field(default_factory=list)
    """The first ones."""
    open: Frame | None = None
    last: Frame | None = None
    """The frame that ended last."""

    def take(self, scan: Scan) -> int:
        """Take the next words; return how many pixels turned out to be lost."""
        lost = self.lost
        trigger = GENERATIONS[self.generation].is_trigger[scan.header]
        self.triggers += int(trigger.sum())
        self.words_unknown += scan.unknown
        position = 0
        keep = ~trigger
        for header, value, place in zip(
            scan.header[keep].tolist(), scan.value[keep].tolist(), scan.place[keep].tolist(), strict=True
        ):
            self._pixels(place - position)
            position = place
            self._mark(header, value)
        self._pixels(scan.pixels - position)
        return max(0, self.lost - lost)

    def close(self, wanted: int) -> None:
        """Nothing more comes: a frame that is still open has no count, and some may be missing whole.

        wanted: how many frames there must be; 0 where that is not known, as after a stop.
        """
        if self.open:
            self._unfinished("did not end: its count (0xC) is missing")
        elif not self.begun:
            self._flaw(Condition.INCOMPLETE, "no frame came", loss=True)
        if not self.aborted and self.finished < wanted:
            self._flaw(Condition.INCOMPLETE, f"{self.finished} of {wanted} frames came whole", loss=True)

    def facts(self) -> dict[str, Any]:
        """For the END mark; times are steps of 25 ns."""
        last = self.last
        return {
            "frames_finished": self.finished,
            "frame_start": self.frames[0].start if self.frames else None,
            "frame_end": last.end if last else None,
            "detector_ns": last.end * 25 if last and last.end is not None else None,
            "pixels_received": self.received,
            "pixels_lost_inside": self.lost_inside,
            "trigger_words": self.triggers,
            "unknown_words": self.words_unknown,
            "aborted": self.aborted,
            "flaws": list(self.flaws),
            "frames": [frame.facts() for frame in self.frames],
        }

    def _mark(self, header: int, value: int) -> None:
        if header == Header.NEW_FRAME:
            if self.open:
                self._unfinished("had another new-frame word in it", Condition.TAINTED)
            self._begin()
        elif header in TIMES:
            self._time(header, value)
        elif header == Header.LOST:
            self.lost_inside += value
            self._now().lost_inside += value
        elif header == Header.FINISHED:
            self._finish(value)
        elif header == Header.ABORTED:
            self.aborted = True
            if self.open:
                self._unfinished("was aborted by the readout (0xE)")
            else:
                self._flaw(Condition.INCOMPLETE, "aborted by the readout (0xE)")

    def _pixels(self, count: int) -> None:
        if not count:
            return
        self.received += count
        late = self.last
        if self.open is None and late and (late.sent or 0) > late.received:
            # Sent before the end of its frame, and come behind it.
            self._flaw(Condition.TAINTED, "pixels came behind the end of their frame: order is not kept")
            self.lost -= min(count, (late.sent or 0) - late.received)
            late.received += count
            self._surplus(late)
            return
        self._now().received += count

    def _time(self, header: int, value: int) -> None:
        frame = self._now()
        if header in frame.times:
            self._flaw(Condition.TAINTED, f"frame {frame.number} had its 0x{header:X} word twice")
        frame.times[header] = value & (1 << TIMES[Header(header)]) - 1

    def _finish(self, sent: int) -> None:
        if self.open is None:
            self._flaw(Condition.TAINTED, "a second end of a frame (0xC) came")
            return
        frame = self.open
        frame.sent = sent
        self.sent += sent
        self.finished += 1
        self.lost += max(0, sent - frame.received)
        self._surplus(frame)
        self._end()

    def _surplus(self, frame: Frame) -> None:
        if frame.sent is not None and frame.received > frame.sent:
            self._flaw(
                Condition.TAINTED,
                f"frame {frame.number}: {frame.received} pixels came, {frame.sent} were sent",
                loss=True,
            )

    def _unfinished(self, why: str, more: Condition = Condition.GOOD) -> None:
        frame = self._now()
        self._flaw(Condition.INCOMPLETE | more, f"frame {frame.number} {why}", loss=True)
        self._end()

    def _now(self) -> Frame:
        """The open frame; one without a new-frame word begins where there is none."""
        if self.open is not None:
            return self.open
        self._flaw(Condition.TAINTED, f"frame {self.begun + 1} has no new-frame word (0x7)")
        return self._begin()

    def _begin(self) -> Frame:
        self.begun += 1
        self.open = frame = Frame(self.begun)
        if len(self.frames) < LISTED:
            self.frames.append(frame)
        return frame

    def _end(self) -> None:
        self.last, self.open = self.open, None

    def _flaw(self, condition: Condition, reason: str, *, loss: bool = False) -> None:
        self.unknown |= loss
        if reason not in self.flaws:
            reason = reason if len(self.flaws) < MOST_FLAWS else "and more of the kind"
            self.flaws[reason] = self.flaws.get(reason, Condition.GOOD) | condition
