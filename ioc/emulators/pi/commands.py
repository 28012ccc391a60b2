"""The commands of an emulated PI controller. A line with a fault in it is not carried out at all.

Each takes the words after the command and gives the lines of the answer, none for a set command.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...protocols.pi.codes import Code, Param
from . import trigger
from .axis import Axis, GcsError, number

if TYPE_CHECKING:
    from .device import Device

Command = Callable[["Device", list[str]], Iterable[str]]
WRITABLE = set(Param)


def told(read: Callable[[Axis], Any]) -> Command:
    """A query of axes: `axis=value` for each that is named, or for all."""

    def answer(device: "Device", words: list[str]) -> Iterable[str]:
        return [f"{name}={shown(read(device.motors[name]))}" for name in device.named(words)]

    return answer


def written(write: Callable[[Axis, float], None]) -> Command:
    """A set command with a number for each axis."""

    def change(device: "Device", words: list[str]) -> Iterable[str]:
        for name, value in device.pairs(words):
            write(device.motors[name], value)
        return ()

    return change


def limited(param: Param, most: Param) -> Command:
    """Set a parameter that must be positive and has a largest value."""

    def change(device: "Device", words: list[str]) -> Iterable[str]:
        pairs = device.pairs(words)
        if any(not 0 < value <= device.motors[name].number(most) for name, value in pairs):
            raise GcsError(Code.VELOCITY if param is Param.SPEED else Code.RANGE)
        for name, value in pairs:
            device.motors[name].parameters[param] = value
        return ()

    return change


def parameters(device: "Device", words: list[str]) -> Iterable[str]:
    """SPA? item parameter."""
    return [
        f"{name} {number}={shown(device.motors[name].parameters[param])}"
        for name, number, param in _items(device, words, 2)
    ]


def set_parameters(device: "Device", words: list[str]) -> Iterable[str]:
    """SPA item parameter value."""
    values = words[2::3]
    for (name, _, param), word in zip(_items(device, words, 3), values, strict=True):
        axis = device.motors[name]
        axis.parameters[param] = word if isinstance(axis.parameters[param], str) else number(word)
    return ()


def move(device: "Device", words: list[str], *, relative: bool = False) -> Iterable[str]:
    """MOV or MVR: all named axes or none."""
    goals = [
        (device.motors[n], v + (device.motors[n].target if relative else 0)) for n, v in device.pairs(words)
    ]
    for axis, goal in goals:
        if not axis.number(Param.LOW) <= goal <= axis.number(Param.HIGH):
            raise GcsError(Code.LIMIT)
    for axis, goal in goals:
        axis.go(goal)
    return ()


def servo(device: "Device", words: list[str]) -> Iterable[str]:
    """SVO, EAX."""
    for name, value in device.pairs(words):
        axis = device.motors[name]
        if not value:
            axis.stop()
        axis.servo, axis.target = bool(value), axis.position
    return ()


def reference(kind: str) -> Command:
    """FRF, FNL, FPL."""

    def run(device: "Device", words: list[str]) -> Iterable[str]:
        for name in device.named(words):
            device.motors[name].home(kind)
        return ()

    return run


def stop(device: "Device", words: list[str]) -> Iterable[str]:
    """HLT: the named axes; STP: all."""
    for name in device.named(words):
        device.motors[name].stop()
    device.error = Code.STOPPED
    return ()


def error(device: "Device", words: list[str]) -> Iterable[str]:
    """ERR?: told once."""
    found, device.error = device.error, 0
    return [str(int(found))]


def level(device: "Device", words: list[str]) -> Iterable[str]:
    """CCL level [password]."""
    if words[:1] == ["1"] and words[1:] != ["advanced"]:
        raise GcsError(Code.RANGE)
    device.level = int(number(words[0])) if words else 0
    return ()


def restart(device: "Device", words: list[str]) -> Iterable[str]:
    """RBT."""
    device.reboot()
    return ()


def shown(value: Any) -> str:
    """A value as the controller writes it."""
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def _items(device: "Device", words: list[str], each: int) -> list[tuple[str, str, int]]:
    if not words or len(words) % each:
        raise GcsError(Code.COUNT if words else Code.MISSING)
    if len(words) > each and not device.model.several:
        raise GcsError(Code.COUNT)
    found = []
    for at in range(0, len(words), each):
        name, number = words[at], words[at + 1]
        device.named([name])
        try:
            param = int(number, 0)
        except ValueError:
            raise GcsError(Code.NUMBER) from None
        if param not in WRITABLE:
            raise GcsError(Code.PARAMETER)
        found.append((name, number, param))
    return found


def _set(name: str, kind: type) -> Callable[[Axis, float], None]:
    return lambda axis, value: setattr(axis, name, kind(value))


def _help(device: "Device", words: list[str]) -> Iterable[str]:
    return ["\0The following commands are valid:", *sorted(COMMANDS), "end of help"]


def _parameters(device: "Device", words: list[str]) -> Iterable[str]:
    return ["\0The following parameters are valid:", *(f"{p:#x}={p.name}" for p in Param), "end of help"]


def _registers(device: "Device", words: list[str]) -> Iterable[str]:
    return [f"{name} 1={device.motors[name].status():#06x}" for name in device.named(words[::2])]


COMMANDS: dict[str, Command] = {
    "*IDN?": lambda device, words: [device.model.identity],
    "CSV?": lambda device, words: ["2.0"],
    "HLP?": _help,
    "HPA?": _parameters,
    "SAI?": lambda device, words: list(device.motors),
    "CST?": told(lambda axis: axis.parameters[Param.STAGE]),
    "ERR?": error,
    "SVO": servo,
    "SVO?": told(lambda axis: axis.servo),
    "EAX": servo,
    "EAX?": told(lambda axis: axis.servo),
    "RON": written(_set("must_reference", bool)),
    "RON?": told(lambda axis: axis.must_reference),
    "FRF": reference("FRF"),
    "FNL": reference("FNL"),
    "FPL": reference("FPL"),
    "FRF?": told(lambda axis: axis.referenced),
    "TRS?": told(lambda axis: bool(axis.parameters[Param.HAS_REFERENCE])),
    "LIM?": told(lambda axis: not axis.parameters[Param.NO_SWITCHES]),
    "POS": written(Axis.define),
    "POS?": told(lambda axis: axis.position),
    "MOV": move,
    "MOV?": told(lambda axis: axis.target),
    "MVR": lambda device, words: move(device, words, relative=True),
    "ONT?": told(lambda axis: axis.servo and not axis.moving),
    "VEL": limited(Param.SPEED, Param.SPEED_MAX),
    "VEL?": told(lambda axis: axis.number(Param.SPEED)),
    "ACC": limited(Param.ACCELERATION, Param.ACCELERATION_MAX),
    "ACC?": told(lambda axis: axis.number(Param.ACCELERATION)),
    "DEC": limited(Param.DECELERATION, Param.DECELERATION_MAX),
    "DEC?": told(lambda axis: axis.number(Param.DECELERATION)),
    "TMN?": told(lambda axis: axis.number(Param.LOW)),
    "TMX?": told(lambda axis: axis.number(Param.HIGH)),
    "CTO": trigger.configure,
    "CTO?": trigger.configured,
    "TRO": trigger.switch,
    "TRO?": trigger.switched,
    "SPA": set_parameters,
    "SPA?": parameters,
    "CCL": level,
    "CCL?": lambda device, words: [str(device.level)],
    "HLT": stop,
    "STP": lambda device, words: stop(device, []),
    "SRG?": _registers,
    "RBT": restart,
}  # fmt: skip
