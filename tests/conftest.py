"""What every test stands on: loopback only, free ports, nothing left behind, and crashes that tell."""

import asyncio
import os
import signal
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from kit.patience import SCALE
from kit.ports import free_port, free_ports
from kit.processes import children

# A busy machine is no failure: examples have no deadline, tests have a timeout.
settings.register_profile("hitline", deadline=None)
settings.load_profile("hitline")

# A shell that starts us in the background has us ignore SIGINT, and our children after us: tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Set before any EPICS client or server is imported anywhere.
LOOPBACK = {
    "EPICS_CA_ADDR_LIST": "127.0.0.1",
    "EPICS_CA_AUTO_ADDR_LIST": "NO",
    "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
    "EPICS_CAS_AUTO_BEACON_ADDR_LIST": "NO",
    "EPICS_CAS_BEACON_ADDR_LIST": "",
    "EPICS_CA_MAX_ARRAY_BYTES": "16777216",
    "PYEPICS_LIBCA": os.environ.get("PYEPICS_LIBCA", ""),
    "MPLBACKEND": "Agg",
    "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", ""),
}
os.environ.update({key: value for key, value in LOOPBACK.items() if value or key.startswith("EPICS")})


# Programs that tests start wait as they do, by what is in kit.
_TESTS = str(Path(__file__).parent)
_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
os.environ["PYTHONPATH"] = os.pathsep.join([_TESTS, *(p for p in _path if p not in ("", _TESTS))])


_CA_PORT, _REPEATER_PORT = free_ports(2)
os.environ["EPICS_CA_SERVER_PORT"] = str(_CA_PORT)
os.environ["EPICS_CA_REPEATER_PORT"] = str(_REPEATER_PORT)


@pytest.fixture(name="free_port")
def a_free_port() -> int:
    return free_port()


@pytest.fixture
def group() -> str:
    """A Constellation group that no other test shares."""
    return f"test{uuid.uuid4().hex[:12]}"


@pytest.fixture
def data() -> Path:
    """Folder of recorded data; a test that needs it skips without, and CI does not allow that."""
    folder = Path(os.environ.get("HITLINE_DATA", ""))
    if not os.environ.get("HITLINE_DATA") or not folder.is_dir():
        message = "needs recorded data: set HITLINE_DATA to the folder with suann_truth.json"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    return folder


@pytest.fixture
def suann(data: Path) -> Path:
    """The recorded quad-detector file."""
    return data / "suann_socket_background_serval32.tpx3"


BEGAN = pytest.StashKey[tuple[Path, float]]()
"""Folder of the temporary files of all tests, and when this test began."""


@pytest.fixture(autouse=True)
def crashes_tell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    request.node.stash[BEGAN] = tmp_path_factory.getbasetemp(), time.time()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what processes of stations told, and the report of each that crashed, in a test that failed."""
    report = yield
    if report.failed and BEGAN in item.stash:
        folder, began = item.stash[BEGAN]
        for pattern, most in ((".log/*.log", 50), (".crash/*.txt", 1000)):
            for path in sorted(folder.rglob(pattern)):
                if path.stat().st_mtime >= began and (told := path.read_text(errors="replace").splitlines()):
                    report.sections.append((str(path), "\n".join(told[-most:])))
    return report


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a process or a non-daemon thread behind."""
    before, threads = children(), set(threading.enumerate())
    yield
    deadline = threading.Event()
    for _ in range(round(40 * SCALE)):
        left = children() - before
        late = [t for t in threading.enumerate() if t not in threads and not t.daemon and t.is_alive()]
        if not left and not late:
            return
        deadline.wait(0.05)
    pytest.fail(f"left behind: processes {[_command_line(pid) for pid in left]}, threads {late}")


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return f"{pid} (gone)"


LONG = ("motion", "plans", "cli", "devices", "guest")
"""Folders of the longest files: begun last, one of them would run on while the others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not set(LONG) & set(item.path.parts))
    for item in items:
        if asyncio.iscoroutinefunction(getattr(item, "function", None)):
            item.fixturenames.insert(0, "no_tasks_left")  # type: ignore[attr-defined]
        limit_s = _limit_s(item)
        if SCALE != 1 and limit_s:
            item.add_marker(pytest.mark.timeout(limit_s * SCALE), append=False)


def _limit_s(item: pytest.Item) -> float:
    """The runner's time-out of a test as it is written: its own, the command line's or the usual one."""
    if marker := item.get_closest_marker("timeout"):
        return float(marker.args[0] if marker.args else marker.kwargs.get("timeout", 0))
    option = item.config.getoption("timeout", None)
    return float(item.config.getini("timeout") or 0 if option is None else option)


@pytest.fixture
async def no_tasks_left():
    """Fail an async test that leaves a task running on the loop."""
    yield
    left = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    if left:
        await asyncio.wait(left, timeout=SCALE)
        still = [t for t in left if not t.done()]
        assert not still, f"tasks left running: {still}"
