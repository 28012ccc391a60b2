"""A Tango server that adds attributes lives in the first ten minutes after boot, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("tango_boot.py")
YOUNG_S = 100


def test_a_server_lives_on_a_machine_that_has_just_booted() -> None:
    if os.geteuid() != 0 or not Path("/proc/uptime").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "needs root on Linux: a time namespace of its own"
        )
    up_s = int(float(Path("/proc/uptime").read_text().split()[0]))
    young = f"-{max(up_s - YOUNG_S, 0)}"
    space = ["unshare", "-T", "--monotonic", young, "--boottime", young, "--fork", "--kill-child"]
    done = subprocess.run([*space, sys.executable, str(SERVER)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["added"]), done.stdout + done.stderr
