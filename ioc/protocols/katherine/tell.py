"""Datagrams of a Katherine in words, for people who read a trace."""

from collections.abc import Callable

import numpy as np
from hitline.bus.formats.katherine_words import GENERATIONS, MARKS, WORD_BYTES, Header, from_bytes, headers_of

from .dacs import DACS, MONITORS
from .hardware import ChipId, CommStatus, Status
from .message import Answer, Request
from .opcodes import KNOWN, Hw, Op
from .profile import decode_mode
from .registers import REGISTERS
from .shutter import Edge, TestPulses

MODES = ("ToA+ToT", "ToA", "events + iToT")


def _words(name: str) -> str:
    return name.lower().replace("_", " ")


def _readout(request: Request) -> str:
    return "data driven" if request.payload[0] else "sequential"


def _mode(request: Request) -> str:
    mode, fast = decode_mode(request.payload)
    return f"{MODES[mode]}, fast oscillator {'on' if fast else 'off'}"


def _pulses(request: Request) -> str:
    pulses = TestPulses.decode(request.payload, request.index)
    if not pulses.enabled:
        return "off"
    kind = "external" if pulses.external else "digital" if pulses.digital else "analogue"
    return f"{pulses.count} {kind}, {pulses.period} clocks apart, phase {pulses.phase}"


def _volts(answer: Answer) -> str:
    return f"{answer.number:.4g} V"


def _celsius(answer: Answer) -> str:
    return f"{answer.number:.4g} C"


def _status(answer: Answer) -> str:
    status = Status.of(answer)
    name = status.hardware.name if status.hardware else f"type 0x{status.type:02x}"
    return f"{name}, revision {status.revision}, serial {status.serial}, firmware {status.firmware}"


def _links(answer: Answer) -> str:
    status = CommStatus.of(answer)
    return (
        f"lines 0x{status.lines:02x}, rate {status.rate}, chips {status.chips}, measuring {status.measuring}"
    )


REQUESTS: dict[int, Callable[[Request], str]] = {
    Op.ACQ_TIME_LOW: lambda r: f"0x{r.value:08x} * 10 ns",
    Op.ACQ_TIME_HIGH: lambda r: f"0x{r.value:08x} << 32 * 10 ns",
    Op.SET_BIAS: lambda r: f"{r.number:.6g} V, supply {r.index}",
    Op.START: _readout,
    Op.SELECT_READOUT: _readout,
    Op.STOP: _readout,
    Op.SET_DAC: lambda r: f"{DACS[r.index].name} = {r.value}",
    Op.HW: lambda r: _words(Hw(r.payload[0]).name),
    Op.SET_REGISTER: lambda r: f"{REGISTERS[r.index]} = 0x{r.value:04x}",
    Op.GET_REGISTER: lambda r: REGISTERS[r.payload[0]],
    Op.ACQ_MODE: _mode,
    Op.GET_BIAS: lambda r: f"supply {r.index}",
    Op.GET_ADC: lambda r: f"channel {r.payload[0]}",
    Op.SCAN_DAC: lambda r: dict(MONITORS)[r.payload[0]],
    Op.FRAMES: lambda r: str(r.value),
    Op.TEST_PULSES: _pulses,
}
"""What a command says, where it has a public layout; where the layout depends on the generation: `Teller`."""
ANSWERS: dict[int, Callable[[Answer], str]] = {
    Op.CHIP_ID: lambda a: ChipId(a.value).text,
    Op.STATUS: _status,
    Op.COMM_STATUS: _links,
    Op.GET_BIAS: _volts,
    Op.GET_ADC: _volts,
    Op.SCAN_DAC: _volts,
    Op.BIAS_CURRENT: _volts,
    Op.READOUT_TEMPERATURE: _celsius,
    Op.SENSOR_TEMPERATURE: _celsius,
    Op.GET_REGISTER: lambda a: f"0x{a.value:04x}",
    Op.DIGITAL_TEST: lambda a: f"{a.data[0]} of 64 patterns",
}
"""What an answer says, where it is more than an acknowledgement."""


class Teller:
    """Tells one datagram after the other; learns the generation from the status on the way."""

    def __init__(self) -> None:
        self.generation = 1

    def __call__(self, channel: str, sent: bool, data: bytes) -> str:
        """Tell a datagram of the channel `control` or `data`; what makes no sense is shown as it is."""
        if channel == "data":
            return self._stream(data)
        message = Request.decode(data) if sent else Answer.decode(data)
        if message is None or len(data) != 8:
            return (
                f"{len(data)} bytes of pixels" if sent else f"{len(data)} bytes, no answer: {data[:32].hex()}"
            )
        name = _words(Op(message.op).name) if message.op in KNOWN else "unknown"
        try:
            said = self._request(message) if isinstance(message, Request) else self._answer(message)
        except (ValueError, LookupError):
            said = f"makes no sense: {data[:6].hex(' ')}"
        return f"0x{message.op:02x} {name}{': ' * bool(said)}{said}"

    def _request(self, request: Request) -> str:
        chip = f", chip {request.chip}" if request.chip else ""
        if request.op == Op.TRIGGERS:
            start, stop = (_edge(Edge.decode(byte, self.generation)) for byte in request.payload[:2])
            return f"start {start}, stop {stop}{chip}"
        if tell := REQUESTS.get(request.op):
            return tell(request) + chip
        return request.encode()[:6].hex(" ") if any(request.encode()[:6]) else ""

    def _answer(self, answer: Answer) -> str:
        if answer.op == Op.STATUS and (hardware := Status.of(answer).hardware):
            self.generation = hardware.generation
        if tell := ANSWERS.get(answer.op):
            return tell(answer)
        return answer.data.hex(" ") if any(answer.data) else "acknowledged"

    def _stream(self, data: bytes) -> str:
        generation = GENERATIONS[self.generation]
        counts = np.bincount(headers_of(from_bytes(data)), minlength=16).tolist()
        parts = [f"{sum(counts[header] for header in generation.pixels)} pixels"]
        for header, count in enumerate(counts):
            if count and header not in generation.pixels:
                known = header in MARKS
                name = "trigger" if header in generation.triggers else f"unknown 0x{header:x}"
                parts.append(f"{count} {_words(Header(header).name) if known else name}")
        rest = f", {len(data) % WORD_BYTES} bytes of a word" if len(data) % WORD_BYTES else ""
        return f"{len(data)} bytes: {', '.join(parts)}{rest}"


def _edge(edge: Edge) -> str:
    if not edge.enabled:
        return "off"
    kind = "falling" if edge.falling else "rising"
    return f"{kind} edge of {edge.channel}{' (delayed)' if edge.delayed else ''}"
