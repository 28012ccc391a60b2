"""The emulated world as an instrument: choose the source, open the shutter, move the detector in the beam.

It must run in the process of the emulators that look at it (`process` in the station file); theirs is then
the world that is set here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from hitline.bus.attribute import Attribute, Refused
from hitline.bus.instrument import Instrument

from ..motion import MotionEmulator
from ..rail import Rail
from .particles import AM241, AM241_GAMMA, CARBON, COSMIC, FE55, RATE_MAX, SR90, Source
from .world import World, world_of

SOURCES = {
    "Fe55": FE55,
    "Am241": AM241_GAMMA,
    "Am241 alpha": AM241,
    "Sr90": SR90,
    "Ions": CARBON,
    "Beam": None,
}
"""What can be chosen. Beam: X-rays of one energy."""
FOLLOW_S = 0.05
"""Between looks at the stage."""
SHUTTER = ("Closed", "Open")


@dataclass(frozen=True, kw_only=True)
class WorldOptions:
    """Options of the world of a station."""

    seed: int = 1
    """Of everything that happens in it."""
    source: str = field(default="Fe55", metadata={"choices": tuple(SOURCES)})
    """What shines on the detector."""
    source_rate: float = field(default=1e4, metadata={"low": 0.0, "high": RATE_MAX})
    """Particles per second of the source that arrive."""
    beam_kev: float = field(default=20.0, metadata={"low": 1.0, "high": 1000.0})
    """Energy of the source Beam."""
    muon_rate: float = field(default=0.0, metadata={"low": 0.0, "high": RATE_MAX})
    """Cosmic muons per second, which no shutter stops."""
    shutter: str = field(default="Open", metadata={"choices": SHUTTER})
    """Of the source."""
    spot_mm: float = field(default=0.0, metadata={"low": 0.0, "high": 100.0})
    """Diameter of the collimated spot; 0: the detector is flooded."""
    width_mm: float = field(default=14.08, metadata={"above": 0.0})
    """Side of what is flooded: 14.08 of one chip, 28.16 of a quad."""
    stage: str = ""
    """Emulated motor controller whose first two carriages are the stage; it must run in this process."""
    stage_step_mm: float = field(default=0.001, metadata={"above": 0.0})
    """Way of one step of those."""


def _mm(name: str, doc: str, low: float) -> Attribute:
    return Attribute(name, "float", doc, unit="mm", precision=3, access="rw", low=low, high=100.0)


ATTRIBUTES = (
    Attribute("source", "enum", "What shines on the detector.", access="rw", choices=tuple(SOURCES)),
    Attribute(
        "source_rate",
        "float",
        "Particles that arrive from the source.",
        unit="1/s",
        precision=1,
        access="rw",
        low=0.0,
        high=RATE_MAX,
    ),
    Attribute(
        "beam_energy",
        "float",
        "Energy of the source Beam.",
        unit="keV",
        precision=3,
        access="rw",
        low=1.0,
        high=1000.0,
    ),
    Attribute(
        "muon_rate",
        "float",
        "Cosmic muons. No shutter stops them.",
        unit="1/s",
        precision=1,
        access="rw",
        low=0.0,
        high=RATE_MAX,
    ),
    Attribute("shutter", "enum", "Of the source.", access="rw", choices=SHUTTER),
    _mm("spot_size", "Diameter of the spot. 0 floods all.", 0.0),
    _mm("spot_x", "Where the spot is. 0 is the middle.", -100.0),
    _mm("spot_y", "Where the spot is. 0 is the middle.", -100.0),
    _mm("stage_x", "How far the detector was moved.", -100.0),
    _mm("stage_y", "How far the detector was moved.", -100.0),
)


class WorldInstrument(Instrument):
    """Sets the fields of the world; they hold from then on."""

    KINDS: ClassVar[tuple[str, ...]] = ("world",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = ATTRIBUTES
    Options: ClassVar[type | None] = WorldOptions

    def __init__(self, name: str, options: Any = None, **clocks: Any) -> None:
        super().__init__(name, options or WorldOptions(), **clocks)
        self.world = World()
        self._follower: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Make the world as the options say."""
        options = self.options
        if self.station is not None:
            self.world = world_of(self.station)
        self.world.seed, self.world.width_mm = options.seed, options.width_mm
        for name, value in {
            "source": options.source,
            "source_rate": options.source_rate,
            "beam_energy": options.beam_kev,
            "muon_rate": options.muon_rate,
            "shutter": options.shutter,
            "spot_size": options.spot_mm,
            "spot_x": 0.0,
            "spot_y": 0.0,
            "stage_x": 0.0,
            "stage_y": 0.0,
        }.items():
            self.publish(name, value)
        self._apply()
        if options.stage:
            emulator = self.neighbours.get(options.stage)
            if not isinstance(emulator, MotionEmulator):
                raise Refused(
                    "unknown",
                    f"{self.name}: there is no emulated controller {options.stage!r} in its process: give "
                    "both the same `process` in the station file",
                )
            rails = list(emulator.rails.values())[:2]
            self.world.carriages = lambda at_s: self._place(rails, at_s)
            self._follower = asyncio.create_task(self._follow(rails))

    async def disconnect(self) -> None:
        """Follow the stage no more."""
        if self._follower:
            self._follower.cancel()
            await asyncio.wait({self._follower})
            self.world.carriages = None

    async def _follow(self, rails: list[Rail]) -> None:
        """Show where the carriages have brought the detector."""
        while True:
            for name, rail in zip(("stage_x", "stage_y"), rails, strict=False):
                place = round(rail.place * self.options.stage_step_mm, 6)
                if place != self.value(name):
                    self.publish(name, place)
            await asyncio.sleep(FOLLOW_S)

    def _place(self, rails: list[Rail], at_s: float) -> tuple[float, float]:
        x, y = (*(rail.place_at(at_s) * self.options.stage_step_mm for rail in rails), 0.0)[:2]
        return x, y

    def change(self, name: str, value: Any) -> Any:
        """Make another world of it; what happens is another from the next slice of 7 ms on."""
        if self._follower and name in ("stage_x", "stage_y"):
            raise Refused("state", f"{self.name}.{name}: the stage is {self.options.stage}; move its axes")
        before = self.value(name)
        self.publish(name, value)
        try:
            self._apply()
        except ValueError as error:
            self.publish(name, before)
            raise Refused("limit", f"{self.name}.{name}: {error}") from error
        return value

    def _apply(self) -> None:
        value, world = self.value, self.world
        chosen = SOURCES[value("source")] or Source("xray", lines=((value("beam_energy"), 1.0),))
        world.sources = (
            replace(chosen, rate_hz=value("source_rate")),
            replace(COSMIC, rate_hz=value("muon_rate")),
        )
        size = value("spot_size")
        world.spot_mm = (value("spot_x"), value("spot_y"), size) if size else None
        world.stage_mm = (value("stage_x"), value("stage_y"))
        world.shutter_open = value("shutter") == "Open"


def _setter(name: str) -> Callable[[WorldInstrument, Any], Awaitable[Any]]:
    async def set_field(self: WorldInstrument, value: Any) -> Any:
        return self.change(name, value)

    return set_field


for _attribute in ATTRIBUTES:
    setattr(WorldInstrument, f"set_{_attribute.name}", _setter(_attribute.name))
