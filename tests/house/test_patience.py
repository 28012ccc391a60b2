"""Every wait in a test has one limit, which stands in kit/patience.py and grows with HITLINE_PATIENCE."""

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from kit import patience
from kit.until import until, wait_until

TESTS = Path(__file__).parents[1]
OWN = {
    "bus/test_discovery.py": "keeps the loop busy for a time, as a blocking call would",
    "bus/test_loss.py": "likewise",
    "devices/breakages.py": "holds a request back for a time; it is no wait",
}
"""Files with a loop that looks at the clock, and why they may."""

CLOCKS = ("monotonic", "perf_counter", "time")

LIMITS = """
import pytest
from kit.patience import WAIT_S

def limit(request):
    print(f"limit {request.node.get_closest_marker('timeout').args[0]:g} wait {WAIT_S:g}")

def test_usual(request):
    limit(request)

@pytest.mark.timeout(200)
def test_own(request):
    limit(request)
"""


def limits(folder: Path, scale: str) -> subprocess.CompletedProcess[str]:
    """Run tests that tell their limits, under the fixtures and the usual limit of ours."""
    (folder / "test_limits.py").write_text(LIMITS)
    (folder / "pytest.ini").write_text("[pytest]\ntimeout = 60\nmarkers = timeout\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-s", "-p", "conftest", "-p", "no:cacheprovider", "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS), patience.VARIABLE: scale},
        capture_output=True,
        text=True,
    )


def test_patience_scales_waits_and_the_runners_limits(tmp_path: Path) -> None:
    done = limits(tmp_path, "3")
    told = [line.strip(".") for line in done.stdout.splitlines() if "limit" in line]
    assert told == ["limit 180 wait 90", "limit 600 wait 90"], done.stdout + done.stderr


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf"])
def test_a_bad_value_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=rf"HITLINE_PATIENCE is a number above 0 .* not '{text}'"):
        patience.scale(text)
    assert (patience.scale(""), patience.scale("2.5")) == (1.0, 2.5)


def test_a_bad_value_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    done = limits(tmp_path, "much")
    assert done.returncode and "HITLINE_PATIENCE is a number above 0" in done.stdout + done.stderr


def test_a_wait_fails_by_itself_before_the_runner_ends_the_test(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) * patience.SCALE > patience.WAIT_S


async def test_a_wait_that_fails_says_what_was_awaited() -> None:
    def failure(what: str) -> AbstractContextManager[object]:
        return pytest.raises(AssertionError, match=rf"^not within 0\.01 s: {what}$")

    with failure("the moon"):
        await until(lambda: False, 0.01, what=lambda: "the moon")
    with failure(r"the condition at .*test_patience\.py:\d+"):
        await until(lambda: False, 0.01, listen=lambda callback: lambda: None)
    with failure(r"two \(KeyError: 2\)"):
        wait_until(lambda: {}[2], 0.01, what="two", but=(KeyError,))
    with pytest.raises(KeyError):
        wait_until(lambda: {}[2])


async def test_a_wait_gives_the_first_truth_and_ends_its_subscription() -> None:
    told: list[str] = []

    def listen(callback: Callable[..., None]) -> Callable[[], None]:
        callback("name", 1)
        return lambda: told.append("end")

    for values in (iter((0, 7)), iter((0, 7))):
        assert await until(lambda values=values: next(values), listen=listen) == 7
    assert told == ["end", "end"]
    values = iter((0, 7))
    assert wait_until(lambda: next(values)) == 7


def own_waits(tree: ast.AST) -> Iterator[ast.AST]:
    """Loops that look at the clock to know when to end, and functions `until` with a loop of their own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.While):
            calls = (call.func for call in ast.walk(node.test) if isinstance(call, ast.Call))
            if any(isinstance(f, ast.Attribute) and f.attr in CLOCKS for f in calls):
                yield node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "until":
            yield from (n for n in ast.walk(node) if isinstance(n, ast.While | ast.For | ast.AsyncWith))


def test_waits_are_written_once() -> None:
    found = {
        str(path.relative_to(TESTS))
        for path in TESTS.rglob("*.py")
        if path.parent.name != "kit" and any(own_waits(ast.parse(path.read_text())))
    }
    assert found == set(OWN), "wait by kit.until, or say here why not"
