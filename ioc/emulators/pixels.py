"""The pixels behind a sensor: from charge to times and ToT, each with its own threshold, gain and noise."""

from dataclasses import dataclass, field

import numpy as np
from hitline.bus.formats.quad import SIDE
from numpy.typing import NDArray

from .chance import Floats, Ints
from .sensor import Deposits

NOISE, PULSE = -1, -2
"""`Truth.particle` of hits that no particle made."""


@dataclass(frozen=True)
class Truth:
    """What happened, in time order; equal-length arrays.

    x, y: uint16, pixels of the whole picture, origin bottom left. t: int64, ticks of 1.5625 ns since the
    timer's zero. tot: uint16, steps of 25 ns. particle: int64, which particle made the hit; NOISE, PULSE.
    Two particles close in space and time make one cluster, so the count of particles bounds that of clusters.
    """

    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    t: Ints
    tot: NDArray[np.uint16]
    particle: Ints

    def __len__(self) -> int:
        return len(self.t)


@dataclass
class FrontEnd:
    """Seeded pixels; every map is float64[side, side], indexed [y, x], and the truth that a scan looks for.

    e_per_step: electrons per step of the threshold DAC. baseline_step: the DAC's step at the middle of the
    noise of an average pixel. Spreads are rms over the pixels.
    """

    seed: int = 1
    side: int = SIDE
    e_per_step: float = 10.0
    baseline_step: float = 1656.0
    noise_e_rms: float = 75.0
    noise_spread_e: float = 6.0
    offset_spread_e: float = 150.0
    gain_spread: float = 0.03
    noise_e: Floats = field(init=False, repr=False)
    """Noise of each pixel, electrons rms."""
    offset_e: Floats = field(init=False, repr=False)
    """By how much the middle of a pixel's noise lies above the average at trim 8, electrons."""
    gain: Floats = field(init=False, repr=False)
    """Charge that the pixel sees over the charge that came."""

    def __post_init__(self) -> None:
        rng = np.random.default_rng((self.seed, 0xF0))
        shape = (self.side, self.side)
        self.noise_e = np.maximum(rng.normal(self.noise_e_rms, self.noise_spread_e, shape), 1.0)
        self.offset_e = rng.normal(0.0, self.offset_spread_e, shape)
        self.gain = np.maximum(rng.normal(1.0, self.gain_spread, shape), 0.5)

    def centre_step(self, trim: NDArray, pixel_dac: int = 128) -> Floats:
        """Step of the threshold DAC at the middle of each pixel's noise; float64[side, side].

        trim: 0 to 15 per pixel [y, x]; a larger one moves the noise to higher steps, by a step set by
        pixel_dac, the code of Ibias_PixelDAC.
        """
        raise NotImplementedError

    def threshold_e(
        self, step: float, trim: NDArray, pixel_dac: int = 128, *, electrons: bool = False
    ) -> Floats:
        """Threshold of each pixel, electrons above its baseline; float64[side, side].

        step: combined threshold of the DACs. electrons: the sensor collects electrons, and a lower step is
        a higher threshold; for holes it is the other way.
        """
        raise NotImplementedError

    def respond(
        self, deposits: Deposits, threshold_e: Floats, mask: NDArray | None = None, busy: Floats | None = None
    ) -> Truth:
        """Hits of the charge that reaches each pixel, in order of time.

        threshold_e: float64[side, side], electrons. mask: bool[side, side], True: the pixel is off. busy:
        float64[side, side], ticks until which each pixel sees nothing; kept up to date from call to call.
        """
        raise NotImplementedError

    def noise_hits(
        self,
        start: int,
        stop: int,
        threshold_e: Floats,
        mask: NDArray | None = None,
        busy: Floats | None = None,
        most: int = 1 << 20,
    ) -> Truth:
        """Hits that the noise alone makes in [start, stop), ticks; at most `most` of them.

        Give the same array while the thresholds are the same, and a new one for others.
        """
        raise NotImplementedError

    def pulses(
        self,
        times: Ints,
        electrons: float,
        pixels: NDArray,
        threshold_e: Floats,
        mask: NDArray | None = None,
        busy: Floats | None = None,
    ) -> Truth:
        """Hits of test pulses of `electrons`, at each of `times` (ticks), in `pixels` (bool[side, side])."""
        raise NotImplementedError
