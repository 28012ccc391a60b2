"""One instrument and one analysis block, in a package of our own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from hitline.bus.attribute import Attribute, Command
from hitline.bus.instrument import Instrument


@dataclass(frozen=True)
class ChillerOptions:
    """What `[instruments.NAME.options]` may say."""

    target_c: float = field(default=20.0, metadata={"low": 5.0, "high": 40.0})
    """Temperature after a start."""


class Chiller(Instrument):
    """A chiller that is at its target at once; a real one would talk to its hardware in a thread."""

    ATTRIBUTES: ClassVar = (
        Attribute(
            "target",
            "float",
            "Temperature that is wanted.",
            unit="degC",
            precision=1,
            access="rw",
            low=5.0,
            high=40.0,
        ),
        Attribute(
            "temperature",
            "float",
            "Temperature of the water.",
            unit="degC",
            precision=2,
            alarms=(None, None, 30.0, 35.0),
        ),
        Attribute("cooling", "bool", "True while the pump runs."),
    )
    COMMANDS: ClassVar = (Command("off", "Stop the pump.", overtakes=True),)
    Options: ClassVar = ChillerOptions

    async def connect(self) -> None:
        """Read the hardware; write nothing."""
        self.publish("target", self.options.target_c)
        self.publish("temperature", self.options.target_c)
        self.publish("cooling", True)

    async def set_target(self, value: float) -> float:
        """Take a new target; the limits of the table were checked before."""
        self.publish("target", value)
        self.publish("temperature", value)
        return value

    async def do_off(self) -> None:
        """Stop the pump."""
        self.publish("cooling", False)


class Edges:
    """Counts hits on the outermost rows and columns, where guard-ring noise shows."""

    outputs: ClassVar = (Attribute("edge_hits", "int", "Hits on the outermost pixels."),)
    Options: ClassVar = None
    merge: ClassVar = "sum"

    def __init__(self) -> None:
        self.count = 0

    def reset(self, run: str) -> None:
        """Begin a run."""
        self.count = 0

    def exposure_begin(self) -> None:
        """Nothing is counted per exposure."""

    def hits(self, batch: Any) -> None:
        """Take hits; `x`, `y` are uint16 pixels of a detector of `width` by `height`."""
        edge = (batch.x == 0) | (batch.x == batch.width - 1) | (batch.y == 0) | (batch.y == batch.height - 1)
        self.count += int(np.count_nonzero(edge))

    def clusters(self, batch: Any) -> None:
        """Clusters do not matter here."""

    def results(self) -> dict[str, Any]:
        """Give what `outputs` promises."""
        return {"edge_hits": self.count}

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to go on after a restart."""
        return {"count": np.array(self.count, np.int64)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from there."""
        self.count = int(state["count"])
