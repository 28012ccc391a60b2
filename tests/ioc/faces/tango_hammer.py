"""Clients that hammer a Tango device from its first instant: `tango_hammer.py TANGO_NAME`, till SIGTERM.

Each kind of work runs in threads of its own, as fast as it goes, whatever fails. Prints lines of JSON: how
often each kind of work was done so far, and by reason how often it was refused.
"""

import json
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable

import tango
from tango import DevFailed, DeviceProxy, EventType

NAME = sys.argv[1]
end = threading.Event()
done: Counter[str] = Counter()
refused: Counter[str] = Counter()


def names(device: DeviceProxy) -> list[str]:
    return [name for name in device.get_attribute_list() if name not in ("State", "Status")]


def reads(device: DeviceProxy) -> None:
    for one in device.read_attributes(["State", "Status", *names(device)]):
        if not one.has_failed and one.type is not tango.CmdArgType.DevState:
            done["values"] += 1


def descriptions(device: DeviceProxy) -> None:
    device.attribute_list_query_ex()
    device.get_attribute_config(random.choice(names(device)))
    device.command_list_query()


def write(device: DeviceProxy, name: str, value: float) -> None:
    """By its description: given a name that is not there (yet), pytango 10.1 crashes or says nonsense."""
    device.write_attribute(device.get_attribute_config(name), value)


def writes(device: DeviceProxy) -> None:
    write(device, "voltage", random.uniform(-10.0, 10.0))


def slow_writes(device: DeviceProxy) -> None:
    write(device, "slow", random.uniform(0.0, 10.0))  # the instrument does nothing else for a second
    end.wait(random.uniform(0.5, 3.0))


def calls(device: DeviceProxy) -> None:
    device.command_inout("Call", "a word")


def subscriptions(device: DeviceProxy) -> None:
    some = random.sample(names(device), 3)
    ids = [
        device.subscribe_event(name, EventType.CHANGE_EVENT, lambda event: done.update(["events"]), [], True)
        for name in some
    ]
    end.wait(random.uniform(0.0, 0.2))
    for number in ids:
        device.unsubscribe_event(number)


def surprised(args: threading.ExceptHookArgs) -> None:
    """What is neither a refusal nor known ends it all."""
    threading.__excepthook__(args)
    os._exit(1)


def keep_at(work: Callable[[DeviceProxy], None]) -> None:
    device = None
    while not end.is_set():
        try:
            device = device or DeviceProxy(NAME)
            work(device)
            done[work.__name__] += 1
        except DevFailed as failed:
            refused[f"{work.__name__} {failed.args[0].reason}"] += 1
            end.wait(0.01)
        except (ValueError, IndexError):  # it has not got any attributes yet
            end.wait(0.01)


def restarts(device: DeviceProxy) -> None:
    end.wait(random.uniform(0.2, 1.5))
    DeviceProxy(NAME.replace(device.dev_name(), "dserver/hitline/face")).command_inout(
        "DevRestart", device.dev_name()
    )


KINDS = (reads, reads, descriptions, writes, slow_writes, calls, subscriptions, restarts)
threading.excepthook = surprised
threads = [threading.Thread(target=keep_at, args=(work,)) for work in KINDS]
signal.signal(signal.SIGTERM, lambda *_: end.set())
for thread in threads:
    thread.start()
while not end.wait(0.1):
    print(json.dumps([dict(done), dict(refused)]), flush=True)
for thread in threads:
    thread.join()
