"""Prove that every PV which the devices of a station use is served, and any other record too."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ophyd import Device
from ophyd.signal import EpicsSignalBase, EpicsSignalRO

LATE_S = 5.0
"""Default time to connect; a search on a busy network is repeated for seconds."""
LEAST_S = 0.01
"""What is left for each signal once the time is over."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One PV and whether it connected."""

    pv: str
    user: str
    """The signal that uses it, `device.signal`, or "record"."""
    connected: bool


def check(devices: Iterable[Device], records: Iterable[str] = (), timeout_s: float = LATE_S) -> list[Checked]:
    """Connect all signals of the devices, and those records that none of them uses; each PV once."""
    signals = [pair for device in devices for pair in _signals(device)]
    used = {pv for signal, _ in signals for pv, _ in _channels(signal)}
    signals += [(EpicsSignalRO(name, name=name), "record") for name in records if name not in used]
    deadline = time.monotonic() + timeout_s
    for signal, _ in signals:  # all connect at the same time; this only waits
        with contextlib.suppress(Exception):  # each control layer has its own for what does not connect
            signal.wait_for_connection(timeout=max(LEAST_S, deadline - time.monotonic()))
    found: dict[str, Checked] = {}
    for signal, user in signals:
        for pv, connected in _channels(signal):
            found.setdefault(pv, Checked(pv, user, connected))
    return list(found.values())


def _signals(device: Device) -> Iterator[tuple[EpicsSignalBase, str]]:
    for found in device.walk_signals():
        if isinstance(found.item, EpicsSignalBase):
            yield found.item, f"{device.name}.{found.dotted_name}"


def _channels(signal: EpicsSignalBase) -> list[tuple[str, bool]]:
    """Name of each PV of a signal, and whether it is connected."""
    both = (signal._read_pv, getattr(signal, "_write_pv", None))
    return [(pv.pvname, bool(pv.connected)) for pv in both if pv is not None]
