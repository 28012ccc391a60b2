"""The emulated world in front of the detectors of a station: sources, collimator, stage, shutter.

One for all emulators of a station that run in one process: whoever closes the shutter darkens all of them.
Its particles are the same for everybody: they depend on the seed, the settings and the time alone.
"""

import threading
import weakref
from dataclasses import dataclass, field

from hitline.bus.station import Station

from .particles import Particles, Source

SLICE = 1 << 22
"""Ticks (6.55 ms) for which particles are made at once."""


@dataclass
class World:
    """Set the fields at any time; they hold for the particles asked for from then on."""

    seed: int = 1
    sources: tuple[Source, ...] = (Source(),)
    spot_mm: tuple[float, float, float] | None = None
    """(x, y, diameter) of the collimated spot in the laboratory; None: the whole detector is flooded."""
    stage_mm: tuple[float, float] = (0.0, 0.0)
    """(x, y) by which the detector was moved; the spot moves on it the other way."""
    shutter_open: bool = True
    rate: float = 1.0
    """Factor on the rates of all collimated sources."""
    width_mm: float = 14.08
    """Side of the square that is flooded."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def particles(self, start: int, stop: int) -> Particles:
        """Particles that arrive in [start, stop), ticks of 1.5625 ns on the common origin."""
        raise NotImplementedError


_worlds: dict[int, World] = {}


def world_of(station: Station) -> World:
    """Give the world of a station: one for each station object in a process."""
    world = _worlds.get(id(station))
    if world is None:
        world = _worlds[id(station)] = World()
        weakref.finalize(station, _worlds.pop, id(station), None)
    return world
