"""What an axis is set to, as one value, and the rules that link its fields (pure)."""

from dataclasses import dataclass, replace
from typing import Any

GO = "Go"


@dataclass(frozen=True)
class Settings:
    """Positions in the unit of the axis; the frames are those of the motor record.

    raw: steps. dial = raw * resolution. user = dial * sign + offset.
    """

    resolution: float = 0.001
    steps_per_revolution: int = 200
    encoder_resolution: float = 0.0
    """0: that of a step."""
    use_encoder: bool = False
    offset: float = 0.0
    direction: str = "Pos"
    offset_frozen: bool = False
    calibrate: bool = False
    mode: str = GO
    high_dial: float = 0.0
    low_dial: float = 0.0
    velocity: float = 1.0
    velocity_base: float = 0.0
    velocity_max: float = 0.0
    acceleration_time: float = 0.2
    home_velocity: float = 0.5
    jog_velocity: float = 0.5
    jog_acceleration: float = 1.0
    backlash: float = 0.0
    backlash_velocity: float = 0.5
    backlash_acceleration: float = 0.2
    retry_deadband: float = 0.0
    retries: int = 0
    retry_mode: str = "Default"
    settle_time: float = 0.0
    tweak_size: float = 0.1
    following_error_limit: float = 0.0

    @property
    def sign(self) -> int:
        """Of the user frame."""
        return 1 if self.direction == "Pos" else -1

    @property
    def units_per_revolution(self) -> float:
        """Way of a revolution; always positive."""
        return abs(self.resolution) * self.steps_per_revolution

    @property
    def count(self) -> float:
        """Way of an encoder count."""
        return self.encoder_resolution or self.resolution

    @property
    def limited(self) -> bool:
        """Whether there are soft limits; both dial limits 0 are none."""
        return not self.high_dial == self.low_dial == 0.0

    @property
    def high(self) -> float:
        """Upper limit in the user frame."""
        return self.user(self.high_dial if self.sign > 0 else self.low_dial)

    @property
    def low(self) -> float:
        """Lower limit in the user frame."""
        return self.user(self.low_dial if self.sign > 0 else self.high_dial)

    @property
    def deadband(self) -> float:
        """Allowed error; never below half a step."""
        return max(self.retry_deadband, abs(self.resolution) / 2)

    def user(self, dial: float) -> float:
        """From dial to user."""
        return dial * self.sign + self.offset

    def dial(self, user: float) -> float:
        """From user to dial."""
        return (user - self.offset) * self.sign

    def steps(self, dial: float) -> int:
        """The nearest step."""
        return round(dial / self.resolution)

    def allowed(self, dial: float, now: float) -> bool:
        """Whether a target may be gone to from `now`: inside of the limits, or back towards them."""
        if not self.limited:
            return True
        if self.high_dial < self.low_dial:
            return False
        half = abs(self.resolution) / 2
        above, below = dial > self.high_dial + half, dial < self.low_dial - half
        return not ((above and dial >= now) or (below and dial <= now))

    def clipped(self, dial: float) -> float:
        """The nearest place inside of the limits."""
        if not self.limited or self.high_dial < self.low_dial:
            return dial
        return min(max(dial, self.low_dial), self.high_dial)


def changed(settings: Settings, name: str, value: Any) -> Settings:
    """Return the settings after a write; ValueError says what is wrong. Nothing moves by it."""
    rule = RULES.get(name)
    if rule is not None:
        return rule(settings, value)
    if name not in PLAIN:
        raise ValueError(f"{name} is no setting of an axis")
    return _bounded(replace(settings, **{name: value}))


def _bounded(settings: Settings) -> Settings:
    """Keep speeds between base and maximum, as the record does without a word."""
    top = settings.velocity_max or float("inf")
    base = min(settings.velocity_base, top)

    def fit(speed: float) -> float:
        return min(max(speed, base), top)

    return replace(
        settings,
        velocity_base=base,
        velocity=fit(settings.velocity),
        backlash_velocity=fit(settings.backlash_velocity),
        home_velocity=fit(settings.home_velocity),
        jog_velocity=fit(settings.jog_velocity),
    )


def _resolution(settings: Settings, value: float) -> Settings:
    """Positions in steps stay; speeds and limits in units follow, as in R7-3 and later."""
    if not value:
        raise ValueError("a resolution of 0: it must be the way of one step, signed")
    ratio = abs(value / settings.resolution)
    scaled = (
        "velocity", "velocity_base", "velocity_max", "home_velocity", "jog_velocity", "jog_acceleration",
        "backlash_velocity",
    )  # fmt: skip
    speeds: dict[str, Any] = {name: getattr(settings, name) * ratio for name in scaled}
    ends = sorted(
        (settings.low_dial * value / settings.resolution, settings.high_dial * value / settings.resolution)
    )
    low, high = ends if settings.high_dial >= settings.low_dial else ends[::-1]
    return replace(settings, resolution=value, low_dial=low, high_dial=high, **speeds)


def _revolution(settings: Settings, value: float) -> Settings:
    if not value:
        raise ValueError("a revolution of 0: it must be a way above 0")
    sign = 1 if settings.resolution > 0 else -1
    return _resolution(settings, sign * abs(value) / settings.steps_per_revolution)


def _steps_of_revolution(settings: Settings, value: int) -> Settings:
    way = settings.resolution * settings.steps_per_revolution
    return replace(_resolution(settings, way / value), steps_per_revolution=value)


def _high(settings: Settings, value: float) -> Settings:
    dial = settings.dial(value)
    return replace(settings, high_dial=dial) if settings.sign > 0 else replace(settings, low_dial=dial)


def _low(settings: Settings, value: float) -> Settings:
    dial = settings.dial(value)
    return replace(settings, low_dial=dial) if settings.sign > 0 else replace(settings, high_dial=dial)


RULES = {
    "resolution": _resolution,
    "units_per_revolution": _revolution,
    "steps_per_revolution": _steps_of_revolution,
    "high": _high,
    "low": _low,
}
PLAIN = frozenset(Settings.__dataclass_fields__) - {"resolution", "steps_per_revolution"}
