"""A put from the client to the end of what it began: access, limits, request, completion, refusal, log.

The answer to a put with callback goes out when the attribute's busy flag has fallen, and after everything
that the instrument published before that. A put is sent to the instrument once and never repeated. One that
is refused leaves its reason in LastRefusal_RBV, and the true value is sent to all subscribers again.
"""

import logging
from typing import TYPE_CHECKING, Any

import caproto as ca
import numpy as np
from hitline.bus.asker import asking
from hitline.bus.attribute import Refused

from . import wanted
from .put import Put
from .record import RecordChannel
from .value import Type, text_from_wire

if TYPE_CHECKING:
    from .bound import Bound
    from .face import Face

QUIET = ("limit", "state", "busy", "failed")
"""Refusals that a motor record does not tell its client by an error."""
LONGEST_S = 7 * 86400.0
"""How long a client may wait for the end of what its put began; an exposure may last days."""

log = logging.getLogger("hitline.ca.put")


class Puts:
    """The putter of a face."""

    def __init__(self, face: "Face") -> None:
        self._face = face

    async def __call__(self, put: Put) -> None:
        """Carry out a put; raises Refused."""
        channel = put.channel
        shown = _written(put)
        try:
            if ca.AccessRights.WRITE not in channel.check_access(put.client, put.client.user):
                raise Refused("access", f"{put.client} may not write {channel.name}")
            bound = self._face.bound[channel.name]
            value = wanted.read(bound.channel, put)
            shown = _short(value, bound.channel)
            before = _short(channel.content, bound.channel)
            if bound.wrong:
                raise Refused("unknown", bound.wrong)
            with asking(str(put.client)):
                reply = await self._ask(bound, value)
            log.info("%s wrote %s: %s -> %s", put.client, channel.name, before, shown)
            self._face.flush()
            self._shown(bound, value)
            put.accepted()
            if put.waits and reply is not None:
                await bound.source.wait_idle(bound.target, reply, LONGEST_S)
                self._face.flush()
        except TimeoutError as error:
            self._refuse(put, shown, str(error))
            raise Refused("busy", str(error)) from None
        except Refused as refused:
            self._refuse(put, shown, refused.text)
            tied = self._face.bound.get(channel.name)
            if tied is None or not tied.quiet or refused.code not in QUIET:
                raise

    async def _ask(self, bound: "Bound", value: Any) -> Any:
        source, target = bound.source, bound.target
        if not source.connected:
            raise Refused("link", f"{source.name} is not connected, nothing was sent")
        if not bound.binding.is_command:
            return await source.set(target, wanted.for_attribute(bound.attribute, value))
        if bound.channel.record.rtype == "bo" and not value:
            return None  # a command is sent by 1; 0 is where its record rests
        if bound.binding.transition:
            await source.transition(target)
            return None
        return await source.command(target, *wanted.arguments(source.commands[target], value))

    def _shown(self, bound: "Bound", value: Any) -> None:
        """Show the argument of a command that was accepted: nothing else will."""
        if bound.binding.is_command and bound.channel.record.rtype != "bo":
            self._face.show_argument(bound, value)
            if bound.momentary:
                self._face.show_argument(bound, 0)

    def _refuse(self, put: Put, shown: str, text: str) -> None:
        log.warning("%s wrote %s: %s refused: %s", put.client, put.channel.name, shown, text)
        self._face.flush()
        self._face.refused(put.channel, shown, text)


def _written(put: Put) -> str:
    """What the client wrote, for people."""
    if put.data_type in (Type.STRING, Type.CHAR):
        return repr(text_from_wire(put.data, put.data_type))
    numbers = np.asarray(put.data).ravel()
    return f"{numbers[0].item():g}" if numbers.size == 1 else f"{numbers.size} elements"


def _short(value: Any, channel: RecordChannel) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.size} elements"
    if channel.meta.choices and isinstance(value, int) and value < len(channel.meta.choices):
        return repr(channel.meta.choices[value])
    return f"{value:g}" if isinstance(value, float) else repr(value)
