"""Looks at a Katherine once in a while: is it there, is it the same, what does it measure.

The first question of each look is the status. After a look without an answer the next ones follow at once;
three of them, and what is shown of the readout is INVALID, within a second of the first. When it answers
again it is met anew. Its register image is compared with what was written: where it differs the readout has
restarted in between and lost its configuration.

Questions that go to the chip's own DAC (sensor temperature, monitor, leakage current) are only asked while
it is idle, for they write its registers. A question that this firmware never answers is given up.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hitline.bus.attribute import Severity
from hitline.bus.states import State

from ...protocols.katherine import commands
from ...protocols.katherine.hardware import ChipId, CommStatus, Status
from ...protocols.katherine.message import Answer, Request
from ...protocols.katherine.opcodes import Op
from .identity import Stranger, check, show
from .link import Silence
from .table import BIAS, CHIP, ENVIRONMENT, IDENTITY

if TYPE_CHECKING:
    from .driver import Katherine

log = logging.getLogger(__name__)

MOST_SILENT = 3
"""Looks without an answer after which the readout counts as gone; also questions, after which one is given
up."""
OURS = ("address", "answer_ms", "answers_missing", "answers_stray", "configuring", "pixel_format")
"""Attributes that do not speak of the readout."""
THEIRS = tuple(a.name for a in (*IDENTITY, *ENVIRONMENT, *BIAS, *CHIP) if a.name not in OURS)


class Watch:
    """Of one driver; all on the event loop."""

    def __init__(self, driver: "Katherine") -> None:
        self.driver = driver
        self.status: Status | None = None
        """Of the readout that was met; None while none is there."""
        self.reason = "not asked yet"
        """Why none is there."""
        self.scanning = asyncio.Lock()
        """Held while the chip's own DAC is used, and while an exposure is started."""
        self._silent = 0
        self._unanswered: dict[int, int] = {}
        self._strays = 0
        self._turn = asyncio.Lock()

    @property
    def there(self) -> bool:
        """True while the readout answers."""
        return self.status is not None

    async def forever(self) -> None:
        """Look each `poll_s`, and at once again when there was no answer."""
        loop = asyncio.get_running_loop()
        while True:
            begun_s = loop.time()
            if self.driver.link.is_open:
                try:
                    await self.look()
                except Stranger as error:
                    if self.driver.state() is not State.ERROR:
                        self.driver.on_failure(str(error))
                except Exception:
                    log.exception("%s: a look at the readout failed", self.driver.name)
            doubtful = self.there and self._silent > 0
            pause_s = 0.0 if doubtful else self.driver.options.poll_s - (loop.time() - begun_s)
            await asyncio.sleep(max(0.0, pause_s))

    async def look(self) -> None:
        """Ask what can be asked now; raises Stranger."""
        async with self._turn:
            await self._look()

    async def _look(self) -> None:
        driver, link = self.driver, self.driver.link
        self._show_link()
        try:
            status = Status.of(await link.ask(commands.plain(Op.STATUS)))
        except Silence as silence:
            self._silent += 1
            if self._silent >= MOST_SILENT or not self.there:
                self._lost(str(silence))
            return
        self._silent = 0
        if status != self.status:
            await self._meet(status)
        await self._measure()
        if self.there and driver.chip.configured:
            await self._compare()

    async def _meet(self, status: Status) -> None:
        """Learn who is there; raises Stranger."""
        driver = self.driver
        answer = await self._asked(commands.plain(Op.CHIP_ID, driver.options.chip))
        if answer is None:
            self._lost(f"{driver.options.address} told its status but not its chip")
            return
        chip = ChipId(answer.value)
        show(driver, status, chip)
        check(driver, status, chip)
        self.status, self.reason = status, ""
        self._unanswered.clear()
        driver.met()

    async def _measure(self) -> None:
        driver = self.driver
        await self._show("readout_temperature", commands.plain(Op.READOUT_TEMPERATURE), _number)
        await driver.bias.look()
        answer = await self._asked(commands.plain(Op.COMM_STATUS))
        idle = True
        if answer:
            comm = CommStatus.of(answer)
            driver.news("link_lines", comm.lines)
            driver.news("link_rate", comm.rate * driver.chip.dialect.profile.rate_unit_mbps)
            driver.news("link_chips", comm.chips)
            idle = not comm.measuring
        await self._show("adc_voltage", commands.adc(driver.value("adc_channel")), _number)
        if idle:
            await self._scan()

    async def _scan(self) -> None:
        """Measure what needs the chip's own DAC."""
        driver = self.driver
        async with self.scanning:
            if driver.acquiring or driver.chip.configuring:
                return
            temperature = commands.plain(Op.SENSOR_TEMPERATURE, driver.options.chip)
            await self._show("sensor_temperature", temperature, _number)
            if driver.chip.dialect.generation == 2:
                await self._show(
                    "current_measured", commands.bias_current(), lambda a: commands.leakage_ua(a.number)
                )

    async def _compare(self) -> None:
        """See whether the readout still has what was written."""
        driver, chip = self.driver, self.driver.chip
        before = chip.setting
        for register, value, mask in chip.dialect.image(before):
            if chip.configuring or chip.writing:
                return
            answer = await self._asked(commands.get_register(register, driver.options.chip))
            if chip.configuring or chip.writing or chip.setting is not before or answer is None:
                return
            if answer.value & mask != value & mask:
                driver.restarted(f"register {register} is 0x{answer.value:x} instead of 0x{value:x}")
                return

    async def _show(self, name: str, request: Request, read: Callable[[Answer], Any]) -> None:
        if answer := await self._asked(request, name):
            self.driver.publish(name, read(answer))

    async def _asked(self, request: Request, name: str = "") -> Answer | None:
        """Ask what may stay unanswered; None then."""
        missed = self._unanswered.get(request.op, 0)
        if missed >= MOST_SILENT:
            return None
        try:
            answer = await self.driver.link.ask(request)
        except Silence as silence:
            self._unanswered[request.op] = missed + 1
            if name:
                self.driver.invalidate(str(silence), name)
            return None
        self._unanswered[request.op] = 0
        return answer

    def _lost(self, reason: str) -> None:
        driver = self.driver
        was_there, self.status, self.reason = self.there, None, reason
        self._unanswered.clear()
        driver.invalidate(reason, *THEIRS)
        if was_there or driver.value("detector_state") != "Disconnected":
            driver.lost(reason)

    def _show_link(self) -> None:
        driver, link = self.driver, self.driver.link
        driver.news("answer_ms", round(link.answer_ms, 2))
        driver.news("answers_missing", link.missing)
        new, self._strays = link.strays - self._strays, link.strays
        whence = f"the last one from another host, {link.foreign}" if link.foreign else "late, or doubled"
        driver.news("answers_stray", link.strays, *((Severity.MINOR, whence) if new else (Severity.OK, "")))
        link.foreign = ""


def _number(answer: Answer) -> float:
    return answer.number
