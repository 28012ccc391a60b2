"""What the requests of our layer do: describe, get, set and the instrument's own commands."""

from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

from .attribute import UNKNOWN, Attribute, Command, Refused, Severity, Update, checked
from .constellation.cscp import Message
from .constellation.pack import Malformed
from .description import PROTOCOL, agree, tables
from .instrument import Instrument
from .serve import Handler, Result, check_deadline, in_turn
from .states import State
from .turn import Turn
from .values import pack_array, quality, to_wire, unpack_array


class Requests:
    """Serves one instrument; `verbs` maps its commands to verbs, `reserved` are those of the protocol."""

    def __init__(self, instrument: Instrument, turn: Turn, reserved: set[str]) -> None:
        self.instrument, self.turn, self.board = instrument, turn, instrument.board
        taken = reserved | {"describe", "get", "set"}
        self.verbs = {name: f"do_{name}" if name in taken else name for name in instrument.commands}
        self.risen: dict[str, int] = {}
        """Sequence number of the last update that made a busy attribute true."""
        self.arrays_port = 0
        for name, attribute in self.board.attributes.items():
            if attribute.writable and not hasattr(instrument, f"set_{name}"):
                raise TypeError(f"{type(instrument).__name__} has no method set_{name} for its attribute")
        for name in instrument.commands:
            if not hasattr(instrument, f"do_{name}"):
                raise TypeError(f"{type(instrument).__name__} has no method do_{name} for its command")

    def handlers(self) -> dict[str, Handler]:
        """Return the verbs of our layer and of the instrument."""
        own: dict[str, Handler] = {"describe": self._describe, "get": self._get, "set": self._set}
        for name, verb in self.verbs.items():
            command = self.instrument.commands[name]
            own[verb] = lambda request, command=command: self._command(request, command)  # type: ignore[misc]
        return own

    def noticed(self, name: str, update: Update) -> None:
        """Remember when a bool became true: the `busy` tag of a reply points there."""
        if self.board.attributes[name].dtype == "bool" and update.value:
            self.risen[name] = update.seq

    def _describe(self, request: Message) -> Result:
        args = _arguments(request, 0, 1)
        if args:
            agree(args[0], PROTOCOL, "protocol")
        instrument = self.instrument
        reply = tables(self.board.attributes, instrument.commands, self.verbs)
        reply |= {
            "name": instrument.name,
            "kinds": list(instrument.KINDS),
            "epoch": self.board.epoch,
            "arrays": self.arrays_port,
            **instrument.describe_more,
        }
        return f"{len(self.board.attributes)} attributes, {len(instrument.commands)} commands", reply, {}

    def _get(self, request: Message) -> Result:
        args = _arguments(request, 0, 1)
        if not args:
            known = ((self.board.attributes[name], update) for name, update in self.board.updates.items())
            scalars = {a.name: _full(a, update) for a, update in known if not a.array}
            return f"{len(scalars)} values", scalars, {}
        attribute = self._attribute(args[0])
        update = self.board.updates.get(attribute.name, UNKNOWN)
        tags = quality(update) | {"time_ns": update.time_ns, "unit": attribute.unit}
        value = update.value
        if attribute.array:
            if value is not None:
                value, layout = pack_array(value)
                tags |= layout
            return f"{attribute.name}: {tags.get('shape', 'no value yet')}", value, tags
        value = to_wire(attribute, value)
        return f"{attribute.name} = {value} {attribute.unit}".rstrip(), value, tags

    def _set(self, request: Message) -> Awaitable[Result]:
        name, value = _arguments(request, 2)
        attribute = self._attribute(name)
        self._allowed(attribute, request)
        if attribute.array and isinstance(value, bytes):
            try:
                value = unpack_array(value, request.tags)
            except Malformed as error:
                raise Refused("type", f"{name}: {error}") from None
        value = checked(attribute, value)
        setter = getattr(self.instrument, f"set_{attribute.name}")

        async def work() -> Result:
            check_deadline(request, self.instrument.clock_ns())
            self._allowed(attribute, request)
            before = self._seq(attribute.busy)
            applied = await setter(value)
            tags = self._busy(attribute.busy, before)
            if attribute.array:
                return f"{attribute.name} is set", None, tags
            applied = to_wire(attribute, value if applied is None else applied)
            return f"{attribute.name} = {applied} {attribute.unit}".rstrip(), applied, tags

        return in_turn(self.turn, work, f"set {attribute.name}")

    def _command(self, request: Message, command: Command) -> Awaitable[Result]:
        values = _arguments(request, len(command.args))
        args = [
            checked(Attribute(name, dtype, ""), value)
            for (name, dtype), value in zip(command.args, values, strict=True)
        ]
        self._allowed(command, request)
        action = getattr(self.instrument, f"do_{command.name}")

        async def work() -> Result:
            if not command.overtakes:
                check_deadline(request, self.instrument.clock_ns())
                self._allowed(command, request)
            before = self._seq(command.busy)
            result = await action(*args)
            return f"{command.name} done", result, self._busy(command.busy, before)

        return in_turn(self.turn, work, command.name, overtakes=command.overtakes)

    def _attribute(self, name: Any) -> Attribute:
        attribute = self.board.attributes.get(name.lower()) if isinstance(name, str) else None
        if attribute is None:
            raise Refused("unknown", f"{self.instrument.name} has no attribute {name!r}; describe lists them")
        return attribute

    def _allowed(self, what: Attribute | Command, request: Message) -> None:
        if isinstance(what, Attribute) and not what.writable:
            raise Refused("access", f"{self.instrument.name}.{what.name} is read-only")
        state: State = self.instrument.state()
        if state not in what.states:
            where = ", ".join(s.name for s in what.states)
            cure = "; see its status, repair the cause, then send initialize (Reset)"
            raise Refused(
                "state",
                f"{self.instrument.name}: {request.text} {what.name} is not possible "
                f"in {state.name}, only in {where}" + cure * (state in (State.SAFE, State.ERROR)),
            )

    def _seq(self, name: str) -> int:
        last = self.board.updates.get(name)
        return last.seq if last else 0

    def _busy(self, name: str, before: int) -> dict[str, Any]:
        """Return the tag `busy`: the update since `before` that made it true.

        Or the last if none did, as for a stop; `joined` then tells that what ends is not of this request.
        """
        if not name:
            return {}
        risen = self.risen.get(name, 0)
        return {"busy": risen} if risen > before else {"busy": self._seq(name), "joined": True}


def _full(attribute: Attribute, update: Update) -> dict[str, Any]:
    """Return value and quality in one map, for the `get` of everything."""
    try:
        value = to_wire(attribute, update.value)
    except (TypeError, ValueError, OverflowError):
        value = None
        update = replace(update, value=None, severity=Severity.INVALID, status="cannot be sent")
    return {"value": value, "time_ns": update.time_ns, **quality(update)}


def _arguments(request: Message, *counts: int) -> list[Any]:
    """Return the positional arguments, or raise Refused when their number is wrong."""
    payload = [] if request.payload is None else request.payload
    if not isinstance(payload, list) or len(payload) not in counts:
        wanted = " or ".join(map(str, counts))
        got = f"{len(payload)}" if isinstance(payload, list) else type(payload).__name__
        raise Refused("type", f"{request.text} takes a list of {wanted} arguments, got {got}")
    return payload
