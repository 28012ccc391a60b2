"""A CA server in a child process that shows what a station shows, and ophyd on it in other children."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kit.patience import WAIT_S
from kit.ports import free_ports

HERE = Path(__file__).parent


@contextlib.contextmanager
def _child(*argv: str, env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A Python child that has said that it is ready; it ends with the block."""
    child = subprocess.Popen(
        [sys.executable, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        assert child.stdout is not None and child.stdin is not None
        assert child.stdout.readline().startswith("ready"), f"{argv[0]} did not start"
        yield child
    finally:
        child.terminate()
        child.wait(WAIT_S)
        child.stdin.close()
        child.stdout.close()


@pytest.fixture(scope="module")
def ca_env() -> dict[str, str]:
    server, repeater = free_ports(2)
    return {**os.environ, "EPICS_CA_SERVER_PORT": str(server), "EPICS_CA_REPEATER_PORT": str(repeater)}


@pytest.fixture(scope="module")
def fake(ca_env) -> Iterator[str]:
    """Prefix of a fake station that is up."""
    with _child(str(HERE / "ioc.py"), "T:", env=ca_env):
        yield "T:"


@pytest.fixture(scope="module", params=["pyepics", "caproto"])
def client(request, ca_env, fake) -> Iterator[Callable[[str], None]]:
    """Run a scenario of runner.py over a control layer, and raise what it raised."""
    with _child(str(HERE / "runner.py"), request.param, fake, env=ca_env) as child:

        def run(scenario: str) -> None:
            child.stdin.write(f"{scenario}\n")
            child.stdin.flush()
            failure = json.loads(child.stdout.readline() or '"the client has died"')
            assert not failure, failure

        yield run
