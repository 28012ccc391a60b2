"""Which commands bring a Katherine to a setting: all of them, or those for what has changed (pure).

The order is that of libkatherine: pixels, times, frames, triggers, registers, DACs, test pulses. The pixels
themselves are sent by `katherine_upload`. Without the bias: nothing but its own set ever touches it.
"""

from dataclasses import dataclass

from ...protocols.katherine import commands
from ...protocols.katherine.message import Request
from ...protocols.katherine.opcodes import Hw
from ...protocols.katherine.profile import HARDWARE, ModeEncoding, Profile
from ...protocols.katherine.registers import GENERAL, PLL
from .setting import Setting


@dataclass(frozen=True)
class Dialect:
    """How a readout wants its commands."""

    profile: Profile = HARDWARE
    generation: int = 1
    chip: int = 0

    def whole(self, setting: Setting) -> list[Request]:
        """Commands for everything but the pixels, which come before."""
        return [
            *self.after_upload(),
            *commands.acquisition_time(setting.time_steps),
            commands.frames(setting.frames),
            self._triggers(setting),
            *self._registers(setting),
            *commands.all_dacs(setting.dacs, self.chip),
            *([commands.pulses(setting.pulses)] if setting.pulses.enabled else []),
        ]

    def after_upload(self) -> list[Request]:
        """Commands that bring uploaded pixels to the chip."""
        return [commands.hw(Hw.RESET_MATRIX, self.chip), commands.hw(Hw.LOAD_PIXELS, self.chip)]

    def change(self, old: Setting, new: Setting) -> list[Request]:
        """Commands for what differs, but for the pixels; empty when the readout is not concerned."""
        return [
            *(commands.acquisition_time(new.time_steps) if new.time_steps != old.time_steps else []),
            *([commands.frames(new.frames)] if new.frames != old.frames else []),
            *([self._triggers(new)] if (new.start, new.stop) != (old.start, old.stop) else []),
            *self._changed_registers(old, new),
            *self._changed_dacs(old, new),
            *([commands.pulses(new.pulses)] if new.pulses.encode() != old.pulses.encode() else []),
        ]

    def mode(self, setting: Setting) -> list[Request]:
        """Commands that choose what pixels measure, also needed before each exposure."""
        flush = [commands.hw(Hw.FLUSH_REGISTERS, self.chip)] if self.profile.flush_after_mode else []
        return [commands.mode(setting.mode, setting.fast, self.profile.mode_encoding), *flush]

    def image(self, setting: Setting) -> tuple[tuple[int, int, int], ...]:
        """(register, value, mask) that the readout's image must show once it has the setting.

        Not looked at are bits that firmware may change by itself: test pulses, and the mode where the profile
        sends it in a way that hardware reads otherwise.
        """
        general = self._general(setting).encode()
        mask = 0x19 if self.profile.mode_encoding is ModeEncoding.LIBKATHERINE_1 else 0x5F
        return ((GENERAL, general & mask, mask), (PLL, setting.pll.encode(), 0xFFFF))

    def _triggers(self, setting: Setting) -> Request:
        return commands.triggers(setting.start, setting.stop, self.generation)

    def _registers(self, setting: Setting) -> list[Request]:
        return commands.sensor_registers(self._general(setting), setting.pll, self.chip)

    def _general(self, setting: Setting) -> commands.General:
        return setting.general(pulse_bit=self.profile.pulse_bit)

    def _changed_registers(self, old: Setting, new: Setting) -> list[Request]:
        if new.pll != old.pll:
            return [*self._registers(new), *self.mode(new)]
        general = [
            commands.register(GENERAL, self._general(new).encode(), self.chip),
            commands.hw(Hw.FLUSH_REGISTERS, self.chip),
        ]
        mode = self.mode(new) if (new.mode, new.fast) != (old.mode, old.fast) else []
        return [*(general if self._general(new) != self._general(old) else []), *mode]

    def _changed_dacs(self, old: Setting, new: Setting) -> list[Request]:
        sets = [
            commands.dac(index, code, self.chip)
            for index, code in enumerate(new.dacs)
            if code != old.dacs[index]
        ]
        return [*sets, commands.hw(Hw.UPDATE_DACS, self.chip)] if sets else []
