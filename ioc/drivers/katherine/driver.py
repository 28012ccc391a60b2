"""Katherine readouts of Timepix3: two UDP ports as a detector with a run log.

What it can do stands in docs/instruments/katherine.md. The parts: `link` asks and is answered,
`setting` is what the chip should be, `dialect` the commands that lead there,
`chip` sends them, `watch` looks after the readout, `acquire` takes
exposures.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.log.block import LossMethod
from hitline.bus.log.codes import Condition

from ...protocols.katherine import commands, matrix
from ...protocols.katherine.dacs import DACS, MONITORS
from ...protocols.katherine.message import Answer, Request
from ...protocols.katherine.opcodes import Op
from ...protocols.katherine.profile import PROFILES
from ...protocols.katherine.registers import Polarity
from ...trace import trace_of
from ..detector_table import COMMANDS, DETECTOR
from .acquire import Acquiring
from .bias import UNKNOWN, Bias
from .chip import NEVER, SILENT, Chip
from .dialect import Dialect
from .link import Link, Silence
from .options import KatherineOptions
from .setting import SETTABLE, Setting
from .table import KATHERINE, KATHERINE_COMMANDS, POLARITIES
from .watch import Stranger, Watch


class Katherine(Acquiring):
    """A Katherine with one Timepix3.

    It is set up by `configure`, or by `launch` when it is not set up; what is written while it is idle
    reaches the chip at once. The bias is touched by nothing but `voltage_set`.
    """

    KINDS: ClassVar[tuple[str, ...]] = ("detector", "katherine")
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = DETECTOR + KATHERINE
    COMMANDS: ClassVar[tuple[Command, ...]] = COMMANDS + KATHERINE_COMMANDS
    MODEL: ClassVar[str] = "Katherine"
    Options: ClassVar[type | None] = KatherineOptions

    # Life.

    async def connect(self) -> None:
        """Offer log and feed, and show what it would be set to; the readout is met in `initialize`."""
        options: KatherineOptions = self.options
        profile = PROFILES[options.profile]
        self.trace = trace_of(self, "katherine")
        self.link = Link(
            options.address,
            options.control_port,
            local_port=options.local_control_port,
            interface=options.interface,
            check_answers=profile.check_answers,
            trace=self.trace,
        )
        dacs = tuple(options.dacs.get(dac.name, dac.start) for dac in DACS)
        setting = Setting(dacs=dacs, polarity=Polarity(POLARITIES.index(options.polarity)))
        generation = 2 if options.generation == "2" else 1
        self.chip = Chip(self, Dialect(profile, generation, options.chip), setting)
        self.bias, self.watch = Bias(self), Watch(self)
        self._file_read = options.pixel_file is None
        self.tally.method = LossMethod.FRAME_COUNT
        await super().connect()
        for name, value in (
            ("address", options.address),
            ("configuring", False),
            ("ramping", False),
            ("adc_channel", 0),
            ("monitor", MONITORS[0][1]),
            ("pixel_file", str(options.pixel_file or "")),
            ("pixel_format", options.pixel_format),
            ("order_checked", False),
        ):
            self.publish(name, value)
        self.publish("voltage_set", None, Severity.INVALID, UNKNOWN)
        self.chip.show()
        self.chip.unconfigured(Severity.MINOR, NEVER)
        self._watching = asyncio.create_task(self.watch.forever())

    async def disconnect(self) -> None:
        """Stop what is going on and let go of everything."""
        await super().disconnect()
        self._watching.cancel()
        await asyncio.wait({self._watching})
        await self.bias.stop()
        await self.chip.finished()
        self.link.close()
        self.close_receiver()
        if self.trace:
            with ThreadPoolExecutor(1) as waiter:
                await asyncio.get_running_loop().run_in_executor(waiter, self.trace.close)

    async def initialize(self, config: dict[str, Any]) -> None:
        """Meet the readout; one that is silent is no error, one that is not the right one is."""
        await super().initialize(config)
        try:
            if not self._file_read:
                pixels = await self._read(self.options.pixel_file)
                self.chip.setting = replace(self.chip.setting, pixels=pixels)
                self.chip.show()
                self._file_read = True
            if not self.link.is_open:
                await self.link.open()
            self.open_receiver()
            await self.watch.look()
        except (OSError, ValueError, Stranger):
            self.publish("detector_state", "Error")
            raise

    async def launch(self) -> None:
        """Set the chip up if it is not."""
        self.present()
        if problem := self.chip.setting.problem():
            raise Refused("limit", f"{self.name}: {problem}")
        if not self.chip.configured and (reason := await self.chip.configured_now()):
            raise Refused("failed", f"{self.name} is not configured: {reason}")
        await super().launch()

    # What the watch finds.

    def met(self) -> None:
        """A readout has answered that was not there before."""
        self.chip.dialect = replace(self.chip.dialect, generation=self.value("generation"))
        self.chip.show(again=True)
        if self.chip.once:
            self.chip.unconfigured(Severity.MAJOR, SILENT)
        else:
            self.chip.unconfigured(Severity.MINOR, NEVER)
        for name in ("adc_channel", "monitor", "pixel_file", "ramping"):
            self.news(name, self.value(name))
        self.bias.forget()
        if self.value("detector_state") == "Disconnected":
            self.publish("detector_state", "Idle")

    def lost(self, reason: str) -> None:
        """It does not answer any more, and whether it still has its configuration is not known."""
        self.chip.unconfigured(Severity.INVALID, reason)
        self.fail_exposure(reason)
        self.publish("detector_state", "Disconnected", Severity.INVALID, reason)

    def restarted(self, reason: str) -> None:
        """It answers, but has lost its configuration."""
        text = f"the readout has restarted: {reason}. Send configure"
        self.chip.unconfigured(Severity.MAJOR, text)
        self.bias.forget()
        if self.log.is_open:
            self.blame(Condition.INCOMPLETE, "the readout restarted in this run")
        self.fail_exposure(text)

    # Attributes; `set_<name>` of those in SETTABLE but `pixels` is made below.

    async def set_pixels(self, value: Any) -> None:
        """Upload a configuration of all pixels; goes on after this has returned."""
        pixels = self.chip.after("pixels", value).pixels
        self.chip.begin(self.chip.upload(pixels))

    async def set_pixel_file(self, value: str) -> str:
        """Read a file and upload it; goes on after this has returned."""
        self.free("pixel_file")
        try:
            pixels = await self._read(self._place(value))
        except (OSError, ValueError) as error:
            raise Refused("failed", f"{self.name}.pixel_file: {error}") from error
        self.publish("pixel_file", value)
        self.chip.begin(self.chip.upload(pixels))
        return value

    async def set_pixel_format(self, value: str) -> str:
        """Choose how files are read and written from now on."""
        self.publish("pixel_format", value)
        return value

    async def set_voltage_set(self, value: float) -> float:
        """Set the bias, also while acquiring: it must be possible to take it off at any time."""
        self.present()
        return await self.bias.set(value)

    async def set_adc_channel(self, value: int) -> int:
        """Show another channel."""
        self.free("adc_channel")
        answer = await self._asked("adc_voltage", commands.adc(value))
        self.publish("adc_channel", value)
        self.publish("adc_voltage", answer[0].number)
        return value

    async def set_monitor(self, value: str) -> str:
        """Measure a DAC output."""
        self.free("monitor")
        code = next(code for code, name in MONITORS if name == value)
        async with self.watch.scanning:
            answer = await self._asked("monitor_voltage", commands.scan_dac(code, self.options.chip))
        self.publish("monitor", value)
        self.publish("monitor_voltage", answer[0].number)
        return value

    # Commands.

    async def do_configure(self) -> None:
        """Set the whole chip up; goes on after this has returned."""
        self.unoccupied("configure")
        self.chip.begin(self.chip.configure())

    async def do_test_digital(self) -> None:
        """Run the digital test; goes on after this has returned."""
        self.free("test_digital")
        self.chip.begin(self.chip.test_digital())

    async def do_scan_dacs(self) -> None:
        """Measure all DAC outputs."""
        self.free("scan_dacs")
        async with self.watch.scanning:
            found = await self._asked("dac_voltages", commands.plain(Op.SCAN_DACS, self.options.chip))
        self.publish("dac_voltages", [answer.number for answer in found])

    async def do_save_pixels(self, path: str) -> None:
        """Write the configuration of the pixels to a file; relative to the station file."""
        pixels, kind, file = self.chip.setting.pixels, self._format(), self._place(path)
        if file.exists():
            raise Refused("failed", f"{self.name}.save_pixels: {file} is there already: choose another name")
        try:
            await self.in_thread(lambda: matrix.write(file, pixels, kind))
        except (OSError, ValueError) as error:
            raise Refused("failed", f"{self.name}.save_pixels: {error}") from error

    # Helpers.

    async def _asked(self, name: str, request: Request) -> list[Answer]:
        """Ask for the measurement of an attribute; Refused, and it is INVALID, when there is no answer."""
        try:
            return await self.link.collect(request)
        except Silence as silence:
            self.invalidate(str(silence), name)
            raise Refused("link", f"{self.name}.{name}: {silence}") from silence

    async def _read(self, path: Path) -> matrix.Pixels:
        kind = self._format()
        return await self.in_thread(lambda: matrix.read(path, kind))

    def _format(self) -> matrix.FileFormat | None:
        choice = self.value("pixel_format")
        return None if choice == "Auto" else cast(matrix.FileFormat, choice)

    def _place(self, path: str) -> Path:
        return (self.station.file.parent if self.station else Path()) / path


def _setter(name: str) -> Callable[[Katherine, Any], Awaitable[Any]]:
    async def set_it(self: Katherine, value: Any) -> Any:
        await self.chip.apply(name, value)
        return value

    return set_it


for _name in SETTABLE:
    if _name != "pixels":
        setattr(Katherine, f"set_{_name}", _setter(_name))
