"""How a Katherine was set up when it measured: what the words do not say and a decoder must know.

The readout writes it into its run log, as facts of OPEN and of BEGIN (`facts`); those of BEGIN hold for their
exposure. Whoever decodes takes it from there (`of`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .hits import TICKS_PER_COARSE
from .katherine_words import GENERATIONS, Mode

TOA_STEPS = 1 << 14
"""Steps of the pixel clock after which the time in a pixel word repeats: 409.6 us at 40 MHz."""
COARSE_TICKS = (32, 16, 8, 4)
"""Ticks of 1.5625 ns in a step of the pixel clock of 20, 40, 80 and 160 MHz."""
PHASES = (1, 2, 4, 8, 16)
MODES = {mode.name.lower(): mode for mode in Mode}
READOUTS = ("data_driven", "sequential")
TYPES = {"fast": bool, "generation": int, "coarse_ticks": int, "phases": int}
KEYS = ("mode", "fast", "generation", "coarse_ticks", "phases", "readout")
"""Names of the facts."""


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything that the meaning of a word depends on; ValueError when the parts do not fit together."""

    mode: Mode = Mode.TOA_TOT
    fast: bool = True
    """Fast oscillator on: fine time in place of the hit count; at 40 MHz only (libkatherine 2.0)."""
    generation: int = 1
    coarse_ticks: int = TICKS_PER_COARSE
    """Ticks of 1.5625 ns in a step of the pixel clock."""
    phases: int = 1
    """Phases of the pixel clock that the chip really makes; 1 is no correction."""
    sequential: bool = False
    """Frames read after they were taken: times are known modulo `period` only."""

    def __post_init__(self) -> None:
        if self.generation not in GENERATIONS:
            raise ValueError(f"generation {self.generation}: 1 or 2 are known")
        if self.coarse_ticks not in COARSE_TICKS:
            raise ValueError(f"{self.coarse_ticks} ticks in a step of the pixel clock: {COARSE_TICKS} exist")
        if self.phases not in PHASES or self.phases > self.coarse_ticks:
            raise ValueError(
                f"{self.phases} phases of a clock of {self.coarse_ticks} ticks: must be one of {PHASES} "
                "and at most the number of ticks"
            )
        if self.fast and self.coarse_ticks != TICKS_PER_COARSE and self.mode is not Mode.EVENT_ITOT:
            raise ValueError(
                f"the fine time needs the 40 MHz clock, {self.coarse_ticks} ticks per step were given: 16"
            )

    @property
    def timed(self) -> bool:
        """Whether pixels have a time."""
        return self.mode is not Mode.EVENT_ITOT

    @property
    def period(self) -> int:
        """Ticks after which the time in a pixel word alone repeats."""
        return TOA_STEPS * self.coarse_ticks

    def facts(self) -> dict[str, Any]:
        """As facts of a run log, by `KEYS`."""
        return {
            "mode": self.mode.name.lower(),
            "fast": self.fast,
            "generation": self.generation,
            "coarse_ticks": self.coarse_ticks,
            "phases": self.phases,
            "readout": READOUTS[self.sequential],
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """The inverse of `facts`; other facts are passed over, the default stands where one is not there.

        Raises ValueError with name and value of a fact that makes no sense.
        """
        taken: dict[str, Any] = {}
        for name in KEYS:
            if name in facts:
                _take(taken, name, facts[name])
        return cls(**taken)

    def vector(self) -> NDArray[np.int64]:
        """As int64[6]: generation, mode, fast, coarse_ticks, phases, sequential."""
        return np.array(
            [self.generation, self.mode, self.fast, self.coarse_ticks, self.phases, self.sequential], np.int64
        )

    @classmethod
    def of_vector(cls, vector: NDArray[np.int64]) -> Self:
        """The inverse of `vector`."""
        generation, mode, fast, coarse_ticks, phases, sequential = vector.tolist()
        return cls(Mode(mode), bool(fast), generation, coarse_ticks, phases, bool(sequential))


def _take(taken: dict[str, Any], name: str, value: Any) -> None:
    """Put a fact where it belongs."""
    if name == "mode" and isinstance(value, str) and value in MODES:
        taken[name] = MODES[value]
    elif name == "readout" and isinstance(value, str) and value in READOUTS:
        taken["sequential"] = value == "sequential"
    elif type(value) is TYPES.get(name):
        taken[name] = value
    else:
        raise ValueError(f"fact {name} = {value!r} of the run log is none that this version knows")
