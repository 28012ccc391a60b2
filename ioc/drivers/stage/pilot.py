"""Flies an axis: brings it to the run-up, gives it its speed, and leaves it as it was."""

import asyncio
from contextlib import suppress
from typing import Any

from hitline.bus.attribute import Refused

from ..axis import AxisInstrument
from ..controller import LINK_ERRORS
from .flight import Flight

LIMIT_S = 24 * 3600.0


class Pilot:
    """One flight of one axis."""

    def __init__(self, flight: Flight, axis: AxisInstrument) -> None:
        """Check it; ValueError with the reason when the axis cannot do it."""
        self.flight, self.axis = flight, axis
        self._kept = axis.axis.settings.velocity
        s, unit, velocity = axis.axis.settings, axis.options.unit, flight.velocity
        most = axis.channel.fastest_hz * abs(s.resolution) or float("inf")
        most = min(most, s.velocity_max or float("inf"))
        if not s.velocity_base <= velocity <= most:
            raise ValueError(
                f"{velocity:g} {unit}/s asked of {axis.name}, which can {s.velocity_base:g} to {most:g}: "
                "take another fly_rate or other fly_points"
            )
        if abs(s.steps(s.dial(flight.stop)) - s.steps(s.dial(flight.start))) < flight.points:
            raise ValueError(
                f"fly_points of {flight.points}: each part would be less than a step of {axis.name}"
            )
        self.begin, self.end = flight.ends(s.velocity_base, s.acceleration_time)
        for place in (self.begin, self.end):
            if s.limited and not s.low <= place <= s.high:
                raise ValueError(
                    f"{axis.name} must go to {place:.4g} {unit} for its ramp, beyond its soft limits, "
                    f"{s.low:g} to {s.high:g}: fly a shorter way, slower, or with a shorter ramp"
                )

    def facts(self) -> dict[str, Any]:
        """What was asked, for the log."""
        channel = self.axis.channel
        return {
            **vars(self.flight),
            "unit": self.axis.options.unit,
            "pulses": channel.pulses,
            "pulse_error_s": channel.pulse_error_s,
        }

    async def approach(self) -> None:
        """Go to where the run-up begins; raises RuntimeError, Refused or a LINK_ERROR."""
        await self._go(self.begin)

    async def fly(self) -> None:
        """Go to the end of the run-off, with the pulses armed; raises the same."""
        axis, flight, s = self.axis, self.flight, self.axis.axis.settings
        await axis.change("velocity", flight.velocity)
        if axis.channel.pulses:
            first, last = (s.dial(place) / s.resolution for place in (flight.start, flight.stop))
            await axis.channel.compare(round(first), (last - first) / flight.points, flight.points + 1)
        await self._go(self.end)

    async def land(self) -> None:
        """Leave the axis as it was."""
        axis = self.axis
        axis.hurry_s = 0.0
        with suppress(Refused):
            await axis.change("velocity", self._kept)
        if axis.channel.pulses:
            with suppress(Refused, *LINK_ERRORS):
                await axis.channel.compare(0, 1.0, 0)

    async def _go(self, place: float) -> None:
        axis, rest = self.axis, asyncio.Event()

        def look() -> None:
            if not axis.axis.active:
                rest.set()

        await axis.change("target", place)
        axis.listeners.append(look)
        try:
            async with asyncio.timeout(LIMIT_S):
                await rest.wait()
        finally:
            axis.listeners.remove(look)
        at, problem = axis.value("position"), axis.value("problem")
        if at is None or problem or axis.axis.missed or abs(at - place) > 2 * axis.axis.settings.deadband:
            where = "at an unknown place" if at is None else f"at {at:.6g}"
            why = problem or "it was stopped on the way"
            raise RuntimeError(f"{axis.name} was sent to {place:.6g} and is {where}: {why}")
