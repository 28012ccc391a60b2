"""The processes of a station: readiness, restarts, giving up, stopping in order, the pid file."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from hitline.bus.attribute import Refused
from hitline.bus.station import Station
from hitline.ioc import crew as crew_module
from hitline.ioc import pids
from hitline.ioc.child import Child, Phase
from hitline.ioc.crew import Crew
from hitline.ioc.processes import ProcessSpec, Stage, instruments_of, processes
from hitline.ioc.supervision import Policy
from kit.patience import WAIT_S
from kit.until import until

GOOD = """
import signal, sys
print("some chatter", flush=True)
print('ready {"port": 5}', flush=True)
print("a last word", file=sys.stderr, flush=True)
signal.sigwait({signal.SIGTERM})
"""
BAD = "raise SystemExit('no such device')"
STUBBORN = GOOD.replace("signal.sigwait", "signal.pthread_sigmask(0, {15}); signal.sigwait").replace(
    "signal.sigwait({signal.SIGTERM})", "[signal.sigwait({15}) for _ in range(99)]"
)
BLOCKED = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})\n"


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station("test", tmp_path / "station.toml", data=tmp_path / "runs")


def spec(name: str, code: str, stage: Stage = Stage.BACKEND) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", BLOCKED + code), stage)


async def test_ready_facts_log_and_pids(station: Station) -> None:
    crew = Crew(station, specs=[spec("a", GOOD), spec("b", GOOD)])
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    a = crew.children["a"]
    assert (a.phase, a.facts, a.restarts) == (Phase.UP, {"port": 5}, 0)
    alive = pids.living(pids.pid_file(station.data))
    assert alive == {"supervisor": os.getpid(), "a": a.pid, "b": crew.children["b"].pid}
    await crew.stop()
    assert {c.phase for c in crew.children.values()} == {Phase.STOPPED}
    assert {"some chatter", "a last word"} <= set(a.tail()), a.log.path.read_text()
    assert not pids.pid_file(station.data).exists()


async def test_what_is_killed_is_back(station: Station) -> None:
    crew = Crew(station, specs=[spec("a", GOOD), spec("b", GOOD)])
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    a, first = crew.children["a"], crew.children["a"].pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: a.restarts == 1 and a.phase is Phase.UP)
    assert a.pid != first
    assert a.reason.startswith(f"was ended by SIGKILL, see {station.data / '.crash' / 'a-'}")
    assert crew.children["b"].restarts == 0
    await crew.stop()


CRASH = """
import ctypes, faulthandler, sys, threading
def waits():
    threading.Event().wait()
threading.Thread(target=waits, daemon=True).start()
for n in range(60):
    print(f"word {n}", file=sys.stderr, flush=True)
from hitline.bus import crash
crash.tell()
ctypes.string_at(0)
"""


async def test_a_crash_leaves_the_last_words_and_every_thread(station: Station) -> None:
    crew = Crew(station, specs=[spec("a", CRASH)], policy=Policy(first_s=0.001, attempts=1))
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    a = crew.children["a"]
    reason, _, path = a.reason.partition(", see ")
    assert reason == "was ended by SIGSEGV"
    said, mark, threads = Path(path).read_text().partition("Fatal Python error: Segmentation fault")
    assert said.startswith("a was ended by SIGSEGV, ") and f"{sys.executable} -c" in said
    assert said.splitlines()[-51:] == ["", *(f"word {n}" for n in range(10, 60))]
    assert mark and "in waits" in threads and "in string_at" in threads
    assert len(list(Path(path).parent.iterdir())) == a.starts == 2
    await crew.stop()


async def test_what_ends_by_the_signal_that_it_was_sent_has_not_crashed(station: Station) -> None:
    crew = Crew(
        station, specs=[ProcessSpec("a", (sys.executable, "-c", "import time; time.sleep(99)"), Stage.FACE)]
    )
    crew.start()
    await asyncio.sleep(0)
    await crew.stop()
    assert crew.children["a"].reason == "was ended by SIGTERM"
    assert not (station.data / ".crash").exists()


async def test_what_cannot_start_is_given_up_until_asked(station: Station) -> None:
    phases: list[Phase] = []
    crew = Crew(
        station,
        lambda child: phases.append(child.phase),
        specs=[spec("a", BAD)],
        policy=Policy(first_s=0.001, attempts=2),
    )
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    a = crew.children["a"]
    assert a.phase is Phase.FAILED
    assert a.reason == "ended with exit code 1: no such device"
    assert a.tail()[-1] == "no such device"
    assert phases == [Phase.STARTING, Phase.WAITING] * 2 + [Phase.STARTING, Phase.FAILED]
    a.again()
    await until(lambda: a.phase is Phase.FAILED and a.starts == 6)
    await crew.stop()


async def test_missing_program_is_told(station: Station) -> None:
    crew = Crew(
        station,
        specs=[ProcessSpec("a", ("/not/there",), Stage.FACE)],
        policy=Policy(first_s=0.001, attempts=0),
    )
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    assert "cannot be started" in crew.children["a"].reason
    await crew.stop()


async def test_stop_goes_from_the_faces_to_the_backends(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "STAGE_S", 10.0)  # on a busy machine none is overtaken
    ended: list[str] = []

    def note(child: Child) -> None:
        if child.phase is Phase.STOPPED:
            ended.append(child.spec.name)

    crew = Crew(station, note, specs=[spec(stage.name, GOOD, stage) for stage in Stage])
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    await crew.stop()
    assert ended == ["FACE", "CONDUCTOR", "WORKER", "BACKEND"]


async def test_a_stage_that_takes_long_does_not_use_up_the_time_of_the_next(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every stage is asked while those before it still end: here each of them ends when all were asked."""
    monkeypatch.setattr(crew_module, "STOP_S", WAIT_S)
    asked = tmp_path / "asked"
    asked.mkdir()
    slow = (
        GOOD
        + f"""
import os, tempfile, threading
tempfile.mkstemp(dir={str(asked)!r})
while len(os.listdir({str(asked)!r})) < {len(Stage)}:
    threading.Event().wait(0.01)
"""
    )
    crew = Crew(station, specs=[spec(stage.name, slow, stage) for stage in Stage])
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    await crew.stop()
    assert all("exit code 0" in child.reason for child in crew.children.values())


async def test_what_does_not_end_is_killed_within_the_limit(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "STOP_S", 1.0)
    crew = Crew(station, specs=[spec("deaf", STUBBORN, Stage.FACE), spec("b", GOOD)])
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    await crew.stop()
    assert "SIGKILL" in crew.children["deaf"].reason
    assert {c.phase for c in crew.children.values()} == {Phase.STOPPED}


async def test_stop_during_start_and_pause(station: Station) -> None:
    crew = Crew(station, specs=[spec("a", GOOD), spec("b", BAD)], policy=Policy(first_s=100 * WAIT_S))
    crew.start()
    await until(lambda: crew.children["b"].phase is Phase.WAITING)
    fresh = Child(spec("c", GOOD), station.data, lambda child: None)
    fresh.start()
    fresh.stop()
    await asyncio.wait_for(crew.stop(), WAIT_S)
    assert fresh.keeper is not None
    await asyncio.wait_for(fresh.keeper, WAIT_S)
    assert fresh.phase is Phase.STOPPED


async def test_a_second_start_is_refused_with_pids(station: Station) -> None:
    crew = Crew(station, specs=[spec("a", GOOD)])
    crew.start()
    await asyncio.wait_for(crew.settled(), WAIT_S)
    second = Crew(station, specs=[spec("a", GOOD)])
    with pytest.raises(Refused, match=rf"a \({crew.children['a'].pid}\); stop it with: hitline down"):
        second.start()
    await second.stop()
    assert pids.pid_file(station.data).exists()
    await crew.stop()


def test_pid_file_knows_dead_reused_and_damaged(tmp_path: Path) -> None:
    file = tmp_path / "pids.json"
    assert pids.living(file) == {}
    pids.write(file, {"me": os.getpid(), "gone": 2**22 - 3})
    assert pids.living(file) == {"me": os.getpid()}
    file.write_text(file.read_text().replace(pids.began(os.getpid()), "1"))
    assert pids.living(file) == {}
    file.write_text("[1]")
    with pytest.raises(ValueError, match="is damaged"):
        pids.living(file)


def test_process_table(tmp_path: Path) -> None:
    from hitline.bus.station import CaEntry, ConductorEntry, InstrumentEntry, TangoEntry, WorkerEntry

    instruments = {
        "det1": InstrumentEntry("replay"),
        "hv": InstrumentEntry("iseg", process="slow"),
        "tube": InstrumentEntry("seifert", process="slow"),
    }
    workers = {"ana1": WorkerEntry("det1")}
    station = Station(
        "s",
        tmp_path / "s.toml",
        instruments=instruments,
        workers=workers,
        conductor=ConductorEntry(),
        ca=CaEntry(),
        tango=TangoEntry(),
    )
    table = {spec.name: spec.argv[1:] for spec in processes(station)}
    file = str(tmp_path / "s.toml")
    assert table == {
        "det1": ("-m", "hitline.ioc.backend", file, "det1"),
        "slow": ("-m", "hitline.ioc.backend", file, "slow"),
        "ana1": ("-m", "hitline.analysis.worker", file, "ana1"),
        "run": ("-m", "hitline.ioc.conductor", file),
        "face-ca": ("-m", "hitline.ioc.faces.ca", file),
        "face-tango": ("-m", "hitline.ioc.faces.tango", file),
    }
    assert instruments_of(station, "slow") == ["hv", "tube"]
