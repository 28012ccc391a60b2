"""Commands of an instrument as commands of a Tango device."""

from collections.abc import Callable
from typing import Any

from hitline.bus.attribute import Command, Refused
from hitline.db.generate import camel
from tango import server

from .kinds import RESERVED, latin

_TYPES: dict[str, Any] = {"bool": bool, "int": int, "float": float, "str": str, "enum": str}
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def name_of(command: Command) -> str:
    """Return the name on the Tango side."""
    name = command.pv if command.pv.isidentifier() else camel(command.name)
    return f"{name}_" if name.lower() in RESERVED else name


def made(command: Command, send: Callable[[tuple[Any, ...]], None]) -> Any:
    """Make the command of a device: no argument, one of its type, or several as an array of strings."""
    doc_in = ", ".join(f"{name} ({dtype})" for name, dtype in command.args) or "nothing"
    if not command.args:

        def work() -> None:
            send(())

        kind: Any = None
    elif len(command.args) == 1:

        def work(value: Any) -> None:  # type: ignore[misc]
            send((value,))

        kind = _TYPES[command.args[0][1]]
    else:

        def work(values: Any) -> None:  # type: ignore[misc]
            send(tuple(values))

        kind = (str,)
    work.__name__ = name_of(command)
    work.__doc__ = latin(" ".join(command.doc.split()))
    return server.command(f=work, dtype_in=kind, doc_in=doc_in, dtype_out=None)


def read(command: Command, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments as the bus wants them, several ones read from their texts; raises Refused."""
    if len(command.args) < 2:
        return values
    wanted = ", ".join(f"{name} ({dtype})" for name, dtype in command.args)
    if len(values) != len(command.args):
        raise Refused("type", f"{command.name}: wants {wanted}, got {len(values)} values")
    try:
        return tuple(
            _WORDS[text.lower()] if dtype == "bool" else _TYPES[dtype](text)
            for text, (_, dtype) in zip(values, command.args, strict=True)
        )
    except (ValueError, KeyError):
        raise Refused("type", f"{command.name}: wants {wanted}, got {', '.join(values)}") from None
