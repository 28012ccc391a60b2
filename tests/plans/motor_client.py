"""Stock motor clients on a station with an axis.

Run: motor_client.py STATION LAYER, by kit.session. LAYER: pyepics or caproto.
"""

import random
import sys
import threading
import time
from functools import cache

import ophyd

ophyd.set_cl(sys.argv[2])

import bluesky.plans as bp  # noqa: E402
from bluesky import RunEngine  # noqa: E402
from hitline.devices import Motor  # noqa: E402
from kit.patience import WAIT_S  # noqa: E402
from kit.session import answer  # noqa: E402
from kit.until import wait_until  # noqa: E402
from ophyd import EpicsMotor, EpicsSignal, EpicsSignalRO  # noqa: E402
from ophyd.utils.errors import LimitError  # noqa: E402

PV = "T:X:M"
motor = EpicsMotor(PV, name="m")
FIELDS = {
    field: EpicsSignal(f"{PV}.{field}", name=field, put_complete=True)
    for field in ("VAL", "DVAL", "RVAL", "RLV", "TWF", "STOP")
}
run = RunEngine(context_managers=[])


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
    status = motor.move(to, wait=True, timeout=WAIT_S)
    took_s = time.monotonic() - begin
    motor.motor_done_move.unsubscribe(watch)
    return {"position": motor.position, "success": status.success, "took_s": took_s, "dmov": done}


def stop(to):
    status = motor.move(to, wait=False)
    pause = threading.Event()
    pause.wait(0.5)
    motor.stop()
    # ophyd ends it in a thread of its own, some time after a read shows DMOV 1.
    wait_until(lambda: status.done, what="the end of the move, told to ophyd")
    fresh = {"use_monitor": False}
    position, target = motor.user_readback.get(**fresh), motor.user_setpoint.get(**fresh)
    return {"position": position, "target": target, "dmov": motor.motor_done_move.get(**fresh)}


def beyond(to):
    """Client-side, then forced."""
    refused = False
    try:
        motor.move(to, wait=True, timeout=WAIT_S)
    except LimitError:
        refused = True
    value = FIELDS["VAL"]
    lvio = EpicsSignalRO(f"{PV}.LVIO", name="lvio")
    begin = time.monotonic()
    value.put(to, wait=True, timeout=WAIT_S)
    return {
        "refused": refused,
        "completed": time.monotonic() - begin < WAIT_S,
        "val": value.get(use_monitor=False),
        "lvio": lvio.get(),
        "position": motor.position,
    }


def retarget(first, second):
    """By the setpoint alone: a second `move` fails the first one, whose status then stops the motor.

    That STOP comes from a thread of ophyd's, before or after the new target: a race of its own.
    """
    status = motor.move(first, wait=False)
    threading.Event().wait(0.4)
    seen = []
    watch = motor.motor_done_move.subscribe(lambda value, **_: seen.append(int(value)), run=False)
    motor.user_setpoint.put(second, wait=False)
    status.wait(WAIT_S)
    motor.motor_done_move.unsubscribe(watch)
    return {"position": motor.position, "success": status.success, "dmov": seen}


def edges(puts):
    """DMOV after each put with completion at rest, as the clients of this layer hear it."""
    heard, told = [], []
    watch = motor.motor_done_move.subscribe(lambda value, **_: heard.append(int(value)), run=False)
    for field, value in puts:
        del heard[:]
        FIELDS[field].put(value, force=True, wait=True, timeout=WAIT_S)
        if field != "STOP":
            wait_until(lambda: heard[-1:] == [1], what=f"DMOV 1 after {field}")
        told.append([v for n, v in enumerate(heard) if n == 0 or heard[n - 1] != v])
    motor.motor_done_move.unsubscribe(watch)
    return {"dmov": told, "stop": int(FIELDS["STOP"].get(use_monitor=False))}


def calibrate(to):
    before = motor.user_offset.get()
    motor.set_current_position(to)
    wait_until(lambda: abs(motor.position - to) < 1e-6, what=lambda: f"{to}, not {motor.position}")
    return {
        "position": motor.position,
        "moved": motor.motor_is_moving.get(),
        "offset": motor.user_offset.get() - before,
    }


def home():
    status = motor.home("reverse", wait=True, timeout=WAIT_S)
    homed = int(EpicsSignalRO(f"{PV}.MSTA", name="msta").get()) >> 14 & 1
    return {"success": status.success, "dial": EpicsSignalRO(f"{PV}.DRBV", name="drbv").get(), "homed": homed}


def set_limits(low, high):
    """What the stock class makes of them, as soon as it has heard of both."""
    motor.set_lim(low, high)
    wait_until(
        lambda: tuple(motor.limits) == (low, high), what=lambda: f"{low} to {high}, not {motor.limits}"
    )
    return motor.limits


def pyepics():
    """The Motor of pyepics, with its tweaks; libca only."""
    import epics

    m = epics.Motor(PV)
    m.move(1.0, wait=True, timeout=WAIT_S)
    m.put("tweak_val", 0.5)
    m.tweak(direction="forward", wait=True, timeout=WAIT_S)
    after = m.get("readback")
    outside = m.move(500.0, wait=True, timeout=WAIT_S)
    return {
        "rtyp": epics.caget(f"{PV}.RTYP"),
        "after": after,
        "outside": outside,
        "desc": m.get("description"),
    }


def ophyd_async():
    """The Motor of ophyd-async: a move, one beyond a limit, a stop on the way."""
    import asyncio

    from ophyd_async.core import wait_for_value
    from ophyd_async.epics.motor import Motor as AsyncMotor

    async def drive():
        m = AsyncMotor(PV, name="am")
        await m.connect(timeout=WAIT_S)
        await m.set(-2.0)
        at = await m.user_readback.get_value()
        refused = ""
        try:
            await m.set(500.0)
        except Exception as error:
            refused = type(error).__name__
        moving = m.set(9.0)
        await asyncio.sleep(0.5)
        await m.stop()
        await asyncio.wait({moving.task})
        await wait_for_value(m.motor_done_move, 1, timeout=WAIT_S)
        return {
            "at": at,
            "refused": refused,
            "stopped": await m.user_readback.get_value(),
            "success": moving.success,
            "target": await m.user_setpoint.get_value(),
        }

    return asyncio.run(drive())


def completion(to):
    """A put with completion ends with the motion."""
    value = FIELDS["VAL"]
    begin = time.monotonic()
    value.set(to).wait(WAIT_S)
    done = int(EpicsSignalRO(f"{PV}.DMOV", name="dmov").get(use_monitor=False))
    took_s, position = time.monotonic() - begin, motor.user_readback.get(use_monitor=False)
    return {"took_s": took_s, "done": done, "position": position}


@cache
def ours():
    """Our class, made late: of two devices on one PV, one is given what the other had asked for before."""
    return Motor(PV, name="ours")


def scans(count, start, stop, num):
    """Where Bluesky scans of our class read."""
    device = ours()
    device.wait_for_connection(timeout=WAIT_S)
    found = []
    for _ in range(count):
        found.append([])
        run(
            bp.scan([], device, start, stop, num),
            lambda name, document: (
                found[-1].append(document["data"][device.name]) if name == "event" else None
            ),
        )
    return found


def stops(count, seed):
    """Moves by the stock class, some milliseconds after a stop at rest: those that ended elsewhere."""
    dice, pause, wrong = random.Random(seed), threading.Event(), []
    target = 0.0
    motor.set(target).wait(WAIT_S)
    for number in range(count):
        target = 0.1 - target
        motor.stop()
        pause.wait(dice.uniform(0.004, 0.016))
        motor.set(target).wait(WAIT_S)
        at = motor.user_readback.get(use_monitor=False)
        if abs(at - target) > 0.002:
            wrong.append([number, at])
    return wrong


def signal_of(pv):
    signal = EpicsSignalRO(pv, name=pv.replace(":", "_").replace(".", "_"))
    signal.wait_for_connection(timeout=WAIT_S)
    return signal


def waited(condition):
    """Wait until something that the PVs tell is true; a link may be down meanwhile."""
    return bool(wait_until(condition, but=(Exception,)))


def lost_link(to):
    """The controller falls silent in a move, and answers again when it is over."""
    silent = EpicsSignal("T:EMU:Silent", name="silent")
    silent.wait_for_connection(timeout=WAIT_S)
    severity, done = signal_of(f"{PV}.SEVR"), signal_of(f"{PV}.DMOV")
    moving = motor.move(to, wait=False)
    moved = waited(lambda: motor.moving)
    silent.put(1)
    invalid = waited(lambda: int(severity.get(use_monitor=False)) == 3)
    lost = int(done.get(use_monitor=False))
    silent.put(0)
    valid = waited(lambda: int(severity.get(use_monitor=False)) < 3)
    moving.wait(WAIT_S)
    return {
        "moved": moved,
        "invalid": invalid,
        "done_while_lost": lost,
        "valid": valid,
        "success": moving.success,
        "position": motor.position,
    }


def set_field(field, value):
    signal = EpicsSignal(f"{PV}.{field}", name=field)
    signal.wait_for_connection(timeout=WAIT_S)
    signal.put(value, wait=True, timeout=WAIT_S)


def begin(to, reaches, up):
    """Begin a move and return on the way, where the position has passed `reaches`."""
    position = signal_of(f"{PV}.RBV")
    FIELDS["VAL"].put(to)
    passed = waited(lambda: (position.get(use_monitor=False) > reaches) is up)
    return {"passed": passed, "position": position.get(), "done": signal_of(f"{PV}.DMOV").get()}


def after(near):
    """Wait until the record says that it is done near a place; what it and the emulator say then."""
    done, position = signal_of(f"{PV}.DMOV"), signal_of(f"{PV}.RBV")
    good = waited(
        lambda: done.get(use_monitor=False) == 1 and abs(position.get(use_monitor=False) - near) < 0.01
    )
    places = signal_of("T:EMU:Places_RBV")
    waited(lambda: abs(places.get(use_monitor=False)[0] - near * 1000) < 2)  # it is told ten times a second
    place = places.get(use_monitor=False)[0]
    severity = int(signal_of(f"{PV}.SEVR").get(use_monitor=False))
    return {"good": good, "position": position.get(use_monitor=False), "place": place, "severity": severity}


if __name__ == "__main__":
    for one in (motor, *FIELDS.values()):
        one.wait_for_connection(timeout=WAIT_S)
    answer(globals())
