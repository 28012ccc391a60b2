"""Prove that every PV which the devices of a station use is served."""

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import ophyd
from ophyd import Device
from ophyd.signal import EpicsSignalBase

LATE_S = 5.0
"""Default time to connect; searches on a busy network are repeated for seconds."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One PV and whether it connected."""

    pv: str
    user: str
    """The signal that uses it, `device.signal`, or "record"."""
    connected: bool


def pvs(devices: Iterable[Device]) -> Iterator[tuple[str, str]]:
    """Give (PV, user) of every signal of the devices, setpoints and readbacks."""
    for device in devices:
        for item in device.walk_signals():
            if isinstance(item.item, EpicsSignalBase):
                for pv in dict.fromkeys((item.item.pvname, getattr(item.item, "setpoint_pvname", None))):
                    if pv:
                        yield pv, f"{device.name}.{item.dotted_name}"


def check(wanted: Iterable[tuple[str, str]], timeout_s: float = LATE_S) -> list[Checked]:
    """Connect all (PV, user) at once over ophyd's control layer; in the order given, each PV once."""
    users: dict[str, str] = {}
    for pv, user in wanted:
        users.setdefault(pv, user)
    arrived = threading.Condition()
    connected: set[str] = set()

    def changed(*args: Any, pvname: str = "", conn: bool = False, **kwargs: Any) -> None:
        if conn:
            with arrived:
                connected.add(pvname)
                arrived.notify_all()

    layer = ophyd.get_cl()
    channels = [layer.get_pv(pv, auto_monitor=False, connection_callback=changed) for pv in users]
    deadline = time.monotonic() + timeout_s
    with arrived:
        arrived.wait_for(lambda: len(connected) == len(users), max(0.0, deadline - time.monotonic()))
    found = [Checked(channel.pvname, users[channel.pvname], channel.connected) for channel in channels]
    for channel in channels:
        channel._reference_count += 1  # release_pvs lets go of what nobody else refers to
    layer.release_pvs(*channels)
    return found
