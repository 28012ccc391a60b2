"""The station as a whole: its face and its supervisor."""

import contextlib

from ophyd import Component as Cpt
from ophyd import Device

from .signals import LONG, Number, Text
from .wait import Refusal


class StationDevice(Device):
    """Liveness of a station's face, counts of its supervisor, and why the last put was refused."""

    heartbeat = Cpt(Number, "Heartbeat", kind="omitted")
    up_time = Cpt(Number, "UpTime", kind="omitted")
    version = Cpt(Text, "Version", kind="config")
    ca_clients = Cpt(Number, "CaClients", kind="omitted")
    last_refusal = Cpt(Text, "LastRefusal_RBV", kind="omitted")
    face_errors = Cpt(Text, "Face:Errors", kind="omitted")
    processes = Cpt(Number, "Processes_RBV", kind="omitted")
    restarts = Cpt(Number, "Restarts", kind="normal")
    host = Cpt(Text, "Host_RBV", kind="config")
    file = Cpt(Text, "File_RBV", kind="config")
    disk_free = Cpt(Number, "DiskFree_RBV", kind="normal")
    disk_full_in = Cpt(Number, "DiskFullIn_RBV", kind="omitted")
    last_restart = Cpt(Text, "LastRestart_RBV", kind="omitted")
    failed = Cpt(Text, "Failed_RBV", kind="normal")

    def refusal(self, pv: str) -> Refusal:
        """Why the last put to `pv` was refused; empty when the last refusal was of another PV."""
        with contextlib.suppress(TimeoutError):
            last = self.last_refusal.sample(1.0)
            if last.value.startswith(f"{pv.removesuffix(LONG)}:"):
                return Refusal(last.value, last.timestamp)
        return Refusal()
