"""What tests of the command share beside their fixtures."""

import subprocess
from dataclasses import dataclass


@dataclass
class Done:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def read_until(process: subprocess.Popen[str], *texts: str) -> list[str]:
    """Read the lines of a process until each of `texts` was in one of them."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if all(any(text in line for line in lines) for text in texts):
            return lines
    raise AssertionError(f"{texts} did not all come in {lines}")
