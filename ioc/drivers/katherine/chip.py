"""The chip behind a Katherine as the driver believes it to be: brought to a setting, or out of step with it.

A write to one attribute becomes the commands for what it changes, sent at once. Whole set-ups and uploads
take longer: they are a task, and `configuring` is true until it has ended. What is shown is what the
readout has confirmed; where a confirmation did not come the chip counts as not configured.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hitline.bus.attribute import Refused, Severity

from ...protocols.katherine import commands
from ...protocols.katherine.hardware import CommStatus
from ...protocols.katherine.matrix import Pixels
from ...protocols.katherine.message import Answer, Request
from ...protocols.katherine.opcodes import Op
from .dialect import Dialect
from .link import Silence
from .setting import Setting, changed, pixels_shown, shown
from .upload import rescue, upload

if TYPE_CHECKING:
    from .driver import Katherine

NEVER = "not configured yet: send configure, or launch"
SILENT = "the readout was silent and may have lost its configuration: send configure"
PASS = 64
"""Good patterns of a digital test that is passed."""


class Chip:
    """Of one driver; all on the event loop."""

    def __init__(self, driver: "Katherine", dialect: Dialect, setting: Setting) -> None:
        self.driver, self.dialect, self.setting = driver, dialect, setting
        self.configured = False
        """The chip has the setting."""
        self.once = False
        """It has been configured before."""
        self.writing = 0
        """Writes under way: the chip may have more, or less, than the setting says."""
        self._task: asyncio.Task[str] | None = None
        self._pixels: Pixels | None = None

    @property
    def configuring(self) -> bool:
        """True while it is being set up."""
        return self._task is not None

    def unconfigured(self, severity: Severity, reason: str) -> None:
        """Say that the chip does not have what is shown."""
        self.configured = False
        self.driver.news("configured", False, severity, reason)

    def show(self, *, again: bool = False) -> None:
        """Show the setting: what changed in it, or all of it."""
        driver, pixels = self.driver, self.setting.pixels
        for name, value in shown(self.setting).items():
            driver.news(name, value)
        if again or pixels is not self._pixels:
            self._pixels = pixels
            for name, value in pixels_shown(pixels).items():
                driver.publish(name, value)

    def after(self, name: str, value: Any) -> Setting:
        """Return the setting after a write to an attribute; raises Refused."""
        driver = self.driver
        driver.free(name)
        try:
            return changed(self.setting, name, value)
        except ValueError as error:
            raise Refused("limit", f"{driver.name}.{name}: {error}") from error

    async def apply(self, name: str, value: Any) -> None:
        """Bring a new value of one attribute to the chip; raises Refused."""
        new = self.after(name, value)
        try:
            requests = self.dialect.change(self.setting, new)
        except ValueError as error:
            raise Refused("limit", f"{self.driver.name}.{name}: {error}") from error
        self.writing += 1
        try:
            for request in requests:
                await self.sure(request, name)
            self.setting = new
        finally:
            self.writing -= 1
        self.show()

    async def sure(self, request: Request, name: str) -> Answer:
        """Send what belongs to a write; Refused, and the attribute INVALID, when it is not confirmed."""
        try:
            return await self.driver.link.ask(request)
        except Silence as silence:
            reason = f"outcome unknown: {silence}"
            self.driver.invalidate(reason, name)
            self.unconfigured(Severity.MAJOR, f"{name}: {reason}. Send configure")
            raise Refused(
                "link", f"{self.driver.name}.{name}: {reason}. Send configure to be sure of all settings"
            ) from silence

    # Set-ups, each a task of its own.

    async def configured_now(self) -> str:
        """Set the chip up, or wait until that is done; return why it failed, empty when it did not."""
        return await asyncio.shield(self._task or self.begin(self.configure()))

    def begin(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[str]":
        """Begin a set-up; the result is the reason of a failure, empty when all went well."""
        self.driver.publish("configuring", True)
        self._task = asyncio.create_task(self._see_through(work))
        return self._task

    async def finished(self) -> None:
        """Wait for the end of a set-up: an upload that ends half-way would leave the readout deaf."""
        if self._task:
            await asyncio.wait({self._task})

    async def configure(self) -> None:
        """Bring the whole setting to the chip."""
        link = self.driver.link
        if not self.driver.watch.there:
            await rescue(link)
        if CommStatus.of(await link.ask(commands.plain(Op.COMM_STATUS))).measuring:
            await link.tell(commands.stop(self.setting.data_driven))
        await upload(link, self.setting.pixels, self.dialect.chip)
        for request in self.dialect.whole(self.setting):
            await link.ask(request)
        self.configured = self.once = True
        self.show(again=True)
        self.driver.news("configured", True)

    async def upload(self, pixels: Pixels) -> None:
        """Bring other pixels to the chip."""
        await upload(self.driver.link, pixels, self.dialect.chip)
        for request in self.dialect.after_upload():
            await self.driver.link.ask(request)
        self.setting = replace(self.setting, pixels=pixels)
        self.show()

    async def test_digital(self) -> None:
        """Run the digital test."""
        good = (await self.driver.link.ask(commands.plain(Op.DIGITAL_TEST, self.dialect.chip))).data[0]
        wrong = (Severity.MAJOR, f"{PASS} is a pass") if good != PASS else (Severity.OK, "")
        self.driver.publish("digital_test", good, *wrong)
        self.unconfigured(Severity.MINOR, "the digital test may have changed the pixels: send configure")

    async def _see_through(self, work: Coroutine[Any, Any, None]) -> str:
        reason = ""
        try:
            await work
        except (Silence, ValueError) as error:
            reason = str(error)
            self.unconfigured(Severity.MAJOR, f"outcome unknown: {reason}. Send configure")
        finally:
            self._task = None
            self.driver.ended("configuring", reason)
        return reason
