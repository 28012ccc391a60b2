"""An instrument without a class of its own."""

from collections.abc import Callable
from typing import Any

from ophyd import Device

from .wait import Refusal, never


class Instrument(Device):
    """Any instrument: its attributes as signals, its commands as `cmd_<name>`, made from its tables."""

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(prefix, **kwargs)
        self.refusal: Callable[[str], Refusal] = never
