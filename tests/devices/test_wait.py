"""The rules of waiting, with a clock of its own: when a put is sent, repeated or called refused."""

import pytest
from hitline.devices.wait import (
    LATE_S,
    POLL_S,
    PUTS,
    Bell,
    Failed,
    Missed,
    Put,
    Refusal,
    Seen,
    Stopped,
    Verdict,
    drive,
)


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self):
        self.now = 100.0
        self.plan = []

    def __call__(self):
        return self.now

    def at(self, time_s, action):
        self.plan.append((100.0 + time_s, action))


class Quick(Bell):
    """A bell whose waits take no time: the clock jumps, and what was planned for then happens."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock

    def wait(self, since, timeout_s):
        self.clock.now += timeout_s
        for due in [item for item in self.clock.plan if item[0] <= self.clock.now]:
            self.clock.plan.remove(due)
            due[1]()


class Signal:
    """A setpoint that remembers its puts; `away` is a server that cannot be reached."""

    setpoint_pvname = "X:Set"

    def __init__(self):
        self.drops, self.puts, self.away, self.finished = 0, [], False, None

    def put(self, value, use_complete, callback):
        if self.away:
            raise RuntimeError("not connected")
        self.puts.append(value)
        self.finished = callback


@pytest.fixture
def world():
    clock = Clock()
    signal = Signal()
    return clock, Quick(clock), signal


def run(world, verdict, timeout_s=30.0, refusal=lambda pv: Refusal(), **more):
    clock, bell, signal = world
    put = Put(signal, 5, bell, refusal)
    look = lambda: Seen(verdict(), "X:Get", "5", "4", "it")  # noqa: E731
    return put, lambda: drive(look, bell, timeout_s, put=put, clock=clock, **more)


def test_done_at_once_puts_nothing(world):
    _, go = run(world, lambda: Verdict.DONE)
    assert go().value == "it" and world[2].puts == []


def test_a_put_that_is_under_way_is_not_repeated(world):
    clock, _, signal = world
    _, go = run(
        world,
        lambda: (
            Verdict.GOING
            if clock.now < 120 and signal.puts
            else Verdict.DONE
            if signal.puts
            else Verdict.UNTOUCHED
        ),
    )
    go()
    assert signal.puts == [5]


def test_a_put_whose_circuit_broke_is_repeated_only_when_it_can_no_longer_be_carried_out(world):
    clock, _, signal = world
    clock.at(0.5, lambda: setattr(signal, "drops", 1))
    times = []
    seen = lambda: Verdict.DONE if len(signal.puts) == 2 and clock.now > times[-1] else Verdict.UNTOUCHED  # noqa: E731
    original = signal.put
    signal.put = lambda *a, **k: (times.append(clock.now), original(*a, **k))
    _, go = run(world, seen)
    go()
    assert signal.puts == [5, 5]
    assert LATE_S < times[1] - times[0] <= LATE_S + 2 * POLL_S


def test_a_put_with_an_effect_is_never_repeated_however_the_circuit_breaks(world):
    clock, _, signal = world
    clock.at(0.1, lambda: setattr(signal, "drops", 1))
    _, go = run(
        world,
        lambda: Verdict.DONE if clock.now > 110 else Verdict.GOING if signal.puts else Verdict.UNTOUCHED,
    )
    go()
    assert signal.puts == [5]


def test_nor_while_nobody_knows(world):
    clock, _, signal = world
    clock.at(0.1, lambda: setattr(signal, "drops", 1))
    _, go = run(world, lambda: Verdict.UNSURE if signal.puts else Verdict.UNTOUCHED, timeout_s=10)
    with pytest.raises(Missed, match="X:Get: wanted 5, last value 4, after 10"):
        go()
    assert signal.puts == [5]


def test_it_is_not_put_for_ever(world):
    clock, _, signal = world
    original = signal.put

    def lossy(*args, **kwargs):
        original(*args, **kwargs)
        clock.at(clock.now - 100.0, lambda: setattr(signal, "drops", signal.drops + 1))

    signal.put = lossy
    _, go = run(world, lambda: Verdict.UNTOUCHED)
    with pytest.raises(Missed):
        go()
    assert len(signal.puts) == PUTS


def test_a_completed_put_without_effect_is_refused_with_the_reason(world):
    clock, _, signal = world
    clock.at(0.1, lambda: signal.finished())
    _, go = run(world, lambda: Verdict.UNTOUCHED, refusal=lambda pv: Refusal(f"{pv}: too much"))
    with pytest.raises(Failed, match=r"put of 5 to X:Set had no effect \(X:Set: too much\); X:Get: wanted 5"):
        go()
    assert clock.now < 102 and signal.puts == [5]


def test_completion_because_the_circuit_broke_is_no_refusal(world):
    """libca completes a put whose circuit breaks; the effect may still come."""
    clock, _, signal = world
    clock.at(0.1, lambda: (setattr(signal, "drops", 1), signal.finished()))
    _, go = run(world, lambda: Verdict.DONE if clock.now > 101.5 else Verdict.UNTOUCHED)
    go()
    assert signal.puts == [5]


def test_a_server_that_is_away_is_waited_for(world):
    clock, _, signal = world
    signal.away = True
    clock.at(5.0, lambda: setattr(signal, "away", False))
    _, go = run(world, lambda: Verdict.DONE if signal.puts else Verdict.UNTOUCHED)
    go()
    assert signal.puts == [5] and clock.now >= 105


def test_a_look_that_gets_no_answer_is_repeated(world):
    clock, bell, _ = world

    def look():
        if clock.now < 103:
            raise TimeoutError("X:Get: no answer")
        return Seen(Verdict.DONE, "X:Get", "5", "5")

    drive(look, bell, 10, clock=clock)
    with pytest.raises(Missed, match="X:Get: no answer"):
        clock.now = 0.0
        drive(look, bell, 1, clock=clock)


def test_stop_ends_a_wait_even_when_it_is_done(world):
    _, go = run(world, lambda: Verdict.DONE, cancelled=lambda: True)
    with pytest.raises(Stopped, match="X:Get: wanted 5, last value 4"):
        go()
