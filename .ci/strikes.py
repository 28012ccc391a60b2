"""Run the tests; run what failed once more, alone. What passes then is flaky: it is named, and not for long.

    python .ci/strikes.py PYTEST-ARGUMENTS

A test that passes at the second strike is printed as `flaky: NAME`. It is red all the same when more than
three are flaky in one run, or one that stands in tests/flaky.txt and is not marked as mended there. The file
named by HITLINE_FLAKY gets their names as a list of JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

MOST = 3
"""Tests that may be flaky in one run."""

SEEN = Path("tests/flaky.txt")
FAILED = Path(".pytest_cache/v/cache/lastfailed")
SOME_FAILED = 1
"""Exit code of pytest; any other but 0 is no matter of single tests."""


def known(page: str) -> dict[str, bool]:
    """Names in tests/flaky.txt, and whether each was mended.

    Lines read `NAME | DATE | WHAT WAS SEEN`, and once the cause is gone ` | mended DATE` behind it. The last
    line of a name counts: what was seen again after it was mended gets a line of its own.
    """
    rows = [[cell.strip() for cell in line.split(" | ")] for line in page.splitlines()]
    return {row[0]: row[-1].startswith("mended ") for row in rows if row[0] and not row[0].startswith("#")}


def verdict(flaky: list[str], seen: dict[str, bool]) -> list[str]:
    """Why tests that passed only at the second strike are red, if they are."""
    reasons = [
        f"{name} was flaky before and has not been mended" for name in flaky if not seen.get(name, True)
    ]
    if len(flaky) > MOST:
        reasons.append(f"{len(flaky)} tests were flaky in one run, more than {MOST}")
    return reasons


def pytest(*arguments: str) -> int:
    """Run pytest here; its exit code."""
    return subprocess.run([sys.executable, "-m", "pytest", *arguments]).returncode


def failed() -> list[str]:
    """What failed in the last run."""
    return sorted(json.loads(FAILED.read_text())) if FAILED.exists() else []


def main(arguments: list[str]) -> int:
    """Both strikes; 0 when every test passed at one of them and not too many were flaky."""
    FAILED.unlink(missing_ok=True)
    code, flaky = pytest(*arguments), []
    if code == SOME_FAILED and (first := failed()):
        print(f"\nonce more, alone: {', '.join(first)}", flush=True)
        code = pytest(*arguments, "-n", "0", "--last-failed", "--last-failed-no-failures=none")
        flaky = sorted(set(first) - set(failed()))
        for name in flaky:
            print(f"flaky: {name}")
        for reason in verdict(flaky, known(SEEN.read_text()) if SEEN.exists() else {}):
            print(f"red: {reason}")
            code = code or SOME_FAILED
    if told := os.environ.get("HITLINE_FLAKY"):
        Path(told).write_text(json.dumps(flaky))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
