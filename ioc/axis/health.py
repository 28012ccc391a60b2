"""What is wrong with an axis by what its controller tells: lost steps, stuck switches, restarts (pure)."""

from dataclasses import dataclass, field

from .actions import Reading
from .settings import Settings


@dataclass
class Health:
    """Follows readings. What it finds takes the reference away, and moves are refused until it is back."""

    fault: str = ""
    """Why the position is not to be trusted; stays until the axis is referenced anew."""
    following: float | None = None
    """Motor less encoder, since the reference; None without encoder."""
    _zero: float | None = None
    _pressed: dict[bool, int] = field(default_factory=dict)
    """Steps at which each switch was first seen pressed; True is that of growing steps."""
    _boots: int | None = None

    def trust(self) -> None:
        """The axis was referenced, or its position loaded: what is now is right."""
        self.fault, self._zero = "", None

    def look(self, settings: Settings, reading: Reading) -> str:
        """Take a reading; return a new fault, or nothing."""
        found = (
            self._restart(reading)
            or ("the controller has seen lost steps" if reading.slip else "")
            or self._follow(settings, reading)
            or self._switches(settings, reading)
        )
        new = found if found and not self.fault else ""
        self.fault = self.fault or found
        return new

    def _restart(self, reading: Reading) -> str:
        before, self._boots = self._boots, reading.boots
        return "the controller has restarted" if before is not None and reading.boots != before else ""

    def _follow(self, settings: Settings, reading: Reading) -> str:
        if reading.encoder is None:
            self.following = None
            return ""
        off = reading.steps * settings.resolution - reading.encoder * settings.count
        self._zero = off if self._zero is None else self._zero
        self.following = off - self._zero
        limit = settings.following_error_limit
        if limit and abs(self.following) > limit:
            return f"motor and encoder differ by {self.following:g}, allowed are {limit:g}"
        return ""

    def _switches(self, settings: Settings, reading: Reading) -> str:
        if reading.limit_plus and reading.limit_minus:
            return "both limit switches are pressed: a broken cable, or normally-open ones"
        for plus, pressed in ((True, reading.limit_plus), (False, reading.limit_minus)):
            if not pressed:
                self._pressed.pop(plus, None)
                continue
            since = self._pressed.setdefault(plus, reading.steps)
            # Further in it may be pressed; a revolution out of it, it cannot be.
            deepest = max(since, reading.steps) if plus else min(since, reading.steps)
            self._pressed[plus] = deepest
            if abs(reading.steps - deepest) > settings.steps_per_revolution:
                return f"the limit switch of {'growing' if plus else 'falling'} steps is stuck"
        return ""
