"""Stock motor clients on a station with an axis; the protocol of lines is that of client.py.

Run: motor_client.py STATION LAYER. LAYER: pyepics or caproto.
"""

import json
import sys
import threading
import time

import ophyd

ophyd.set_cl(sys.argv[2])

from ophyd import EpicsMotor, EpicsSignal, EpicsSignalRO  # noqa: E402
from ophyd.utils.errors import LimitError  # noqa: E402

PV = "T:X:M"
motor = EpicsMotor(PV, name="m")


def say(name, value):
    print(json.dumps([name, value], default=str), flush=True)


def limits():
    described = motor.describe()["m"]
    return {
        "limits": motor.limits,
        "egu": motor.egu,
        "units": described["units"],
        "precision": motor.precision,
    }


def move(to):
    done = []
    watch = motor.motor_done_move.subscribe(lambda value, **_: done.append(int(value)), run=False)
    begin = time.monotonic()
    status = motor.move(to, wait=True, timeout=20)
    took_s = time.monotonic() - begin
    motor.motor_done_move.unsubscribe(watch)
    return {"position": motor.position, "success": status.success, "took_s": took_s, "dmov": done}


def stop(to):
    status = motor.move(to, wait=False)
    pause = threading.Event()
    pause.wait(0.5)
    motor.stop()
    pause.wait(0.5)
    return {"position": motor.position, "target": motor.user_setpoint.get(), "done": status.done}


def beyond(to):
    """Client-side, then forced."""
    refused = False
    try:
        motor.move(to, wait=True, timeout=5)
    except LimitError:
        refused = True
    value = EpicsSignal(f"{PV}.VAL", name="val", put_complete=True, limits=False)
    value.wait_for_connection(timeout=10)
    lvio = EpicsSignalRO(f"{PV}.LVIO", name="lvio")
    begin = time.monotonic()
    value.put(to, wait=True, timeout=5)
    return {
        "refused": refused,
        "took_s": time.monotonic() - begin,
        "val": value.get(use_monitor=False),
        "lvio": lvio.get(),
        "position": motor.position,
    }


def retarget(first, second):
    motor.move(first, wait=False)
    threading.Event().wait(0.4)
    seen = []
    watch = motor.motor_done_move.subscribe(lambda value, **_: seen.append(int(value)), run=False)
    status = motor.move(second, wait=True, timeout=20)
    motor.motor_done_move.unsubscribe(watch)
    return {"position": motor.position, "success": status.success, "dmov": seen}


def calibrate(to):
    before = motor.user_offset.get()
    motor.set_current_position(to)
    threading.Event().wait(0.3)
    return {
        "position": motor.position,
        "moved": motor.motor_is_moving.get(),
        "offset": motor.user_offset.get() - before,
    }


def home():
    status = motor.home("reverse", wait=True, timeout=50)
    homed = int(EpicsSignalRO(f"{PV}.MSTA", name="msta").get()) >> 14 & 1
    return {"success": status.success, "dial": EpicsSignalRO(f"{PV}.DRBV", name="drbv").get(), "homed": homed}


def set_limits(low, high):
    motor.set_lim(low, high)
    threading.Event().wait(0.5)
    return motor.limits


def pyepics():
    """The Motor of pyepics, with its tweaks; libca only."""
    import epics

    m = epics.Motor(PV)
    m.move(1.0, wait=True, timeout=10)
    m.put("tweak_val", 0.5)
    m.tweak(direction="forward", wait=True, timeout=10)
    after = m.get("readback")
    outside = m.move(500.0, wait=True, timeout=5)
    return {
        "rtyp": epics.caget(f"{PV}.RTYP"),
        "after": after,
        "outside": outside,
        "desc": m.get("description"),
    }


def completion(to):
    """A put with completion ends with the motion."""
    value = EpicsSignal(f"{PV}.VAL", name="val", put_complete=True)
    value.wait_for_connection(timeout=10)
    begin = time.monotonic()
    value.set(to).wait(20)
    done = int(EpicsSignalRO(f"{PV}.DMOV", name="dmov").get(use_monitor=False))
    took_s, position = time.monotonic() - begin, motor.user_readback.get(use_monitor=False)
    return {"took_s": took_s, "done": done, "position": position}


if __name__ == "__main__":
    motor.wait_for_connection(timeout=30)
    say("ready", motor.name)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = globals()[request.pop("do")](**request)
        except BaseException as error:
            say("failed", f"{type(error).__name__}: {error}")
        else:
            say("done", answer)
