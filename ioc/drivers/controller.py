"""What a controller's driver gives to the axes that hang on it.

A controller is an instrument that owns the link; an axis is an instrument of the same process that finds it
among its neighbours and attaches to one of its channels. The axis decides what is done (`hitline.ioc.axis`),
the channel does it, in the order in which it is asked.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from hitline.bus.attribute import Refused
from hitline.bus.instrument import Instrument

from ..axis.actions import Action, Reading

LINK_ERRORS = (OSError, TimeoutError, EOFError)
"""What `read` and `act` raise when the controller does not answer (ConnectionError is an OSError)."""


class Channel(ABC):
    """One axis of a controller. Every method is called on the event loop.

    When the link is down, `read` and `act` raise one of LINK_ERRORS; the link comes back by itself. What the
    controller turned down is a `Refused` with its words.
    """

    encoder: bool = False
    """It has an encoder, so that readings have its count."""
    can_enable: bool = True
    """Its power stage or servo can be switched."""
    fastest_hz: float = 0.0
    """Largest speed that it can make; 0 is unknown."""

    pulses: bool = False
    """It can give pulses at positions, see `compare`."""
    pulse_error_s: float = 0.0
    """A pulse may come so much late."""

    async def compare(self, first: int, pitch: float, count: int) -> None:
        """Give pulses at `count` places: first, first + pitch, ... (steps), on the way there. 0: no more.

        Refused where the controller cannot.
        """
        raise Refused("state", "this controller gives no pulses at positions")

    @abstractmethod
    async def read(self) -> Reading:
        """Ask for everything; the values were taken after the call began.

        Calls of several channels at one time should share a telegram where the protocol can. `acted` is left
        at 0.
        """

    @abstractmethod
    async def act(self, action: Action) -> None:
        """Carry out one action and return when the controller has accepted it; `read` sees its effect.

        After an accepted MoveTo or Home, `moving` is true in every reading until the move is over, also while
        the controller has not begun it yet.
        """

    @abstractmethod
    async def stop(self, *, hard: bool = False) -> None:
        """Stop this axis: overtakes everything that waits in the link. Harmless at rest."""


class Controller(Instrument):
    """Base of the drivers of motor controllers."""

    KINDS: ClassVar[tuple[str, ...]] = ("controller",)

    @abstractmethod
    async def attach(self, channel: str) -> Channel:
        """Give a channel by its name, as in "1.1"; raises Refused("unknown") with the names that exist.

        Works before the link is up: the channel's reads then raise one of LINK_ERRORS.
        """
