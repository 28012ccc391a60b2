"""The conductor's book: the run it owns, kept on disk so that a killed conductor finds its way back.

What is written here is what members cannot tell: number, owner, start, and what went wrong on the way.
Whether a run is on, and which, is for the members to say; where the book differs, the members are right.
"""

import json
import re
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from hitline.bus.log.block import Condition
from hitline.bus.states import State

UNKNOWN_OWNER = "unknown"
"""Owner of a run that was found open and that neither the book nor its id explains."""

FLAG = {
    State.SAFE: Condition.INTERRUPTED,
    State.ERROR: Condition.INTERRUPTED,
    State.DEAD: Condition.DEGRADED,
    State.INIT: Condition.INCOMPLETE,
    State.NEW: Condition.INCOMPLETE,
}
"""What it says of a run when a member of it is found in this state in its midst."""

IN_RUN = (State.STARTING, State.RUN, State.STOPPING, State.INTERRUPTING)


def own_run(member: str, run_id: str) -> bool:
    """Say whether a readout opened this run by itself, for one exposure: the id ends in its name."""
    return bool(re.search(rf"-{re.escape(member)}(-\d+)?$", run_id, re.IGNORECASE))


@dataclass
class Book:
    """One run, open or the last one."""

    number: int = 0
    """Counts runs; the last four digits of the run id."""
    run_id: str = ""
    owner: str = ""
    started: str = ""
    condition: int = 0
    open: bool = False
    lent: bool = False
    """The owner came with the run instead of by a command, and goes with it."""
    orderly: bool = False
    """The conductor ended as it should, with its station perhaps, and has not seen the members since."""
    takers: set[str] = field(default_factory=set)
    """Members that were in RUN in this run."""

    def begin(self, now_s: float, owner: str) -> None:
        """Open a run: id YYYYMMDD-HHMMSS-NNNN, local time."""
        now = datetime.fromtimestamp(now_s).astimezone()
        self.number += 1
        self.run_id = f"{now:%Y%m%d-%H%M%S}-{self.number:04d}"
        self.owner, self.lent = owner, False
        self.started = now.isoformat(timespec="seconds")
        self.condition, self.open, self.takers = 0, True, set()

    def own(self, owner: str) -> None:
        """Give the baton to `owner`; empty: to nobody."""
        self.owner, self.lent = owner, False

    def flag(self, condition: Condition) -> None:
        """Note what is wrong with the run."""
        self.condition |= condition

    def note(self, states: dict[str, State], runs: dict[str, str], phase: str) -> None:
        """Follow the members: `states` and `runs` (open run by name) as they show them now.

        `phase` is what the conductor is doing itself. A run that it did not start is adopted; one that no
        member is in any more is closed.
        """
        if phase in ("Arming", "Starting"):
            return
        running = {n: runs[n] for n, state in states.items() if state is State.RUN and runs.get(n)}
        # A run that was closed is not opened again: a member that has just begun another still shows its id.
        if running and self.run_id not in running.values():
            self._adopt(*next(iter(running.items())))
        if self.open:
            self.takers |= {name for name, state in states.items() if state is State.RUN}
        for name in self.takers & set(states):
            state = states[name]
            wanted = phase == "Aborting" and state is State.SAFE
            # A readout that opened the run itself lands at once after it; our look may come only then.
            rested = state in (State.INIT, State.NEW) and (self.orderly or own_run(name, self.run_id))
            if self.open and state in FLAG and not wanted and not rested:
                self.flag(FLAG[state])
        still = {name for name, state in states.items() if state in IN_RUN or state is State.DEAD}
        if states and self.takers <= set(states):
            self.orderly = False
            self.open = self.open and bool(self.takers & still)
        if self.lent and not self.open and states and all(state is State.INIT for state in states.values()):
            self.own("")

    def _adopt(self, member: str, run_id: str) -> None:
        self.run_id, self.started, self.condition, self.open, self.takers = run_id, "", 0, True, set()
        if not self.owner:
            self.owner, self.lent = member if own_run(member, run_id) else UNKNOWN_OWNER, True

    def text(self) -> str:
        """Return it as it stands on disk."""
        return json.dumps({**asdict(self), "takers": sorted(self.takers)})

    def save(self, file: Path) -> None:
        """Write it so that a killed process leaves the old or the new one.

        Not synced: that could hold up the event loop, and after a power cut no run is on.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(self.text())
        fresh.replace(file)

    @classmethod
    def load(cls, file: Path) -> "Book":
        """Read it back; an absent or damaged file is an empty book, for the members tell what matters."""
        try:
            kept = json.loads(file.read_text())
            return cls(
                number=int(kept["number"]),
                run_id=str(kept["run_id"]),
                owner=str(kept["owner"]),
                started=str(kept["started"]),
                condition=int(kept["condition"]) & 31,
                open=kept["open"] is True,
                lent=kept["lent"] is True,
                orderly=kept["orderly"] is True,
                takers=set(kept["takers"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return cls()
