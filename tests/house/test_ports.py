"""Two servers of one station, or of tests that run beside each other, never get the same port."""

import random

from kit import ports


def test_a_port_is_given_once(monkeypatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw3")
    monkeypatch.setattr(ports, "BELOW_EPHEMERAL", range(20_000, 20_400))
    monkeypatch.setattr(ports, "_given", set())
    given = []
    for _ in range(20):
        random.seed(1)
        given.append(ports.free_port())
    assert len(set(given)) == 20


def test_workers_choose_from_different_ones(monkeypatch) -> None:
    seen: set[int] = set()
    for worker in range(ports.PARTS):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", f"gw{worker}")
        ours = set(ports._ours())
        assert len(ours) > 1000 and not ours & seen
        seen |= ours
