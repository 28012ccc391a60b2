"""A planar silicon sensor: from particles to the charge that reaches each pixel, and when.

Holes drift to the pixels, with the full field at the pixels' side, as in p-on-n sensors lit from the back.

* Field and drift: depletion voltage Vd and bias V over thickness d give the drift time from height z,
  t = d^2 / (2 mu Vd) * ln((V + Vd) / (V + Vd - 2 Vd z / d)); this is the inverse of the depth formula that
  Timepix3 users apply, z(t) = d / (2 Vd) * (Vd + V) * (1 - exp(-2 Vd mu t / d^2)).
* mu = 45 um2/(V ns), holes, as used with that formula. Saturation of the velocity is left out.
* Below depletion only d * sqrt(V / Vd) from the pixels on has a field. Charge from beyond must diffuse there;
  what arrives falls by e each 20 um of it and comes 100 ns late: assumptions of this scene.
* Diffusion: rms sqrt(2 D t), D = mu kT/q with kT/q = 25.9 mV.
* Repulsion: N charges that begin in a point fill a sphere of radius (3 mu q N t / (4 pi eps))^(1/3) (its
  rms along an axis is radius / sqrt(5)); eps of silicon is 11.7 eps0. Clouds of one particle do not feel each
  other, which is why tracks look thinner than they are.
"""

from dataclasses import dataclass

import numpy as np
from hitline.bus.formats.quad import SIDE
from numpy.typing import NDArray

from .chance import Floats, Ints
from .particles import Particles
from .spread import Clouds, shared
from .tracks import points_of

TICK_NS = 1.5625
MOBILITY = 45.0
"""um2/(V ns), of holes."""
THERMAL_V = 0.0259
BUILT_IN_V = 0.5
"""What depletes a sensor without bias; an assumption of this scene."""
DIFFUSION_UM = 20.0
DIFFUSION_NS = 100.0
LEAST_E = 30.0
"""Electrons; less in a pixel is left out, it is below any noise."""
_COULOMB = 1.44e-3 / 11.7
"""q / (4 pi eps) in silicon, V um."""
_SLOWEST_NS = 400.0


@dataclass(frozen=True)
class Deposits:
    """Charge in pixels, by particle; equal-length arrays.

    x, y: uint16, pixels of the whole picture. t: float64, ticks of 1.5625 ns: when the charge arrives, on
    average. electrons: float64. particle: int64, `Particles.id`.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t: Floats
    electrons: Floats
    particle: Ints

    def __len__(self) -> int:
        return len(self.t)


@dataclass(frozen=True)
class Sensor:
    """Silicon on one chip or a quad of them, lit from the back.

    thickness_um: 500 or 300 are usual. depletion_v: above it the whole thickness has a field. side: pixels
    along a side. pitch_um: of the pixels. seed: of what happens to a particle; one that is asked about
    again has the same fate.
    """

    thickness_um: float = 500.0
    depletion_v: float = 60.0
    side: int = SIDE
    pitch_um: float = 55.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, unit in (
            ("thickness_um", "um"),
            ("depletion_v", "V"),
            ("side", "pixels"),
            ("pitch_um", "um"),
        ):
            if not getattr(self, name) > 0:
                raise ValueError(f"sensor with {name} of {getattr(self, name)} {unit}: must be above 0")

    def depth_um(self, bias_v: float) -> float:
        """Thickness, from the pixels on, that has a field at a bias of |bias_v|."""
        return self.thickness_um * min(1.0, ((abs(bias_v) + BUILT_IN_V) / self.depletion_v) ** 0.5)

    def drift_ns(self, z_um: Floats, bias_v: float) -> Floats:
        """Drift time to the pixels from a height above them, float64; 400 ns where the field is near none."""
        d, vd, v = self.thickness_um, self.depletion_v, abs(bias_v) + BUILT_IN_V
        scale = d * d / (2 * MOBILITY * vd)
        if v >= vd:
            return scale * np.log((v + vd) / np.maximum(v + vd - 2 * vd * z_um / d, 1e-9))
        share = np.minimum(z_um / self.depth_um(bias_v), 1 - 1e-9)
        return np.minimum(-scale * np.log1p(-share), _SLOWEST_NS)

    def deposit(self, particles: Particles, bias_v: float) -> Deposits:
        """Charge that the pixels collect of each particle, at a bias of |bias_v| V; by particle."""
        points = points_of(particles, self.thickness_um, self.seed)
        beyond = np.maximum(points.z - self.depth_um(bias_v), 0.0)
        electrons = points.electrons * np.exp(-beyond / DIFFUSION_UM)
        arrives = electrons > LEAST_E
        if not arrives.all():
            points, beyond, electrons = points.take(arrives), beyond[arrives], electrons[arrives]
        if not len(electrons):
            return _nothing()
        drift = self.drift_ns(points.z, bias_v)
        ball = np.cbrt(3 * MOBILITY * _COULOMB * electrons * drift)
        width = np.sqrt(2 * MOBILITY * THERMAL_V * drift + ball * ball / 5 + (beyond / 2) ** 2)
        late = np.where(beyond > 0, DIFFUSION_NS, 0.0)
        middle = self.side / 2
        shares = shared(
            Clouds(
                points.particle,
                points.x / self.pitch_um + middle,
                points.y / self.pitch_um + middle,
                width / self.pitch_um,
                electrons,
                (drift + late) / TICK_NS,
            ),
            self.side,
            LEAST_E,
        )
        return Deposits(
            shares.x.astype(np.uint16),
            shares.y.astype(np.uint16),
            particles.t[shares.particle] + shares.t,
            shares.charge,
            particles.id[shares.particle],
        )


def _nothing() -> Deposits:
    none, pixels = np.empty(0), np.empty(0, np.uint16)
    return Deposits(pixels, pixels, none, none, np.empty(0, np.int64))
