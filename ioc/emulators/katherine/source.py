"""What the pixels of an emulated Katherine see: the world of its station or a fixed scene; test pulses."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from hitline.bus.formats.katherine_words import Mode
from numpy.typing import NDArray

from ...protocols.katherine.matrix import SIDE, Pixels
from ...protocols.katherine.registers import Polarity
from ..scene import TICKS_PER_S, Scene
from ..world.chance import Floats
from ..world.pixels import PULSE, FrontEnd, Truth
from ..world.sensor import Sensor
from ..world.view import View
from ..world.world import World
from .chip import Setting
from .knobs import KatherineEmulatorOptions

PREPARED = 20_000
"""Hits of a fixed scene, which come again and again."""
E_PER_MV = 18.7
"""Electrons of a test pulse per mV: a capacitor of 3 fF."""
COLLECTED = {"holes": Polarity.HOLES, "electrons": Polarity.ELECTRONS}


class Source(Protocol):
    """What the pixels see."""

    def hits(self, start: int, stop: int, setting: Setting, opened: int) -> Truth:
        """Hits of what happens in [start, stop), ticks on the timer, in order of time; some may come later.

        opened: when the shutter opened, from which test pulses count.
        """

    def noise(self, ticks: int, setting: Setting) -> NDArray[np.int64] | None:
        """How often each pixel [y, x] fired by its noise alone, where that is not among the hits."""


class SceneSource:
    """The same stretch of a scene over and over; thresholds, bias and polarity make no difference."""

    def __init__(self, seed: int, rate_hz: float) -> None:
        scene = Scene(seed=seed, rate_hz=rate_hz, side=SIDE)
        self._hits = scene.hits(PREPARED)
        self._period = int(PREPARED / rate_hz * TICKS_PER_S)

    def hits(self, start: int, stop: int, setting: Setting, opened: int) -> Truth:
        """See `Source`."""
        made, parts = self._hits, []
        for turn in range(start // self._period, (stop - 1) // self._period + 1):
            begin = turn * self._period
            low, high = np.searchsorted(made.t, (start - begin, stop - begin))
            part = made.take(slice(int(low), int(high)))
            parts.append(Truth(part.x, part.y, part.t + begin, part.tot, part.particle))
        seen = Truth.merged(*parts)
        return seen.take(setting.pixels.mask[seen.y, seen.x] == 0)

    def noise(self, ticks: int, setting: Setting) -> None:
        """See `Source`; there is none."""


class WorldSource:
    """Particles of the world through sensor and pixels, with their noise and with test pulses.

    zero: when the timer was 0, in ticks of the world.
    """

    def __init__(self, world: World, options: KatherineEmulatorOptions, zero: Callable[[], int]) -> None:
        self.front = FrontEnd(
            options.seed,
            SIDE,
            options.electrons_per_step,
            options.threshold_zero_holes,
            options.threshold_zero_electrons,
        )
        self._view, self._zero = View(world, Sensor(), self.front), zero
        self._collected = COLLECTED.get(options.collects)
        self._rng = np.random.default_rng((options.seed, 0x50))
        self._known: tuple[Pixels | None, tuple[object, ...]] = (None, ())

    def hits(self, start: int, stop: int, setting: Setting, opened: int) -> Truth:
        """See `Source`."""
        self._follow(setting)
        zero = self._zero()
        view = self._view
        # Where pixels only count, their noise may come more often than hits could be made one by one.
        view.noise = setting.general.mode != Mode.EVENT_ITOT
        seen = view.hits(start + zero, stop + zero)
        seen = Truth(seen.x, seen.y, seen.t - zero, seen.tot, seen.particle)
        if self._collected not in (None, setting.general.polarity):
            seen = seen.take(seen.particle < 0)
        pulses = self._pulses(start, stop, setting, opened)
        return Truth.merged(seen, pulses) if len(pulses) else seen

    def noise(self, ticks: int, setting: Setting) -> NDArray[np.int64] | None:
        """See `Source`."""
        if setting.general.mode != Mode.EVENT_ITOT:
            return None
        self._follow(setting)
        rate = self.front.noise_rate_hz(self._threshold, self._view.mask)
        return self._rng.poisson(rate * (ticks / TICKS_PER_S))

    def _follow(self, setting: Setting) -> None:
        """Thresholds and mask as the chip has them; new arrays for other ones only."""
        general = (setting.threshold, setting.pixel_dac, setting.general.polarity)
        view = self._view
        if self._known != (setting.pixels, general):
            self._known = setting.pixels, general
            electrons = setting.general.polarity == Polarity.ELECTRONS
            view.mask = setting.pixels.mask.astype(bool)
            view.threshold_e = self._threshold = self.front.threshold_e(
                setting.threshold, setting.pixels.trim, setting.pixel_dac, electrons=electrons
            )
        view.bias_v = abs(setting.bias_v)

    def _pulses(self, start: int, stop: int, setting: Setting, opened: int) -> Truth:
        pulses, pixels = setting.pulses, setting.pixels
        period = pulses.period * setting.coarse_ticks
        first = max((start - opened) // period, 0) + 1
        last = min((stop - 1 - opened) // period, pulses.count)
        on = (pixels.pulse != 0) & (pixels.mask == 0)
        if not pulses.enabled or pulses.external or last < first or not on.any():
            return _digital(np.empty(0, np.int64), on, 0)
        times = opened + np.arange(first, last + 1) * period
        times = times[(times >= start) & (times < stop)]
        if pulses.digital:
            return _digital(times, on, pulses.period // 2)
        return self.front.pulses(times, setting.pulse_mv * E_PER_MV, on, self._threshold)

    _threshold: Floats


def _digital(times: NDArray[np.int64], on: NDArray[np.bool_], tot: int) -> Truth:
    """Pulses behind the discriminator: every pixel, exactly in time, for half of the period."""
    y, x = np.nonzero(on)
    t = np.repeat(times, len(x))
    return Truth(
        np.tile(x, len(times)).astype(np.uint16),
        np.tile(y, len(times)).astype(np.uint16),
        t,
        np.full(len(t), min(max(tot, 1), 1022), np.uint16),
        np.full(len(t), PULSE),
    )
