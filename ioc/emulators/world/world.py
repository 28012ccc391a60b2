"""The emulated world in front of the detectors of a station: sources, collimator, stage, shutter.

One for all emulators of a station that run in one process: whoever closes the shutter darkens all of them.
Its particles are the same for everybody: they depend on the seed, the settings and the time alone.
"""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hitline.bus.station import Station

from .particles import SLICE, SOURCES_MAX, TICKS_PER_S, Particles, Source, particles_of

Wire = Callable[[float, float], list[float]]
"""When pulses come in a stretch of time, s on the monotonic clock."""
KEPT = 8
"""Slices that are kept for whoever asks next."""


@dataclass
class World:
    """Set the fields at any time; they hold for the particles asked for from then on."""

    seed: int = 1
    sources: tuple[Source, ...] = (Source(),)
    """At most 16. A source that is not used has rate 0: those behind it keep their numbers."""
    spot_mm: tuple[float, float, float] | None = None
    """(x, y, diameter) of the collimated spot in the laboratory; None: the whole detector is flooded."""
    stage_mm: tuple[float, float] = (0.0, 0.0)
    """(x, y) by which the detector was moved; the spot moves on it the other way."""
    carriages: Callable[[float], tuple[float, float]] | None = None
    """Where a stage was at a monotonic time, s, instead of `stage_mm`."""
    shutter_open: bool = True
    rate: float = 1.0
    """Factor on the rates of all collimated sources."""
    width_mm: float = 14.08
    """Side of the square that is flooded: one chip; 28.16 for a quad."""
    wires: list[Wire] = field(default_factory=list, repr=False, compare=False)
    """Outputs that lead to the trigger inputs of all detectors; see `pulses`."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _made: dict[Any, Particles] = field(default_factory=dict, repr=False, compare=False)

    def particles(self, start: int, stop: int) -> Particles:
        """Particles that arrive in [start, stop), ticks of 1.5625 ns of the monotonic clock, from 0 on.

        In order of time. Those of the spot may miss the detector.
        """
        if not 0 <= start <= stop:
            raise ValueError(f"particles from {start} to {stop} ticks: must be 0 or more, and rise")
        if len(self.sources) > SOURCES_MAX:
            raise ValueError(f"{len(self.sources)} sources: must be at most {SOURCES_MAX}")
        first, last = start // SLICE, max(start, stop - 1) // SLICE
        parts = [self._slice(index) for index in range(first, last + 1)]
        whole = Particles.concat(parts) if len(parts) > 1 else parts[0]
        begin, end = np.searchsorted(whole.t, (start, stop))
        return whole.take(slice(int(begin), int(end)))

    def pulses(self, start: int, stop: int) -> list[int]:
        """When an edge came to the trigger inputs in [start, stop), ticks as of `particles`; any thread."""
        if not self.wires:
            return []
        since_s, until_s = start / TICKS_PER_S, stop / TICKS_PER_S
        found = (at_s for wire in tuple(self.wires) for at_s in wire(since_s, until_s))
        return sorted(min(max(round(at_s * TICKS_PER_S), start), stop - 1) for at_s in found)

    def _slice(self, index: int) -> Particles:
        spot, stages, rate, width = self.spot_mm, (self.stage_mm, self.stage_mm), self.rate, self.width_mm
        if self.carriages is not None:
            begin, end = (self.carriages(edge * SLICE / TICKS_PER_S) for edge in (index, index + 1))
            stages = begin, end
        key = (index, self.seed, self.sources, spot, stages, self.shutter_open, rate, width)
        with self._lock:
            if key not in self._made:
                while len(self._made) >= KEPT:
                    del self._made[next(iter(self._made))]
                self._made[key] = _slice(*key)
            return self._made[key]


def _slice(
    index: int,
    seed: int,
    sources: tuple[Source, ...],
    spot: tuple[float, float, float] | None,
    stages: tuple[tuple[float, float], tuple[float, float]],
    shutter_open: bool,
    rate: float,
    width: float,
) -> Particles:
    parts = []
    for number, source in enumerate(sources):
        factor = (rate if shutter_open else 0.0) if source.collimated else 1.0
        part = particles_of(source, number, seed, index, factor)
        if source.collimated and spot is not None:
            x, y, diameter = spot
            radius, angle = diameter / 2 * np.sqrt(part.x), 2 * np.pi * part.y
            way = part.t / SLICE - index  # of the stage, from the begin of the slice to its end
            stage_x, stage_y = (begin + (end - begin) * way for begin, end in zip(*stages, strict=True))
            part = part.at(x - stage_x + radius * np.cos(angle), y - stage_y + radius * np.sin(angle))
        else:
            part = part.at((part.x - 0.5) * width, (part.y - 0.5) * width)
        parts.append(part)
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return particles_of(Source(rate_hz=0.0), 0, seed, index)
    whole = Particles.concat(parts)
    return whole.take(np.argsort(whole.t, kind="stable"))


_worlds: dict[int, World] = {}


def world_of(station: Station) -> World:
    """Give the world of a station: one for each station object in a process."""
    world = _worlds.get(id(station))
    if world is None:
        world = _worlds[id(station)] = World()
        weakref.finalize(station, _worlds.pop, id(station), None)
    return world
