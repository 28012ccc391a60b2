"""An emulated Katherine readout with a Timepix3: answers over UDP, hits of a world, and the truth of them.

It behaves as the public notes say that the hardware does, at any address of this host. Faults are attributes,
so that `hitline set kat-emu drop 0.01` breaks something while it runs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
from hitline.bus.attribute import Attribute, Command, Refused, Severity
from hitline.bus.instrument import Instrument

from ...protocols.katherine.matrix import SIDE
from ..scene import Scene
from ..world.world import World, world_of
from .chip import Setting
from .effects import Begin, Effect, Reply, Stop
from .exposure import Exposure, InTime
from .faults import Counts, Faults
from .frames import Acquisition, Frame
from .full import FullRate
from .knobs import KatherineEmulatorOptions, Knobs
from .link import Address, Link
from .source import SceneSource, Source, WorldSource
from .state import Readout
from .table import COMMANDS, FAULTS, KNOBS, TRUTH

TICK_S = 0.1
FRAMES_KEPT = 1000
BEHIND_MS = 500.0
"""Data that are made later than this are told."""


class KatherineEmulator(Instrument):
    """The readout as an instrument; `sent` has the truth of the last frames."""

    KINDS: ClassVar[tuple[str, ...]] = ("katherine_emulator",)
    ATTRIBUTES: ClassVar[tuple[Attribute, ...]] = (*KNOBS, *FAULTS, *TRUTH)
    COMMANDS: ClassVar[tuple[Command, ...]] = COMMANDS
    Options: ClassVar[type | None] = KatherineEmulatorOptions

    def __init__(
        self,
        name: str,
        options: Any = None,
        *,
        clock_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(name, options or KatherineEmulatorOptions(), clock_ns=clock_ns)
        self.knobs = Knobs.of(self.options)
        self.readout = Readout(self.options, self.knobs, monotonic_ns)
        self.readout.acquiring = lambda: self._exposure is not None and self._exposure.running
        self.sent: list[Frame] = []
        """Truth of the last frames, in order."""
        self.counts, self._answer_counts = Counts(), Counts()
        self._faults = Faults(self.knobs, self.counts, self.options.seed, self.options.gen)
        self._answer_faults = Faults(self.knobs, self._answer_counts, self.options.seed + 1)
        self._exposure: Exposure | None = None
        self._silent_until = 0.0
        self.link: Link
        self.source: Source

    async def connect(self) -> None:
        """Open the sockets and show everything."""
        options = self.options
        self.world = world_of(self.station) if self.station else World(options.seed)
        if options.rate_hz:
            self.source = SceneSource(options.seed, options.rate_hz)
        else:
            self.source = WorldSource(self.world, options, lambda: self.readout.chip.zero)
        self.link = Link(options.address, options.control_port, options.data_port, self._received)
        if self.knobs.foreign:
            self.link.set_foreign(True)
        await self.link.open()
        for attribute in (*KNOBS, *FAULTS):
            self.publish(attribute.name, getattr(self.knobs, attribute.name))
        self.publish("listening", "{}:{}".format(*self.link.control))
        self._show()
        self._waiter = ThreadPoolExecutor(1, f"{self.name}-wait")
        self._ticker = asyncio.create_task(self._tick())

    async def disconnect(self) -> None:
        """Stop sending and close the sockets."""
        self._ticker.cancel()
        await asyncio.wait([self._ticker])
        await self._killed()
        self._waiter.shutdown()
        self._show()
        self.link.close()

    async def set_foreign(self, value: bool) -> bool:
        """Have another address answer as well."""
        try:
            self.link.set_foreign(value)
        except OSError as error:
            raise Refused("failed", f"{self.name}.foreign: {error}") from error
        return self._turn("foreign", value)

    async def do_reboot(self, silence_s: float) -> None:
        """Lose everything, as after a power cut."""
        self._silent_until = asyncio.get_running_loop().time() + silence_s
        self.link.forget()
        await self._killed()
        self.readout.reboot()

    async def do_trigger(self) -> None:
        """Give an edge to the acquisition."""
        if self._exposure is not None and self._exposure.running:
            at = self.readout.chip.timer
            self._exposure.trigger(at, self.knobs.trigger_channel, self.knobs.trigger_falling)

    def _turn(self, name: str, value: Any) -> Any:
        setattr(self.knobs, name, value)
        self.publish(name, value)
        return value

    def _received(self, datagram: bytes, sender: Address) -> None:
        """Carry out a command; on the event loop."""
        if self.knobs.stall or asyncio.get_running_loop().time() < self._silent_until:
            return
        if self.readout.uploading and self.knobs.drop_px_chunk:
            self.knobs.drop_px_chunk -= 1
            if not self.knobs.drop_px_chunk:
                return
        effects: list[Effect] = self.readout.receive(datagram)
        late = self.knobs.late_ms / 1e3
        replies = [effect for effect in effects if isinstance(effect, Reply)]
        kept = self._answer_faults.answers([reply.data for reply in replies])
        wait = replies[0].after_s if replies else 0.0
        self.link.answer([Reply(data, wait) for data in kept], sender, late)
        for effect in effects:
            if isinstance(effect, Begin):
                self._begin(effect.data_driven)
            elif isinstance(effect, Stop) and self._exposure is not None:
                self._exposure.stop(self.knobs.on_stop)

    def _begin(self, data_driven: bool) -> None:
        """Begin an acquisition; one that goes on is over without another word."""
        self._kill()
        whole_rate = data_driven and self.options.loop_mhit_s > 0
        self._exposure = self._full_rate() if whole_rate else self._in_time(data_driven)
        self._exposure.start()

    def _in_time(self, data_driven: bool) -> Exposure:
        chip = self.readout.chip
        acquisition = Acquisition(
            lambda: chip.setting,
            self.source,
            self.knobs,
            chip.timer,
            data_driven=data_driven,
            generation=self.options.gen,
            keep=self._keep,
            wires=self._edges,
        )
        return InTime(acquisition, lambda: chip.timer, self._faults, self.knobs, self._send)

    def _edges(self, start: int, stop: int) -> list[int]:
        """When edges came to the trigger input, ticks on the timer."""
        zero = self.readout.chip.zero
        return [at - zero for at in self.world.pulses(start + zero, stop + zero)]

    def _full_rate(self) -> Exposure:
        chip, options = self.readout.chip, self.options
        return FullRate(
            Scene(options.seed, options.loop_mhit_s * 1e6, SIDE),
            chip.setting,
            self.knobs,
            self._faults,
            lambda: chip.timer,
            self._send,
            lambda words, size: self.link.send_words(words, options.client_data_port, size),
            generation=options.gen,
            keep=self._keep,
        )

    def _send(self, datagrams: list[bytes]) -> None:
        """In the thread of the data."""
        self.link.send_data(datagrams, self.options.client_data_port)

    async def _killed(self) -> None:
        """End the acquisition without another word, and wait for that elsewhere."""
        await asyncio.get_running_loop().run_in_executor(self._waiter, self._kill)

    def _kill(self) -> None:
        if self._exposure is not None:
            self._exposure.kill()

    def _keep(self, frame: Frame) -> None:
        """In the thread of the data."""
        self.sent.append(frame)
        del self.sent[:-FRAMES_KEPT]

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._show()

    def _show(self) -> None:
        counts, setting, chip = self.counts, self.readout.chip.setting, self.readout
        running = self._exposure is not None and self._exposure.running
        behind = self._exposure.behind_ms if self._exposure is not None and running else 0.0
        values: dict[str, Any] = {
            name: getattr(counts, name)
            for name in (
                "hits_sent",
                "hits_dropped",
                "words_sent",
                "words_dropped",
                "datagrams_sent",
                "datagrams_dropped",
                "frames_sent",
            )
        }
        values |= {
            "commands": chip.commands,
            "answers_dropped": self._answer_counts.datagrams_dropped,
            "uploads": chip.uploads,
            "acquiring": running,
            "threshold_e": self._threshold_e(setting),
            "bias_v": setting.bias_v,
            "masked": int(np.count_nonzero(setting.pixels.mask)),
            "mode": setting.mode_text,
            "drop_crd": self.knobs.drop_crd,
            "drop_px_chunk": self.knobs.drop_px_chunk,
        }
        for name, value in values.items():
            if value != self.value(name):
                self.publish(name, value)
        if behind != self.value("behind_ms"):
            slow = behind > BEHIND_MS
            self.publish(
                "behind_ms",
                behind,
                Severity.MINOR if slow else Severity.OK,
                "this host cannot make so many hits in time: lower the rate" if slow else "",
            )

    def _threshold_e(self, setting: Setting) -> float:
        options = self.options
        zero = (options.threshold_zero_holes, options.threshold_zero_electrons)[setting.general.polarity]
        sign = -1 if setting.general.polarity else 1
        return float(sign * (setting.threshold - zero) * options.electrons_per_step)


def _setter(name: str) -> Callable[[KatherineEmulator, Any], Awaitable[Any]]:
    async def set_knob(self: KatherineEmulator, value: Any) -> Any:
        return self._turn(name, value)

    return set_knob


for _attribute in (*KNOBS, *FAULTS):
    if not hasattr(KatherineEmulator, f"set_{_attribute.name}"):
        setattr(KatherineEmulator, f"set_{_attribute.name}", _setter(_attribute.name))
