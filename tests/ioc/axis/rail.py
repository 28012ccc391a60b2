"""A rail with switches at its ends, a carriage and a controller that moves it: for tests of the axis."""

from collections import deque
from dataclasses import replace

from hitline.ioc.axis.actions import (
    Action,
    ClearErrors,
    Enable,
    Home,
    MoveTo,
    Reading,
    SetLimits,
    SetPosition,
    Stop,
    StopHard,
)  # fmt: skip
from hitline.ioc.axis.axis import Axis


class Rail:
    """Carries out actions one after the other, `lag` readings after they were asked for.

    The carriage makes `speed` of a move in steps per tick. Ends are places of the switches, in steps.
    """

    def __init__(self, axis: Axis, *, ends=(-10_000, 10_000), start=0, lag=0, boots=0) -> None:
        self.axis, self.ends, self.lag = axis, ends, lag
        self.steps = self.counter = start
        self.encoder_off = 0
        self.goal: int | None = None
        self.step = 1.0
        self.limits: tuple[int | None, int | None] = (None, None)
        self.homing = 0
        self.homed: bool | None = False
        self.stuck_plus = False
        self.slip = False
        self.boots = boots
        self.waiting: deque[Action] = deque()
        self.acted = 0
        self.now = 0.0
        self.reached = [start, start]
        """Farthest places, in steps of the rail."""
        self.log: list[Action] = []

    def tick(self, count: int = 1, dt: float = 0.05) -> None:
        """Time goes on: actions, motion, a reading."""
        for _ in range(count):
            self.now += dt
            taken = self.axis.take()
            if any(isinstance(action, Stop | StopHard) for action in taken):
                self.acted += len(self.waiting)
                self.waiting.clear()
            self.waiting.extend(taken)
            self.log += taken
            while self.waiting and self.now >= 0:
                self._act(self.waiting.popleft())
                self.acted += 1
            self._move(dt)
            self.axis.update(self.reading(), self.now)

    def settle(self, limit: int = 5000) -> None:
        """Until the axis is at rest."""
        for _ in range(limit):
            self.tick()
            if not self.axis.active and not self.waiting:
                return
        raise AssertionError(f"hangs in {self.axis.phase}: {self.axis.reading}")

    def reading(self) -> Reading:
        """What the controller says now."""
        return Reading(
            self.counter, self.counter + self.encoder_off, moving=self.goal is not None or bool(self.homing),
            limit_plus=self.steps >= self.ends[1] or self.stuck_plus, limit_minus=self.steps <= self.ends[0],
            homed=self.homed, slip=self.slip, boots=self.boots, acted=self.acted,
        )  # fmt: skip

    def _act(self, action: Action) -> None:
        match action:
            case MoveTo():
                assert self.goal is None and not self.homing, "moves are only asked of an axis at rest"
                low, high = self.limits
                self.goal = action.steps
                self.goal = self.goal if low is None else max(low, self.goal)
                self.goal = self.goal if high is None else min(high, self.goal)
                self.step = action.speed_hz
            case Stop() | StopHard():
                self.goal, self.homing = None, 0
            case Home():
                assert self.goal is None and not self.homing
                self.homing, self.step = action.direction, action.speed_hz
            case SetPosition():
                assert self.goal is None
                self.counter = action.steps
                self.encoder_off = action.encoder - action.steps
            case SetLimits():
                assert self.goal is None and not self.homing
                self.limits = (action.low_steps, action.high_steps)
            case Enable() | ClearErrors():
                pass

    def _move(self, dt: float) -> None:
        way = max(1, round(self.step * dt))
        if self.homing:
            self._shift(self.homing * way)
            if not self.ends[0] < self.steps < self.ends[1]:
                self.steps = self.ends[self.homing > 0] - self.homing * 10
                self.counter, self.homing, self.homed, self.encoder_off = 0, 0, True, 0
        elif self.goal is not None:
            left = self.goal - self.counter
            self._shift(max(-way, min(way, left)))
            on_end = (left > 0 and self.steps >= self.ends[1]) or (left < 0 and self.steps <= self.ends[0])
            if self.counter == self.goal or on_end:
                self.goal = None

    def _shift(self, way: int) -> None:
        before = self.steps
        self.steps = max(self.ends[0], min(self.ends[1], self.steps + way))
        self.counter += self.steps - before
        self.reached = [min(self.reached[0], self.steps), max(self.reached[1], self.steps)]


def rail(**settings):
    """An axis on a rail, after its first reading; options of Rail by `rail_`."""
    more = {name[5:]: settings.pop(name) for name in list(settings) if name.startswith("rail_")}
    axis = Axis()
    axis.settings = replace(axis.settings, **settings)
    made = Rail(axis, **more)
    made.tick()
    axis.program()
    made.tick()
    return made
