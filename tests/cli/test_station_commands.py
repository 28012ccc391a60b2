"""A station by the command: up, status, get, set, watch, down; what Ctrl-C and kill -9 do."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import Done, read_until
from hitline.bus.station import Station
from hitline.cli.view import View
from hitline.ioc import pids
from hitline.ioc.child import Child, Phase
from hitline.ioc.processes import ProcessSpec, Stage
from kit.patience import WAIT_S

Run = Callable[..., Done]
Start = Callable[..., "subprocess.Popen[str]"]


def test_talking_to_a_station(up: subprocess.Popen[str], hitline: Run, station: Path) -> None:
    rows = {row["instrument"]: row for row in json.loads(hitline("status", "--json").stdout)}
    assert {name: row["state"] for name, row in rows.items()} == dict.fromkeys(rows, "INIT")
    assert list(rows) == ["det1", "gauge", "lamp", "run", "station"]
    assert rows["station"]["type"] == "Supervisor"

    assert hitline("get", "gauge", "pressure").stdout == "1000.0 mbar\n"
    assert hitline("set", "gauge", "pressure", "12.5").stdout == "12.5 mbar\n"
    assert hitline("get", "gauge", "pressure").stdout == "12.5 mbar\n"
    refused = hitline("set", "gauge", "pressure", "3e3")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "hitline: error: pressure: 3000.0 mbar is above the limit of 2000.0 mbar\n"
    for words, text in (
        (["set", "gauge", "presure", "1"], "has no attribute or command 'presure'"),
        (["get", "gauge", "presure"], "has no attribute 'presure'"),
        (["get", "nobody"], "no instrument 'nobody' is on the bus"),
        (["set", "gauge", "pressure", "much"], "wants a number, got 'much'"),
        (["set", "run", "start", "a", "b"], "start takes 1 arguments (owner), got 2"),
    ):
        done = hitline(*words)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert text in done.stderr

    assert hitline("set", "run", "start", "alice").stdout == "done\n"
    status = hitline("status")
    assert re.search(r"det1 +ToyReadout +RUN +OK +\d{8}-\d{6}-0001", status.stdout)
    assert "owned by alice" in hitline("set", "run", "start", "bob").stderr
    everything = json.loads(hitline("get", "run", "--json").stdout)
    assert everything["run_state"]["value"] == "Running"
    watched = hitline("watch", "run", "exposures", "run_state", "--count", "2").stdout.splitlines()
    shown = sorted(line.split(maxsplit=1)[1] for line in watched)
    assert shown == ["run.exposures  0", "run.run_state  Running"]
    assert hitline("set", "run", "land").stdout == "done\n"
    assert hitline("set", "lamp", "initialize").stdout == "accepted\n"

    failed = hitline("set", "det1", "warm")
    assert failed.returncode == 1 and not failed.stdout
    assert "det1: warm has failed: the heater is broken" in failed.stderr
    assert hitline("set", "det1", "warm", "--wait", "0").stdout == "accepted\n"

    second = hitline("up", station)
    assert second.returncode == 1
    alive = pids.living(pids.pid_file(station.parent / "runs"))
    assert set(alive) == {"supervisor", "det1", "slow", "run"}
    for name, pid in alive.items():
        assert f"{name} ({pid})" in second.stderr

    down = hitline("down")
    assert down.returncode == 0, down.stderr
    assert up.wait(WAIT_S) == 0


def test_watch_ends_quietly_on_ctrl_c_and_on_a_closed_pipe(up: subprocess.Popen[str], started: Start) -> None:
    watch = started("watch", "gauge")
    read_until(watch, "gauge.pressure")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(WAIT_S) == 0
    assert watch.stdout is not None and "Traceback" not in watch.stdout.read()
    up.terminate()
    up.wait(WAIT_S)


def test_sigterm_stops_all_in_order_and_has_to_kill_none(up: subprocess.Popen[str], station: Path) -> None:
    alive = pids.living(pids.pid_file(station.parent / "runs"))
    up.terminate()
    read_until(up, *(f"{name} stopped: ended with exit code 0" for name in ("run", "det1", "slow")))
    assert up.wait(WAIT_S) == 0
    assert not any(map(pids.alive, alive.values()))


def test_killed_processes_come_back_and_are_counted(
    up: subprocess.Popen[str], hitline: Run, station: Path
) -> None:
    for name in ("slow", "run"):
        os.kill(pids.living(pids.pid_file(station.parent / "runs"))[name], signal.SIGKILL)
        lines = read_until(up, f"{name} up")
        assert any(f"{name} waiting to restart: was ended by SIGKILL" in line for line in lines)
    shown = json.loads(hitline("get", "station", "--json").stdout)
    assert (shown["restarts"]["value"], shown["processes"]["value"], shown["failed"]["value"]) == (2, 3, "")
    assert re.search("run was ended by SIGKILL", shown["last_restart"]["value"])
    assert hitline("set", "station", "restart", "slow").returncode == 0
    read_until(up, "slow up")
    assert json.loads(hitline("get", "station", "restarts", "--json").stdout)["restarts"]["value"] == 3
    assert "processes are det1, slow, run" in hitline("set", "station", "restart", "fast").stderr


def test_killed_supervisor_leaves_the_station_running_and_down_stops_it(
    up: subprocess.Popen[str], hitline: Run, station: Path
) -> None:
    up.kill()
    up.wait()
    left = pids.living(pids.pid_file(station.parent / "runs"))
    assert set(left) == {"det1", "slow", "run"}
    assert hitline("get", "gauge", "pressure").stdout == "1000.0 mbar\n"
    refused = hitline("up", station)
    assert refused.returncode == 1
    assert f"slow ({left['slow']})" in refused.stderr
    assert "stop it with: hitline down" in refused.stderr
    done = hitline("down", station)
    assert done.returncode == 0, done.stderr
    assert not any(map(pids.alive, left.values()))
    assert hitline("down", station).returncode == 1


def test_what_cannot_start_is_explained_and_the_others_are_up(started: Start, station: Path) -> None:
    station.write_text(
        station.read_text().replace(
            "[conductor]",
            "[instruments.bad]\ntype = 'toy_readout'\n[instruments.bad.options]\nfail = 'connect'\n",
        )
    )
    up = started("up", station)
    read_until(up, "bad waiting to restart: ended with exit code 1: error: bad cannot connect", "slow up")
    up.terminate()
    assert up.wait(WAIT_S) == 0


def test_the_log_of_what_was_given_up_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = Child(ProcessSpec("det1", ("x",), Stage.BACKEND), tmp_path, lambda child: None)
    child.log.path.parent.mkdir()
    child.log.path.write_text("".join(f"line {n}\n" for n in range(20)))
    child.phase, child.reason = Phase.FAILED, "ended with exit code 1"
    View(Station("s", tmp_path / "s.toml")).changed(child)
    lines = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "det1 failed: ended with exit code 1"
    assert lines[1] == f"the last lines of {child.log.path}:"
    assert lines[2:] == [f"  | line {n}" for n in range(12, 20)]


def test_ctrl_c_on_a_terminal(environment: dict[str, str], station: Path) -> None:
    """Ctrl-C reaches all processes of the terminal at once; still they end in order, with exit code 0."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "hitline.cli.main", "up", str(station)], environment)
    seen = b""
    try:
        while b"3 of 3 processes up" not in seen:
            seen += os.read(terminal, 4096)
        alive = pids.living(pids.pid_file(station.parent / "runs"))
        os.write(terminal, b"\x03")
        try:
            while chunk := os.read(terminal, 4096):
                seen += chunk
        except OSError:  # the terminal's other end is closed: all have ended
            pass
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
    assert b"Traceback" not in seen
    for text in (b"process", b"restarts", b"instruments gauge, lamp", b"stopping"):
        assert text in seen
    assert len(alive) == 4
    assert not any(map(pids.alive, alive.values()))
    log = (station.parent / "runs/.log/slow.log").read_text()
    assert "Traceback" not in log
