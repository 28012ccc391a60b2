"""The acquiring side of a Katherine's driver: what an exposure is made from, and what is shown of it."""

import asyncio
import threading
from typing import Any

from hitline.bus.attribute import Refused, Severity
from hitline.bus.log.block import Condition
from hitline.bus.states import State

from ...protocols.katherine import commands
from ...protocols.katherine.hardware import CommStatus
from ...protocols.katherine.opcodes import Op
from ...receive import Receiver
from ...sockets import bound
from ...trace import Trace
from ..detector import Detector
from ..ending import Ending
from .chip import Chip
from .counters import Totals, Zero, of_exposures, of_receiver
from .expose import Exposure, Plan
from .facts import chip_facts, decode_facts, digest
from .link import Link
from .watch import Watch

ARM_S = 10.0
"""A readout that measures its temperature may keep the link for seconds."""
SMALL_BYTES = 4 * 2**20
"""A receive buffer that full rate fills in 42 ms; a smaller one overflows when the computer is busy."""


class Acquiring(Detector):
    """Base of the driver: takes exposures and shows what comes."""

    link: Link
    chip: Chip
    watch: Watch
    trace: Trace | None = None
    receiver: Receiver | None = None
    _stream: tuple[Totals, Exposure | None] = (Totals(), None)
    """Of the run: the exposures that are over, and the one that goes on or was the last."""
    _zero = Zero()
    _unended = False

    def open_receiver(self) -> None:
        """Listen for hits, on the address of the link; OSError when the port is taken."""
        if self.receiver is not None:
            return
        address, port = self.link.interface, self.options.data_port
        # The receiver would share the port with another program, and one of them would get nothing.
        bound(address, port, "data_port").close()
        asked = self.options.receive_mib * 2**20
        self.receiver = Receiver(address, port, peer=self.link.host, buffer_bytes=asked)
        granted = self.receiver.buffer_granted
        small = granted < min(asked, SMALL_BYTES)
        status = f"small: {asked} B were asked for. Raise net.core.rmem_max" if small else ""
        self.publish("receive_buffer", granted, Severity.MINOR if small else Severity.OK, status)

    def close_receiver(self) -> None:
        """Listen no more."""
        if self.receiver is not None:
            self.receiver.close()
            self.receiver = None

    async def start(self, run_id: str) -> None:
        """Open the log of a run; its counts begin at 0."""
        await super().start(run_id)
        self._stream, self._zero = (Totals(), None), Zero.of(self.receiver)
        self.show()

    def check_acquire(self) -> None:
        """Refuse what cannot be taken."""
        self.free("acquire")
        if problem := self.chip.setting.problem():
            raise Refused("limit", f"{self.name}: {problem}")
        if not self.chip.configured and self.state() is not State.INIT:
            reason = self.board.updates["configured"].status
            raise Refused("state", f"{self.name} is not configured: {reason}")

    def free(self, what: str) -> None:
        """Refuse what may not happen now."""
        self.unoccupied(what)
        self.present()

    def unoccupied(self, what: str) -> None:
        """Refuse while an exposure goes on or the chip is being set up."""
        if self.acquiring:
            raise Refused("busy", f"{self.name}: {what} waits for the end of the exposure: stop it first")
        if self.chip.configuring:
            raise Refused("busy", f"{self.name}: {what} is not possible while configuring: wait for its end")

    def present(self) -> None:
        """Refuse while the readout does not answer."""
        if not self.watch.there:
            raise Refused("link", f"{self.name}: {self.watch.reason}: check power, cable and address")

    # Exposures.

    def exposure_limit_s(self) -> float:
        """None: the readout measures the time."""
        return 0.0

    def _end(self, ending: Ending) -> None:
        super()._end(ending)
        self._wake()

    def fail_exposure(self, reason: str) -> None:
        """End the exposure that is going on, if any, with an error."""
        exposure = self._stream[1] if self.acquiring else None
        if exposure:
            exposure.fail(reason)

    def begin_facts(self) -> dict[str, Any]:
        """Give what is needed to decode the words, and what should come; the exposure is made here."""
        setting, (totals, last) = self.chip.setting, self._stream
        if self.receiver is None:
            raise RuntimeError(f"{self.name}: initialize comes first")
        plan = Plan(
            setting.frames,
            setting.acquire_s,
            setting.start.enabled,
            self.chip.dialect.generation,
            self.options.end_timeout_s,
        )
        exposure = Exposure(
            plan, self.receiver, self.log, self.tally, arm=self._arm, stop=self._stop, trace=self.trace
        )
        self._stream = totals.plus(last), exposure
        self._unended = last is not None and last.unended
        return {
            **decode_facts(setting, plan.generation),
            "acquire_s": setting.acquire_s,
            "frames": setting.frames,
            "digest": digest(setting),
        }

    def expose(self, halt: threading.Event) -> dict[str, Any]:
        """Take one exposure; in a thread."""
        exposure = self._exposure()
        late = exposure.clear(quiet_s=0.1 if self._unended else 0.0)
        exposure.run(halt)
        return {**exposure.facts(), "bytes_late": late or None}

    def failed_facts(self) -> dict[str, Any]:
        """Give what came of it, whatever was the end."""
        return self._exposure().facts()

    def exposure_counts(self, before: dict[str, int | None]) -> dict[str, int | None]:
        """Give the counts of the exposure alone: they may be known where those of the run are not."""
        return self._exposure().counts()

    def exposure_flaws(self) -> dict[str, Condition]:
        """Give what was wrong with the words of the exposure."""
        return dict(self._exposure().follower.flaws)

    def run_facts(self) -> dict[str, Any]:
        """Give the readout, and the setting at the begin of the run."""
        setting = self.chip.setting
        shown = ("model", "chip_id", "serial_number", "firmware", "voltage_measured")
        return {
            "instrument": self.name,
            "format": "KATHERINE",
            **decode_facts(setting, self.chip.dialect.generation),
            "order_checked": False,
            **{name: self.value(name) for name in shown},
            **chip_facts(setting),
        }

    def show(self) -> None:
        """Show what comes, and what is wrong with it."""
        totals, exposure = self._stream
        if exposure is not None:
            for reason, condition in tuple(exposure.follower.flaws.items()):
                self.blame(condition, reason)
        rows = of_receiver(self.receiver, self._zero)
        rows += of_exposures(totals.plus(exposure), exposure.follower if exposure else None)
        for row in rows:
            self.news(*row)

    def news(self, name: str, value: Any, severity: Severity = Severity.OK, status: str = "") -> None:
        """Publish a scalar if it differs from what is shown."""
        last = self.board.updates.get(name)
        if last is None or (last.value, last.severity, last.status) != (value, severity, status):
            self.publish(name, value, severity, status)

    def _exposure(self) -> Exposure:
        exposure = self._stream[1]
        if exposure is None:
            raise RuntimeError(f"{self.name}: no exposure was begun")
        return exposure

    def _arm(self) -> None:
        """In the source's thread: start the readout."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._start_readout(), self._loop).result(ARM_S)

    def _stop(self) -> None:
        if self._loop is not None:
            stop = commands.stop(self.chip.setting.data_driven)
            self._loop.call_soon_threadsafe(self.link.tell_now, stop)

    async def _start_readout(self) -> None:
        chip, link = self.chip, self.link
        async with self.watch.scanning:
            if self._unended and CommStatus.of(await link.ask(commands.plain(Op.COMM_STATUS))).measuring:
                raise TimeoutError(
                    "the readout is still measuring: it did not obey the stop of the last exposure. Wait "
                    "for the end of its acquisition time, or switch it off and on"
                )
            await link.tell(commands.select_readout(chip.setting.data_driven))
            for request in chip.dialect.mode(chip.setting):
                await link.ask(request)
            await link.tell(commands.start(chip.setting.data_driven))

    def _wake(self) -> None:
        if self.receiver is not None:
            self.receiver.wake()
