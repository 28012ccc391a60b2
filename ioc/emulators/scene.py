"""The emulated world in front of a detector: particles that leave clusters of hits, with the answer known.

Pure and seeded: the same scene gives the same hits. Nothing here knows of a readout; `spidr` makes the words
that one sends of them.
"""

from dataclasses import dataclass

import numpy as np

from ...bus.formats.quad import QUAD_SIDE, SIDE
from ...bus.formats.times import Ints
from .world.particles import TICKS_PER_S
from .world.truth import Truth

__all__ = ["DRIFT", "TICKS_PER_S", "Scene", "Truth"]

SHAPES = 256
"""Different clusters that a scene is made of. Larger: slower to begin; smaller: visibly the same ones
again."""
DRIFT = 64
"""Ticks (100 ns): longest delay of a hit behind its particle, as charge drifts through the sensor."""


@dataclass(frozen=True)
class Scene:
    """Particles at random over the picture and in time.

    seed: of everything. rate_hz: hits per second. side: pixels along a side of the picture, 512 for a quad of
    chips, 256 for one. tracks: share of particles that leave a line of pixels; the others leave a round blob.
    """

    seed: int = 1
    rate_hz: float = 5e6
    side: int = QUAD_SIDE
    tracks: float = 0.3

    def __post_init__(self) -> None:
        if not self.rate_hz > 0:
            raise ValueError(f"rate of {self.rate_hz} hits per second: must be above 0")
        if self.side not in (SIDE, QUAD_SIDE):
            raise ValueError(f"side of {self.side} pixels: must be {SIDE} or {QUAD_SIDE}")
        if not 0 <= self.tracks <= 1:
            raise ValueError(f"share of tracks {self.tracks}: must be 0 to 1")

    def hits(self, count: int, *, start: int = 0, part: int = 0) -> Truth:
        """Exactly `count` hits from time `start` (ticks) on.

        part: which of many independent stretches of the same scene, so that a long one need not be in memory.
        """
        rng = np.random.default_rng((self.seed, part))
        dx, dy, dt, tot, begins = _shapes(np.random.default_rng(self.seed), self.tracks)
        lengths = np.diff(begins)
        particles = int(count / lengths.mean() * 1.1) + 64
        shape = rng.integers(0, SHAPES, particles)
        while lengths[shape].sum() < count:
            shape = np.concatenate((shape, rng.integers(0, SHAPES, particles)))
        # The last particle loses what is too much.
        ends = np.cumsum(lengths[shape])
        shape = shape[: int(np.searchsorted(ends, count)) + 1] if count else shape[:0]
        ends = np.minimum(ends[: len(shape)], count)
        sizes = np.diff(ends, prepend=0)

        span = max(int(count / self.rate_hz * TICKS_PER_S), 1)
        born = np.sort(rng.integers(0, span, len(shape)))
        particle = np.repeat(np.arange(len(shape)), sizes)
        row = np.arange(count) - (ends - sizes)[particle] + begins[shape][particle]
        # Moved in from the edges, not cut, so that counts and shapes stay what they are.
        x, y = (
            np.clip(
                rng.integers(0, self.side, len(shape)),
                -np.minimum.reduceat(offset, begins[:-1])[shape],
                self.side - 1 - np.maximum.reduceat(offset, begins[:-1])[shape],
            )[particle]
            + offset[row]
            for offset in (dx, dy)
        )
        t = start + born[particle] + dt[row] + rng.integers(0, 3, count)
        charge = np.minimum(tot[row] + rng.integers(0, 4, count), 1022)
        order = np.argsort(t, kind="stable")
        return Truth(
            x[order].astype(np.uint16),
            y[order].astype(np.uint16),
            t[order],
            charge[order].astype(np.uint16),
            particle[order],
        )

    def end(self, count: int, start: int = 0) -> int:
        """Time, in ticks, at which `count` hits from `start` on are over, stragglers included."""
        return start + max(int(count / self.rate_hz * TICKS_PER_S), 1) + DRIFT + 4


def _shapes(rng: np.random.Generator, tracks: float) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """A library of clusters: (dx, dy, dt, tot) of all pixels, and where each cluster begins (SHAPES + 1)."""
    columns: list[Ints] = []
    for _ in range(SHAPES):
        if rng.random() < tracks:
            columns.append(_track(rng))
        else:
            columns.append(_blob(rng))
    begins = np.concatenate(([0], np.cumsum([shape.shape[1] for shape in columns])))
    dx, dy, dt, tot = np.concatenate(columns, axis=1)
    return dx, dy, dt, tot, begins


def _blob(rng: np.random.Generator) -> Ints:
    """A disc whose charge falls off to its rim; every pixel touches another."""
    radius = rng.choice((0.5, 1.0, 1.5, 2.2, 3.0), p=(0.25, 0.3, 0.25, 0.15, 0.05))
    reach = np.arange(-3, 4)
    dx, dy = (grid.ravel() for grid in np.meshgrid(reach, reach))
    distance = np.hypot(dx, dy)
    inside = distance <= radius
    dx, dy, distance = dx[inside], dy[inside], distance[inside]
    charge = rng.gamma(4.0, 12.0)
    tot = np.maximum(charge * np.exp(-distance), 1)
    # Small charges cross the threshold later.
    return np.array([dx, dy, np.minimum(30 / tot, DRIFT), tot]).astype(np.int64)


def _track(rng: np.random.Generator) -> Ints:
    """A straight line, each pixel beside the one before; time drifts along it."""
    length, angle = rng.integers(3, 20), rng.uniform(0, 2 * np.pi)
    steps = np.arange(length)
    along = np.array([np.cos(angle), np.sin(angle)]) / max(abs(np.cos(angle)), abs(np.sin(angle)))
    dx, dy = np.rint(np.outer(along, steps)).astype(np.int64)
    tot = np.maximum(rng.gamma(6.0, 4.0, length), 1)
    return np.array([dx, dy, steps * DRIFT / length, tot]).astype(np.int64)
