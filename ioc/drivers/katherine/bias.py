"""The bias supply in a Katherine: set within the limits of the station file, and measured.

A set is sent once. What came of it shows in the measurement; `ramping` is true until that has arrived, or has
had its time. The readout does not tell what it was set to, so nothing is shown for that before the first set.
"""

import asyncio
from typing import TYPE_CHECKING

from hitline.bus.attribute import Refused, Severity

from ...protocols.katherine import commands
from .link import Silence

if TYPE_CHECKING:
    from .driver import Katherine

STEP_V = 0.505
"""Of the measurement, whose converter has 12 bits."""
NEAR_V, NEAR = 3 * STEP_V, 0.02
"""A measurement so near, in V or as a share, is the voltage that was set."""
RAMP_S, LOOK_S = 10.0, 0.1
"""How long the voltage may take, and how often it is measured on its way."""
UNKNOWN = "not set since the start, and the readout does not tell"


class Bias:
    """Of one driver."""

    def __init__(self, driver: "Katherine") -> None:
        self.driver = driver
        self.wanted_v: float | None = None
        self._ramp: asyncio.Task[None] | None = None

    async def set(self, volts: float) -> float:
        """Send a voltage; Refused outside of the limits, or when it is not confirmed."""
        driver, options = self.driver, self.driver.options
        if not options.bias_low <= volts <= options.bias_high:
            raise Refused(
                "limit",
                f"{driver.name}.voltage_set: {volts:g} V is outside of {options.bias_low:g} to "
                f"{options.bias_high:g} V, the options bias_low and bias_high of the station file",
            )
        try:
            await driver.link.ask(commands.bias(volts))
        except Silence as silence:
            self.wanted_v = None
            driver.invalidate(f"outcome unknown: {silence}", "voltage_set")
            raise Refused(
                "link", f"{driver.name}: {silence}: outcome unknown, read voltage_measured"
            ) from silence
        self.wanted_v = volts
        driver.publish("ramping", True)
        driver.publish("voltage_set", volts)
        await self.stop()
        self._ramp = asyncio.create_task(self._follow(volts))
        return volts

    async def look(self) -> None:
        """Measure."""
        driver = self.driver
        try:
            volts = (await driver.link.ask(commands.get_bias())).number
        except Silence as silence:
            driver.invalidate(str(silence), "voltage_measured")
            return
        wanted = self.wanted_v
        wrong = wanted is not None and not driver.value("ramping") and not _near(volts, wanted)
        status = f"set to {wanted:g} V, measured {volts:.1f} V" if wrong else ""
        driver.publish("voltage_measured", volts, Severity.MAJOR if wrong else Severity.OK, status)

    def forget(self) -> None:
        """The readout has restarted: what it was set to is not known any more."""
        self.wanted_v = None
        self.driver.publish("voltage_set", None, Severity.INVALID, UNKNOWN)

    async def stop(self) -> None:
        """Follow no longer."""
        if self._ramp:
            self._ramp.cancel()
            await asyncio.wait({self._ramp})
            self._ramp = None

    async def _follow(self, volts: float) -> None:
        loop = asyncio.get_running_loop()
        until_s, there = loop.time() + RAMP_S, False
        while loop.time() < until_s and not there:
            await self.look()
            there = _near(self.driver.value("voltage_measured"), volts)
            await asyncio.sleep(0.0 if there else LOOK_S)
        if self.wanted_v == volts or self.wanted_v is None:
            self.driver.ended("ramping", "" if there else f"{volts:g} V was not measured within {RAMP_S:g} s")
        await self.look()


def _near(measured_v: float | None, wanted_v: float) -> bool:
    return measured_v is not None and abs(measured_v - wanted_v) <= max(NEAR_V, NEAR * abs(wanted_v))
