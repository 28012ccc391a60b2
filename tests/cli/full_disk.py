"""A station whose disk fills up while it runs: `full_disk.py STATION`, in a mount namespace of its own."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from cli_process import read_until
from kit.station import HITLINE
from kit.until import wait_until

station = Path(sys.argv[1])
data = station.parent / "runs"


def shown() -> dict[str, dict[str, object]]:
    """What the supervisor shows."""
    command = [*HITLINE, "get", "station", "--json", "-s", str(station)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def fill() -> None:
    with (data / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            assert error.errno == errno.ENOSPC


with subprocess.Popen(
    [*HITLINE, "up", str(station)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
) as up:
    read_until(up, "3 of 3 processes up")
    fill()
    wait_until(lambda: shown()["disk_free"]["value"] == 0, what="no room, shown")
    about = shown()
    print("free", about["disk_free"]["value"], "full in", about["disk_full_in"]["value"])
    os.kill(up.pid, signal.SIGINT)
    said = up.communicate()[0]
    print("ended", up.returncode)
    print(said)
