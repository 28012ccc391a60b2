"""A Channel Access client on libca, driven by lines of JSON: each is Python to evaluate."""

import json
import os
import sys
import threading
import time
import traceback
import warnings

import numpy as np
from kit.patience import WAIT_S
from kit.until import wait_until  # noqa: F401 - for what tests send

warnings.simplefilter("ignore")
import epics  # noqa: E402

PVS: dict[str, "Watched"] = {}


class Watched:
    """A monitored PV that keeps what it has heard."""

    def __init__(self, name: str, **options) -> None:
        self.heard: list = []
        self.changed = threading.Condition()
        self.pv = epics.PV(name, callback=self._hear, **({"auto_monitor": 7} | options))
        if not self.pv.wait_for_connection(WAIT_S):
            raise TimeoutError(f"{name} does not connect")

    def _hear(self, value=None, severity=None, timestamp=None, **more) -> None:
        with self.changed:
            self.heard.append((plain(value), severity, timestamp, time.time()))
            self.changed.notify_all()

    def until(self, true) -> list:
        with self.changed:
            if not self.changed.wait_for(lambda: self.heard and true(self.heard), WAIT_S):
                raise TimeoutError(f"{self.pv.pvname} heard {self.heard[-5:]}")
            return list(self.heard)


def watch(name: str, **options) -> Watched:
    if name not in PVS:
        PVS[name] = Watched(name, **options)
    return PVS[name]


def pv(name: str, **options):
    made = epics.PV(name, auto_monitor=False, **options)
    if not made.wait_for_connection(WAIT_S):
        raise TimeoutError(f"{name} does not connect")
    return made


def get(name: str, **options):
    return pv(name).get(use_monitor=False, timeout=WAIT_S, **options)


def text(name: str) -> str:
    """What a record says when asked for a string."""
    return epics.ca.get(pv(name).chid, ftype=0)


def ftype(name: str) -> int:
    return epics.ca.field_type(pv(name).chid)


def put(name: str, value, wait: bool = True, timeout: float = WAIT_S):
    """Returns whether the put has completed in time."""
    return pv(name).put(value, wait=wait, timeout=timeout) == 1


def put_status(name: str, value, timeout_s: float = WAIT_S):
    """The status of ca_put_callback, which pyepics itself throws away."""
    chid = pv(name).chid
    heard, done = [], threading.Event()

    def end(args):
        heard.append(args.status)
        done.set()

    callback = epics.dbr.make_callback(end, epics.dbr.event_handler_args)
    ftype = epics.ca.field_type(chid)
    array = (epics.dbr.Map[ftype] * 1)(value if not isinstance(value, str) else value.encode())
    status = epics.ca.libca.ca_array_put_callback(ftype, 1, chid, array, callback, None)
    if status != 1:  # libca itself refuses, as for want of the right to write
        return status
    epics.ca.flush_io()
    if not done.wait(timeout_s):
        return None
    return heard[0]


def plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size < 100 else ["array", value.size, int(value[0]), int(value[-1])]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple):
        return [plain(v) for v in value]
    return value


def main() -> None:
    names = globals()
    out = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        code = json.loads(line)
        try:
            try:
                value = eval(compile(code, "<test>", "eval"), names)
            except SyntaxError:
                exec(compile(code, "<test>", "exec"), names)
                value = None
            answer = {"value": plain(value)}
            text = json.dumps(answer, default=repr)
        except Exception:
            text = json.dumps({"error": traceback.format_exc()})
        print(text, file=out, flush=True)
    os._exit(0)  # pyepics' clean-up at exit may wait for ever for its threads


if __name__ == "__main__":
    main()
