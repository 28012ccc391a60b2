"""A Tango server that adds an attribute to a running device and prints "added"; pytango 10.3 dies by SIGSEGV.

In the first ten minutes after boot only, or in a time namespace that is as young (as root):

    OFF=$(($(cut -d. -f1 /proc/uptime) - 100))
    unshare -T --monotonic -$OFF --boottime -$OFF --fork python tango_boot.py
"""

import os
import threading

import tango
from tango.server import Device, attribute, run


class Growing(Device):
    """A device without attributes of its own."""


def add() -> None:
    """Add an attribute; the server tells clients of it within the second."""
    with tango.EnsureOmniThread():
        device = tango.Util.instance().get_device_by_name("x/y/z")
        device.add_attribute(attribute(name="added", dtype=float, fget=lambda _: 1.0))
        threading.Event().wait(1.0)
    print("added", flush=True)
    os._exit(0)


run(
    (Growing,),
    args=["Growing", "t", "-nodb", "-dlist", "x/y/z", "-ORBendPoint", "giop:tcp:127.0.0.1:0"],
    post_init_callback=threading.Thread(target=add, daemon=True).start,
)
