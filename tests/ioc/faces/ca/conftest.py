"""Fixtures of the Channel Access face: a rig in the test's loop, libca in a process beside it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from ca_rig import DB, Libca, Rig, running
from hitline.db.generate import database
from hitline.ioc.faces.common import FACE
from kit.ports import free_port


@pytest.fixture(autouse=True)
def no_time_for_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else is in the test's group: no long listening for a name, no long goodbye."""
    monkeypatch.setattr("hitline.bus.node.LISTEN_S", 0.05)
    monkeypatch.setattr("hitline.bus.satellite.DEPART_S", 0.05)


@pytest.fixture(scope="module")
def ca_port() -> int:
    """The port of this module's servers and clients."""
    return free_port()


@pytest.fixture(scope="module")
def libca(ca_port: int) -> Iterator[Libca]:
    """A libca client for the tests of one module; each test has a prefix of its own."""
    client = Libca(EPICS_CA_SERVER_PORT=str(ca_port))
    yield client
    client.close()


@pytest.fixture
def prefix() -> str:
    return f"T{uuid4().hex[:8]}:"


@pytest.fixture
async def rig(group: str, tmp_path: Path, ca_port: int, prefix: str) -> AsyncIterator[Rig]:
    async with running(group, tmp_path, ca_port, prefix=prefix) as made:
        yield made


@pytest.fixture
async def rig_with_face_records(group: str, tmp_path: Path, ca_port: int, prefix: str) -> AsyncIterator[Rig]:
    """A rig whose own records come from its tables, whatever the shipped databases hold."""
    own = database(FACE, title="face", instrument="face", prefix="$(P)")
    async with running(group, tmp_path, ca_port, prefix=prefix, db=DB + own) as made:
        yield made
