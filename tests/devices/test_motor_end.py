"""The end of a move reaches whoever waits for it, also when the next move begins at once."""

import threading
from types import MethodType

import pytest
from kit.patience import WAIT_S


def next_move_waits(name: str) -> bool:
    """Begin a move between the news that the last is over and what comes after it; tell whether it ends."""
    from hitline.devices import Motor  # ophyd takes long to load: not where tests are only collected
    from ophyd import EpicsMotor
    from ophyd.positioner import PositionerBase
    from ophyd.sim import make_fake_device

    base = {"ophyd": EpicsMotor, "hitline": Motor}[name]
    motor = make_fake_device(base)("x", name="m")
    motor.user_setpoint.sim_set_limits((-10.0, 10.0))
    begun, go_on = threading.Event(), threading.Event()
    reset = motor._reset_sub

    def late(self: PositionerBase, event: str) -> None:
        if threading.current_thread() is not threading.main_thread():
            begun.wait(1.0)  # the plan is quicker
        reset(event)
        go_on.set()

    first = PositionerBase.move(motor, 1.0)
    motor._reset_sub = MethodType(late, motor)
    ends = threading.Thread(target=motor._done_moving)
    ends.start()
    if base is Motor:
        go_on.wait(0.1)
    first.wait(WAIT_S)
    second = PositionerBase.move(motor, 2.0)
    begun.set()
    ends.join()
    motor._done_moving()
    try:
        second.wait(0.5)
    except Exception:
        return False
    return bool(second.success)


@pytest.mark.parametrize(("name", "ends"), [("ophyd", False), ("hitline", True)])
def test_a_move_that_begins_at_once_ends_too(name, ends):
    assert next_move_waits(name) is ends
