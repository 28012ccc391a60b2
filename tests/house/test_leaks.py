"""A process that a test leaves behind is seen, also a grandchild; one that has ended is not."""

import subprocess
import sys

from kit.processes import children
from kit.until import wait_until

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
print(child.pid, flush=True)
input()
child.kill()
"""


def test_children_and_theirs_are_seen_while_they_live() -> None:
    before = children()
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        assert children() - before == {parent.pid, grandchild}
        parent.stdin.close()
        wait_until(lambda: children() == before)
        assert parent.returncode is None, "a zombie: nobody has asked for its exit code yet"
