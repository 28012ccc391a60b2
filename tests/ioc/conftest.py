"""Fixtures of the instrument side: the toy package, and stations of its instruments."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hitline.bus.station import Station, load
from kit.toys import TOYS, with_toys


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy package as if it were installed, for this process and its children."""
    monkeypatch.syspath_prepend(TOYS)
    monkeypatch.setenv("PYTHONPATH", with_toys())


@pytest.fixture
def toys(toy: None, tmp_path: Path, group: str) -> Callable[..., Station]:
    """Make a station of toy readouts, `toys("a", "b", order=["b"], options={"a": 'fail = "launch"'})`."""

    def make(
        *names: str, order: tuple[str, ...] = (), options: dict[str, str] | None = None, more: str = ""
    ) -> Station:
        lines = [f'name = "{group}"', more, "[conductor]", f"order = {list(order)}"]
        for name in names:
            lines += [
                f"[instruments.{name}]",
                'type = "toy_readout"',
                f"[instruments.{name}.options]",
                (options or {}).get(name, ""),
            ]
        path = tmp_path / "station.toml"
        path.write_text("\n".join(lines) + "\n")
        return load(path)

    return make
