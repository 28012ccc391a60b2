"""An emulator alone in the foreground, without a station: made from options, set by lines of text."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hitline.bus.attribute import Attribute, Refused, checked
from hitline.bus.instrument import Instrument
from hitline.bus.station import Station

from .world.instrument import WorldInstrument

TOLD = ("hits_sent", "hits_dropped", "datagrams_sent", "frames_sent", "commands", "telegrams")
"""Counts in the line that `counts` gives, where an emulator has them."""


class Bench:
    """The emulator, and the world where it looks at one."""

    def __init__(self, emulator: Instrument, world: WorldInstrument | None = None) -> None:
        self.emulator = emulator
        self.parts = [emulator] if world is None else [world, emulator]
        station = Station("emulated", Path("emulated.toml"))
        for part in self.parts:
            part.station = station

    async def __aenter__(self) -> "Bench":
        for part in self.parts:
            await part.connect()
        return self

    async def __aexit__(self, *error: object) -> None:
        for part in reversed(self.parts):
            await part.disconnect()

    def settings(self) -> dict[str, tuple[Instrument, Attribute]]:
        """What can be set, by name."""
        return {
            attribute.name: (instrument, attribute)
            for instrument in self.parts
            for attribute in instrument.ATTRIBUTES
            if attribute.writable
        }

    async def take(self, line: str, parse: Callable[[list[str], Attribute], Any]) -> str:
        """Carry out `NAME VALUE` or `COMMAND ARGUMENT ...`; give what to tell. Raises Refused."""
        try:
            name, *words = shlex.split(line)
        except ValueError as error:
            raise Refused("type", f"{line}: {error}") from None
        commands = {command.name: command for command in self.emulator.COMMANDS}
        settings = self.settings()
        if name in settings:
            instrument, attribute = settings[name]
            value = checked(attribute, parse(words, attribute))
            return f"{name} = {await getattr(instrument, f'set_{name}')(value)}"
        if name in commands:
            wanted = commands[name].args
            if len(words) != len(wanted):
                raise Refused("type", f"{name} takes {len(wanted)} arguments, got {len(words)}")
            typed = [parse([w], Attribute(n, d, "")) for w, (n, d) in zip(words, wanted, strict=True)]
            await getattr(self.emulator, f"do_{name}")(*typed)
            return f"{name}: done"
        raise Refused("unknown", f"{name}: known are {', '.join(sorted({*settings, *commands}))}")

    def counts(self) -> str:
        """What was sent so far, in one line."""
        known = {attribute.name for attribute in self.emulator.ATTRIBUTES}
        return ", ".join(f"{name} {self.emulator.value(name)}" for name in TOLD if name in known)
