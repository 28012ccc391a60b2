"""The pixels behind a sensor: from charge to times and ToT, each with its own threshold, gain and noise.

Numbers and their sources: 10 electrons per step of the threshold and about 1000 electrons between the start
value of the DACs (1756) and the noise are assumptions of this emulator; noise of some 60 to 80 electrons rms
and 30 electrons spread of equalised thresholds are usual for Timepix3; the spreads of gain and ToT are
assumptions. A charge in a pixel that is busy with an earlier one is lost: real pixels add it up.
"""

from dataclasses import dataclass, field

import numpy as np
from hitline.bus.formats.quad import SIDE
from numpy.typing import NDArray

from .busy import free
from .chance import Floats, Ints, normal
from .noise import NoiseMaker
from .response import DEAD_TICKS, STEP_TICKS, TOT_MAX, Curve, curve, noise_rate_hz, walk_ticks
from .sensor import Deposits
from .tracks import PAIR_KEV
from .truth import NOISE, PULSE, Truth

__all__ = ["NOISE", "PULSE", "FrontEnd", "Truth"]


@dataclass
class FrontEnd:
    """Seeded pixels; every map is float64[side, side], indexed [y, x], and the truth that a scan looks for.

    e_per_step: electrons per step of the threshold DAC. baseline_step, baseline_step_electrons: the step in
    the middle of an average pixel's noise, for sensors that collect holes and electrons. Spreads are rms over
    the pixels.
    """

    seed: int = 1
    side: int = SIDE
    e_per_step: float = 10.0
    baseline_step: float = 1650.0
    baseline_step_electrons: float = 1900.0
    noise_e_rms: float = 75.0
    noise_spread_e: float = 6.0
    offset_spread_e: float = 150.0
    trim_step_e: float = 66.0
    """Electrons per step of the trim at Ibias_PixelDAC 128; goes with that DAC."""
    gain_spread: float = 0.03
    tot_per_kev: float = 0.8
    tot_at_zero: float = 18.0
    tot_bend_kev: float = 20.0
    """a, b and c of the curve of ToT at a threshold of 1000 electrons."""
    tot_spread: float = 0.04
    """Relative, of a, b and c."""
    noise_e: Floats = field(init=False, repr=False)
    """Noise of each pixel, electrons rms."""
    offset_e: Floats = field(init=False, repr=False)
    """By how much the middle of a pixel's noise lies above the average at trim 8, electrons."""
    gain: Floats = field(init=False, repr=False)
    """Charge that the pixel sees over the charge that came."""
    a: Floats = field(init=False, repr=False)
    b: Floats = field(init=False, repr=False)
    c: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng((self.seed, 0xF0))

        def spread(mean: float, rms: float, least: float) -> Floats:
            return np.maximum(rng.normal(mean, rms, (self.side, self.side)), least)

        self.noise_e = spread(self.noise_e_rms, self.noise_spread_e, 1.0)
        self.offset_e = spread(0.0, self.offset_spread_e, -np.inf)
        self.gain = spread(1.0, self.gain_spread, 0.5)
        self.a, self.b, self.c = (
            spread(mean, self.tot_spread * mean, mean / 2)
            for mean in (self.tot_per_kev, self.tot_at_zero, self.tot_bend_kev)
        )
        self._noise = NoiseMaker(self.seed)

    def centre_step(
        self, trim: NDArray | int = 8, pixel_dac: int = 128, *, electrons: bool = False
    ) -> Floats:
        """Step of the threshold DAC in the middle of each pixel's noise; float64[side, side].

        trim: 0 to 15 per pixel [y, x]; a larger one moves the noise to higher steps, by a step set by
        pixel_dac, the code of Ibias_PixelDAC.
        """
        moved = self.offset_e + (np.asarray(trim, float) - 8) * (self.trim_step_e * pixel_dac / 128)
        return (self.baseline_step_electrons if electrons else self.baseline_step) + moved / self.e_per_step

    def threshold_e(
        self, step: float, trim: NDArray | int = 8, pixel_dac: int = 128, *, electrons: bool = False
    ) -> Floats:
        """Threshold of each pixel, electrons above its baseline; float64[side, side], a new array.

        step: combined threshold of the DACs. electrons: the sensor collects electrons, and a lower step is
        a higher threshold; for holes it is the other way.
        """
        above = (step - self.centre_step(trim, pixel_dac, electrons=electrons)) * self.e_per_step
        return -above if electrons else above

    def best_trim(self, pixel_dac: int = 128) -> NDArray[np.uint8]:
        """The trims that bring the middles of the noise closest together; uint8[side, side]."""
        steps = self.offset_e / (self.trim_step_e * pixel_dac / 128)
        return np.clip(np.rint(8 - steps), 0, 15).astype(np.uint8)

    def curve(self, threshold_e: Floats) -> Curve:
        """The curve of ToT of all pixels, against the charge that a pixel sees (with its gain)."""
        return curve(self.a, self.b, self.c, threshold_e)

    def respond(
        self, deposits: Deposits, threshold_e: Floats, mask: NDArray | None = None, busy: Floats | None = None
    ) -> Truth:
        """Hits of the charge that reaches each pixel, in order of time.

        threshold_e: float64[side, side], electrons; a pixel at 0 or below is always over its threshold and
        sees no pulse. mask: bool[side, side], true: the pixel is off. busy: float64[side, side], contiguous,
        ticks until which each pixel sees nothing; brought up to date. Calls then follow one another in time.
        """
        pixel = deposits.y.astype(np.int64) * self.side + deposits.x
        luck = normal((deposits.particle << 18) + pixel, 5, self.seed)
        return self._hits(
            pixel, deposits.t, deposits.electrons, deposits.particle, luck, threshold_e, mask, busy
        )

    def noise_rate_hz(self, threshold_e: Floats, mask: NDArray | None = None) -> Floats:
        """Noise hits per second of each pixel, by Rice's formula; float64[side, side]."""
        return noise_rate_hz(threshold_e, self.noise_e, mask)

    def noise_hits(
        self,
        start: int,
        stop: int,
        threshold_e: Floats,
        mask: NDArray | None = None,
        most_hz: float = 20e6,
    ) -> Truth:
        """Hits that the noise alone makes in [start, stop), ticks, in order of time.

        Above most_hz in all pixels together they are thinned out evenly, as a readout cannot carry more; what
        is left out is known from `noise_rate_hz`. Give the same arrays while thresholds and mask are the
        same, and new ones for others: they are remembered by identity.
        """
        rate = self._noise.rates(threshold_e, mask, self.noise_rate_hz)
        pixel, t, tot = self._noise.hits(start, stop, rate, most_hz)
        return self._truth(pixel, t, tot, np.full(len(t), NOISE))

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
        where = np.flatnonzero(pixels)
        t, pixel = np.repeat(times, len(where)), np.tile(where, len(times))
        luck = normal((t << 18) + pixel, 6, self.seed)
        charge, nobody = np.full(len(t), float(electrons)), np.full(len(t), PULSE)
        return self._hits(pixel, t.astype(float), charge, nobody, luck, threshold_e, mask, busy)

    def _hits(
        self,
        pixel: Ints,
        t: Floats,
        electrons: Floats,
        particle: Ints,
        luck: Floats,
        threshold_e: Floats,
        mask: NDArray | None,
        busy: Floats | None,
    ) -> Truth:
        threshold = threshold_e.ravel()[pixel]
        charge = electrons * self.gain.ravel()[pixel] + self.noise_e.ravel()[pixel] * luck
        seen = (charge >= threshold) & (threshold > 0)
        if mask is not None:
            seen &= ~mask.ravel()[pixel].astype(bool)
        pixel, t, threshold, particle = pixel[seen], t[seen], threshold[seen], particle[seen]
        energy = charge[seen] * PAIR_KEV
        a, b, c = (part.ravel()[pixel] for part in (self.a, self.b, self.c))
        shape = curve(a, b, c, threshold)
        tot = np.clip(np.rint(shape.tot(energy)), 1, TOT_MAX)
        moment = np.floor(t + walk_ticks(energy, threshold))
        kept = free(pixel, moment, moment + tot * STEP_TICKS + DEAD_TICKS, busy)
        if kept is not None:
            pixel, moment, tot, particle = pixel[kept], moment[kept], tot[kept], particle[kept]
        order = np.argsort(moment, kind="stable")
        return self._truth(pixel[order], moment[order].astype(np.int64), tot[order], particle[order])

    def _truth(self, pixel: Ints, t: Ints, tot: NDArray, particle: Ints) -> Truth:
        x, y = (pixel % self.side).astype(np.uint16), (pixel // self.side).astype(np.uint16)
        return Truth(x, y, t, tot.astype(np.uint16), particle)
