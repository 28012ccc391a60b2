"""Every move of the carriages in a file, to hold results against: JSON lines, closed-form stretches."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path

from .kinematics import Stretch, Travel
from .own_file import begun
from .rail import Rail


class MovesFile:
    """Appends each move once it is over."""

    def __init__(self, path: Path) -> None:
        self._file = begun(path, "w", encoding="utf-8")
        self._written: dict[str, Travel | None] = {}

    def write(self, rails: Mapping[str, Rail]) -> None:
        """Write what has ended since."""
        for name, rail in rails.items():
            rail.look()
            travels = rail.travels
            known = [n for n, (travel, _) in enumerate(travels) if travel is self._written.get(name)]
            for travel, ended_s in travels[known[-1] + 1 if known else 0 :]:
                if ended_s == float("inf"):
                    break
                stretches = [astuple(stretch) for stretch in travel.stretches]
                line = {
                    "axis": name,
                    "ended_s": ended_s,
                    "goal": travel.goal,
                    "slip": rail.slip,
                    "stretches": stretches,
                }
                self._file.write(json.dumps(line) + "\n")
                self._written[name] = travel
        self._file.flush()

    def close(self) -> None:
        """Write no more."""
        self._file.close()


def read_moves(path: Path) -> Iterable[tuple[str, Travel, float]]:
    """Give (axis, move, when it ended) of each line."""
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        stretches = tuple(Stretch(*stretch) for stretch in told["stretches"])
        yield told["axis"], Travel(stretches, told["goal"]), told["ended_s"]
