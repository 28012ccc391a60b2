"""A full disk is told before it matters, and keeps no station from ending in order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit.patience import WAIT_S


def test_a_station_on_a_full_disk_says_so_and_ends_in_order(
    environment: dict[str, str], station: Path
) -> None:
    """A real one, of 1 MiB, in a mount namespace of its own."""
    data = station.parent / "runs"
    data.mkdir()
    child = f"{sys.executable} {Path(__file__).with_name('full_disk.py')} {station}"
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"mount -t tmpfs -o size=1m tmpfs {data} && {child}"],
        capture_output=True,
        text=True,
        timeout=2 * WAIT_S,
        env={**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], *sys.path])},
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        message = f"needs user namespaces (kernel.unprivileged_userns_clone=1): {done.stderr.strip()}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    assert "free 0.0 full in 0.0\n" in done.stdout and "ended 0" in done.stdout, done
    assert "Traceback" not in done.stdout + done.stderr, done
