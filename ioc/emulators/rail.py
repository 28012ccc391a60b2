"""A carriage on a rail with switches at its ends, driven by a stepper: the hardware behind every controller.

The motor's counter and the place of the carriage differ by what was lost on the way: the counter goes on
where the carriage does not. Nothing runs in the background; every question brings the motion up to date.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from .kinematics import Travel, braked, trapezoid

TRAVELS = 8
"""Moves that are remembered."""


@dataclass
class Flaws:
    """What is wrong with the mechanics; set at any time."""

    lose: int = 0
    """Steps that the next move loses at its begin."""
    stalled: bool = False
    """The carriage stands still while the counter goes on; felt at the end of a move."""
    stuck_plus: bool = False
    stuck_minus: bool = False
    """Switches that do not let go."""


@dataclass
class Rail:
    """`ends` and `centre` are places of the switches, in steps from the middle of the rail."""

    clock: Callable[[], float]
    ends: tuple[int, int] = (-100_000, 100_000)
    centre: int = 0
    width: int = 200
    """Steps over which the centre switch is pressed."""
    flaws: Flaws = field(default_factory=Flaws)
    slip: int = 0
    """Place less counter."""
    hit: bool = False
    """The last move ended on a limit switch."""
    travels: tuple[tuple[Travel, float], ...] = ()
    """The last moves of the counter, each with when it ended (inf: not yet); for readers in other threads."""
    _counter: int = 0
    _travel: Travel | None = None
    _watched: bool = True

    @property
    def counter(self) -> int:
        """Steps that the motor has made, as the controller counts them."""
        self.look()
        return self._counter if self._travel is None else round(self._travel.at(self.clock())[0])

    @property
    def place(self) -> int:
        """Where the carriage is."""
        return self.counter + self.slip

    def place_at(self, at_s: float) -> float:
        """Where the carriage was a little ago, by the moves that are remembered; in any thread."""
        travels = self.travels
        for travel, ended_s in reversed(travels):
            if at_s >= travel.stretches[0].begun_s:
                return travel.at(min(at_s, ended_s))[0] + self.slip
        return (travels[0][0].stretches[0].place if travels else self._counter) + self.slip

    @property
    def moving(self) -> bool:
        """Whether the motor turns."""
        self.look()
        return self._travel is not None

    def pressed(self, plus: bool) -> bool:
        """State of a limit switch."""
        self.look()
        return self._pressed(plus, self.counter)

    @property
    def centred(self) -> bool:
        """State of the centre switch."""
        return abs(self.place - self.centre) <= self.width // 2

    def count(self, counter: int) -> None:
        """Change the counter at rest; the carriage stays."""
        self.slip, self._counter = self.place - counter, counter
        self.travels = ()  # those counted otherwise

    def put(self, place: int) -> None:
        """Take the carriage somewhere by hand, which the counter does not see."""
        self.slip = place - self.counter

    def move(self, goal: int, base: float, speed: float, ramp: float, *, watched: bool = True) -> None:
        """Begin a move of the counter; `watched`: a limit switch ahead ends it. Only at rest."""
        self.look()
        self.hit, self._watched = False, watched
        start = self._counter
        if goal == start:
            return
        if watched and self._pressed(goal > start, start):
            self.hit = True
            return
        lost, self.flaws.lose = self.flaws.lose, 0
        self.slip -= int(math.copysign(lost, goal - start))
        self._begin(trapezoid(start, goal, max(base, 1.0), max(speed, 1.0), max(ramp, 1.0), self.clock()))

    def stop(self, base: float, ramp: float) -> None:
        """Come to rest."""
        self.look()
        if self._travel is not None:
            now = self.clock()
            self._over(now)
            self._begin(braked(self._travel, base, max(ramp, 1.0), now))

    def look(self) -> None:
        """End the move if it is over or has met a switch."""
        travel, now = self._travel, self.clock()
        if travel is None:
            return
        start = travel.stretches[0].place
        end_s = self._meets(travel, up=travel.goal > start) if self._watched else None
        if end_s is not None and end_s <= min(now, travel.ends_s):
            self.hit = True
            self._over(end_s)
            self._rest(round(travel.at(end_s)[0]))
        elif travel.ends_s <= now:
            if self.flaws.stalled:
                self.slip -= round(travel.goal) - round(start)
            self._over(travel.ends_s)
            self._rest(round(travel.goal))

    def _meets(self, travel: Travel, *, up: bool) -> float | None:
        """When a move comes to the switch ahead of it."""
        if self.flaws.stuck_plus if up else self.flaws.stuck_minus:
            return travel.stretches[0].begun_s
        return travel.crosses(self.ends[up] - self.slip, up=up)

    def _begin(self, travel: Travel) -> None:
        self._travel = travel
        self.travels = (*self.travels[-TRAVELS + 1 :], (travel, math.inf))

    def _over(self, at_s: float) -> None:
        self.travels = (*self.travels[:-1], (self.travels[-1][0], at_s))

    def _rest(self, counter: int) -> None:
        self._counter, self._travel = counter, None

    def _pressed(self, plus: bool, counter: int) -> bool:
        if self.flaws.stuck_plus if plus else self.flaws.stuck_minus:
            return True
        place = counter + self.slip
        return place >= self.ends[1] if plus else place <= self.ends[0]
