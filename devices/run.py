"""The run of a station as its conductor shows it: launch, start, stop, land, each done when seen."""

import getpass
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from ophyd import Component as Cpt
from ophyd import Device

from .bell import Bell
from .settings import Request, TextRequest
from .signals import Choice, Count, Flag, Text
from .status import Status
from .wait import Failed, Put, Refusal, Seen, Verdict, drive, never

MOVE_S = 30.0
"""Default timeout of a transition of the whole station; a restarted conductor must fit in."""

# (goal, where it may be put from, where it is enough to wait); any other state ends the action as Failed.
# Out of Aborted and Error a launch is refused: the conductor says why, and what to do.
MOVES: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "launch": (("Armed", "Running"), ("Idle", "Aborted", "Error"), ("Arming", "Landing")),
    "start": (("Running",), ("Armed",), ("Starting", "Stopping")),
    "stop": (
        ("Armed", "Idle", "Landing", "Aborted", "Error"),
        ("Running",),
        ("Starting", "Stopping", "Aborting"),
    ),
    "land": (("Idle", "Aborted", "Error"), ("Armed",), ("Arming", "Stopping", "Landing", "Aborting")),
}


def session() -> str:
    """Name this Python session as the owner of a run: user@host:pid."""
    return f"{getpass.getuser()}@{socket.gethostname()}:{os.getpid()}"


class Run(Device):
    """The conductor of a station.

    Detectors `hold` it while they are staged: the first hold launches all readouts of the station, the last
    `release` stops and lands them. `owner_name` is the baton: the conductor refuses others while it is held.
    """

    state = Cpt(Choice, "State_RBV", kind="omitted")
    run_id = Cpt(Text, "RunId_RBV", kind="normal")
    owner = Cpt(Text, "Owner_RBV", kind="omitted")
    busy = Cpt(Flag, "Busy_RBV", kind="omitted")
    exposures = Cpt(Count, "Exposures_RBV", kind="normal")
    members = Cpt(Text, "Members_RBV", kind="config")
    condition = Cpt(Text, "Condition_RBV", kind="normal")
    started = Cpt(Text, "Started_RBV", kind="omitted")
    message = Cpt(Text, "Message_RBV", kind="omitted")
    cmd_launch = Cpt(TextRequest, "Launch", kind="omitted")
    cmd_start = Cpt(TextRequest, "Start", kind="omitted")
    cmd_stop = Cpt(Request, "Stop", kind="omitted")
    cmd_land = Cpt(Request, "Land", kind="omitted")
    cmd_abort = Cpt(Request, "Abort", kind="omitted")
    cmd_reset = Cpt(Request, "Reset", kind="omitted")

    def __init__(self, prefix: str = "", *, owner_name: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.owner_name = owner_name or session()
        self.refusal: Callable[[str], Refusal] = never
        self.bell = Bell()
        self._holders: set[str] = set()
        self._lock = threading.RLock()
        self.state.subscribe(self.bell.ring, run=False)

    def launch(self, timeout_s: float = MOVE_S) -> Status:
        """Arm all readouts for the owner of this session; done at Armed."""
        return self._move("launch", self.owner_name, timeout_s)

    def start(self, timeout_s: float = MOVE_S) -> Status:
        """Begin a run with a new run id; done at Running."""
        return self._move("start", self.owner_name, timeout_s)

    def end(self, timeout_s: float = MOVE_S) -> Status:
        """End the run softly: readouts drain their logs; done at Armed."""
        return self._move("stop", 1, timeout_s)

    def land(self, timeout_s: float = MOVE_S) -> Status:
        """Undo launch; done at Idle."""
        return self._move("land", 1, timeout_s)

    def stop(self, *, success: bool = False) -> None:
        """Send `stop`, whoever owns the run; does not wait."""
        self.cmd_stop.put(1, use_complete=False)

    def reach(self, verb: str, status: Status, timeout_s: float = MOVE_S) -> None:
        """Do the same as the verb's method, inside the action of `status`."""
        goal, origins, via = MOVES[verb]
        value = self.owner_name if verb in ("launch", "start") else 1
        put = Put(getattr(self, f"cmd_{verb}"), value, self.bell, self._reason)

        def look() -> Seen:
            state = self.state.sample(1.0)
            if verb == "start" and state.valid and state.value in goal and self._holders:
                return Seen(Verdict.DONE, self.state.pvname, "", str(state), state.value)
            owner = self.owner.sample(1.0)
            seen = (self.state.pvname, " or ".join(goal), f"{state} (owner {owner.value or 'nobody'})")
            if not state.valid:
                return Seen(Verdict.UNSURE, *seen)
            if verb in ("launch", "start") and owner.valid and owner.value not in ("", self.owner_name):
                raise Failed(
                    f"{seen[0]}: wanted {seen[1]} for {self.owner_name}, last value {state}: "
                    f"the run belongs to {owner.value}; wait for its end, or stop and land it"
                )
            if state.value in goal:
                return Seen(Verdict.DONE, *seen, state.value)
            if state.value in origins:
                return Seen(Verdict.UNTOUCHED, *seen)
            if state.value in via:
                return Seen(Verdict.GOING, *seen)
            raise Failed(f"{seen[0]}: wanted {seen[1]}, last value {seen[2]}: {verb} cannot do that")

        drive(look, self.bell, timeout_s, put=put, note=status.note, cancelled=status.cancelled)

    def hold(self, who: str) -> None:
        """Take part in a run: the first holder launches. Raises what `launch` fails with."""
        with self._lock:
            if not self._holders:
                self.launch().wait()
            self._holders.add(who)

    def held_by(self, who: str) -> bool:
        """Say whether `who` holds it."""
        return who in self._holders

    def release(self, who: str) -> None:
        """Leave: the last holder stops and lands. Nothing when `who` does not hold it."""
        with self._lock:
            if who not in self._holders:
                return
            self._holders.discard(who)
            if not self._holders:
                self.end().wait()
                self.land().wait()

    def _reason(self, pv: str) -> Refusal:
        """Why a command had no effect: turned down on the way, or the conductor could not do it."""
        told = self.refusal(pv)
        return told if told.text else Refusal(self.message.sample(1.0).value)

    def _move(self, verb: str, value: Any, timeout_s: float) -> Status:
        return Status.of(
            self, f"{self.name}: {verb}", timeout_s, lambda status: self.reach(verb, status, timeout_s)
        )
