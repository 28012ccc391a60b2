"""A recording as a detector: the same log, feed and counts as a real one, with the answer known."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.log.block import Condition, LossMethod
from hitline.bus.log.survey import Found
from hitline.bus.states import OPERATING

from .detector import Detector
from .detector_table import COMMANDS, DETECTOR
from .katherine_tape import KatherineTape
from .pace import Pace, speed_factor
from .piece import Piece, Slice
from .replay_table import REPLAY, ReplayOptions
from .tail import Tail
from .tape import Tape, open_tape

Recording = Tape | KatherineTape | Tail


class Replay(Detector):
    """Plays a recording; each Acquire plays the next slice and stops.

    Nothing is lost on the way: when the disk is slower than the file, the file waits. What was sent is known
    from the file, so a loss is counted exactly, also after a death of this process.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("detector", "replay")
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = DETECTOR + REPLAY
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        *COMMANDS,
        Command("rewind", "Go back to the beginning.", states=OPERATING),
    )
    MANUFACTURER: ClassVar[str] = "hitline"
    MODEL: ClassVar[str] = "Replay"
    Options: ClassVar[type | None] = ReplayOptions

    tape: Recording | None = None

    async def connect(self) -> None:
        """Offer log and feed, show the options."""
        self._factor = speed_factor(self.options.speed)
        self._pace = Pace()
        self.tally.method = LossMethod.SOURCE
        await super().connect()
        for name in ("speed", "slice", "slice_hits", "slice_s"):
            self.publish(name, getattr(self.options, name))
        self.publish("file", str(self.options.file), Severity.INVALID, "not opened yet")

    async def initialize(self, config: dict[str, Any]) -> None:
        """Open the recording if none is open; raises with the reason when it cannot be played."""
        await super().initialize(config)
        if self.tape is None:
            self._show_tape(await self.in_thread(lambda: self._open(Path(self.value("file")))))

    async def set_file(self, value: str) -> str:
        """Play another recording, from its beginning."""
        self._not_playing("the file can be changed")
        path = Path(value)
        try:
            tape = await self.in_thread(lambda: self._open(path))
        except (OSError, ValueError) as error:
            raise Refused("failed", f"{self.name}: {error}") from error
        self._show_tape(tape)
        return value

    async def set_speed(self, value: str) -> str:
        """Change the speed, at once."""
        try:
            self._factor = speed_factor(value)
        except ValueError as error:
            raise Refused("type", f"{self.name}.speed: {error}") from error
        self.publish("speed", value)
        return value

    async def set_slice(self, value: str) -> str:
        """Choose what exposures play from now on."""
        if value == "Mark" and self.tape is not None and self.tape.run is None:
            raise Refused("type", f"{self.name}.slice: only a run log has marks, {self.tape.path} is a file")
        self.publish("slice", value)
        return value

    async def set_slice_hits(self, value: int) -> int:
        """Change the hits of the exposures to come."""
        self.publish("slice_hits", value)
        return value

    async def set_slice_s(self, value: float) -> float:
        """Change the detector time of the exposures to come."""
        self.publish("slice_s", value)
        return value

    async def do_rewind(self) -> None:
        """Begin anew."""
        self._not_playing("it can be rewound")
        if self.tape is not None:
            await self.in_thread(self.tape.rewind)
            self._show_tape(self.tape)

    def check_acquire(self) -> None:
        """Refuse when there is nothing to play."""
        if self.tape is None:
            raise Refused("failed", f"{self.name}: no recording is open: set file, or initialize")
        if isinstance(self.tape, Tail) and not self.tape.path.is_file():
            raise Refused("failed", f"{self.name}: {self.tape.path} is not there: is its program writing it?")
        if self.tape.at_end:
            raise Refused("failed", f"{self.name}: {self.tape.path} is at its end: send rewind first")

    def expose(self, halt: threading.Event) -> dict[str, Any]:
        """Play the next slice; in a thread."""
        tape, tally = self._tape(), self.tally
        if isinstance(tape, Tail):
            return self._follow(tape, halt)
        self._pace.begin()
        timed = self._factor != float("inf")
        with closing(tape.play(self._slice(), timed=timed)) as pieces:
            for piece in pieces:
                if timed and not self._pace.until(piece.time_ns, lambda: self._factor, halt):
                    break
                if halt.is_set() or not self._log_piece(piece, halt):
                    break
                tally.sent = (tally.sent or 0) + piece.hits
                tally.logged = (tally.logged or 0) + piece.hits
        return {"position": round(tape.position, 3), "packets_lost": tape.packets_lost}

    def _follow(self, tail: Tail, halt: threading.Event) -> dict[str, Any]:
        never = threading.Event()
        for piece in tail.follow(halt):
            if not self._log_piece(piece, never):
                break
            self.tally.sent = (self.tally.sent or 0) + piece.hits
            self.tally.logged = (self.tally.logged or 0) + piece.hits
        return {"packets_lost": tail.packets_lost}

    def exposure_flaws(self) -> dict[str, Condition]:
        """Give what a recording that ends before its time lacks: told where its end was met."""
        tape = self._tape()
        return {tape.missing: Condition.INCOMPLETE} if tape.missing and tape.at_end else {}

    def begin_facts(self) -> dict[str, Any]:
        """Give all that is needed to play the same slice once more."""
        tape = self._tape()
        return {
            "file": str(tape.path.absolute()),
            "played_hits": tape.played_hits,
            "slice": self.value("slice"),
            "slice_hits": self.value("slice_hits"),
            "slice_s": self.value("slice_s"),
            **tape.facts(),
        }

    def run_facts(self) -> dict[str, Any]:
        """Name the recording."""
        return {
            "instrument": self.name,
            "model": self.MODEL,
            "file": str(self._tape().path.absolute()),
            "format": self._tape().format.name,
            **self._tape().facts(),
        }

    def explain(self, found: Found) -> dict[str, Any]:
        """Play the unfinished slice once more, into nothing, and count what is missing in the log."""
        if found.hits is None or self.options.follow:  # what the other program wrote meanwhile is not known
            return {}
        lost = 0
        if found.exposure:
            try:
                lost = _slice_hits(found.begin) - (found.exposure_hits or 0)
            except (OSError, ValueError, KeyError, TypeError):
                return {}
        return {
            "hits_sent": found.hits + lost,
            "hits_logged": found.hits,
            "hits_lost": lost,
            "loss_method": LossMethod.SOURCE.name,
        }

    def _log_piece(self, piece: Piece, halt: threading.Event) -> bool:
        """Give a piece to the log, waiting for room; False when it was halted or the disk has failed."""
        format = self._tape().format
        while not self.log.data(
            piece.payload,
            words=piece.words,
            hits=piece.hits,
            format=format,
            method=LossMethod.SOURCE,
            drop=False,
        ):
            if halt.is_set() or self.log.marks.failed:
                return False
            self.log.wait_room(0.05)
        return True

    def show(self) -> None:
        """Show the place in the recording."""
        if self.tape is None:
            return
        for name, value in (("position", round(self.tape.position, 1)), ("at_end", self.tape.at_end)):
            if value != self.value(name):
                self.publish(name, value)
        lost, last = self.tape.packets_lost, self.board.updates.get("packets_lost")
        unknown = (
            ""
            if lost is not None
            else "no packet counters in what was played"
            if self.tape.played_bytes
            else "nothing was played yet"
        )
        if last is None or (last.value, last.status) != (lost, unknown):
            self.publish("packets_lost", lost, Severity.INVALID if unknown else Severity.OK, unknown)
        if self.tape.note and not self.board.updates["file"].status:
            self.publish("file", str(self.tape.path), Severity.MINOR, self.tape.note)

    def _show_tape(self, tape: Recording) -> None:
        self.tape = tape
        self.publish("file", str(tape.path))
        self.show()

    def _tape(self) -> Recording:
        if self.tape is None:
            raise RuntimeError(f"{self.name}: no recording is open")
        return self.tape

    def _open(self, path: Path) -> Recording:
        return Tail(path) if self.options.follow else open_tape(path)

    def _slice(self) -> Slice:
        return _slice(self.value("slice"), self.value("slice_hits"), self.value("slice_s"))

    def _not_playing(self, what: str) -> None:
        if self.acquiring:
            raise Refused("busy", f"{self.name}: {what} when no exposure is going on: stop it first")


def _slice(kind: str, hits: int, seconds: float) -> Slice:
    return Slice(
        hits=hits if kind == "Hits" else None,
        seconds=seconds if kind == "Time" else None,
        mark=kind == "Mark",
    )


def _slice_hits(begin: dict[str, Any]) -> int:
    """Count the hits of a slice, from the facts of its BEGIN."""
    tape = open_tape(Path(begin["file"]))
    for _ in tape.play(Slice(hits=int(begin["played_hits"]))):
        pass
    until = _slice(begin["slice"], int(begin["slice_hits"]), float(begin["slice_s"]))
    return sum(piece.hits for piece in tape.play(until))
