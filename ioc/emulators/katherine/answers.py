"""How an emulated Katherine carries out and answers each command, as a table.

Source: public notes on the protocol (libkatherine 1.0.1, its later versions, its emulator). Where those know
an answer's form but not its values, plausible ones are given: temperatures, DAC voltages, leakage current.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...protocols.katherine.dacs import DACS, MONITORS
from ...protocols.katherine.hardware import CommStatus
from ...protocols.katherine.message import Request
from ...protocols.katherine.opcodes import Hw, Op
from ...protocols.katherine.registers import REGISTERS
from ...protocols.katherine.shutter import TRIGGER_INDEX, Edge, TestPulses
from .effects import Begin, Effect, Stop, ack, integer, number, octets

if TYPE_CHECKING:
    from .state import Readout

PULSES_S = 1.0
"""How long the hardware takes to accept test pulses."""
DIGITAL_TEST_S = 0.3
SCAN_S = 0.005
"""One measurement of a DAC output."""
PATTERNS = 64
"""Good patterns of a digital test that is passed."""
READOUT_C, SENSOR_C = 45.25, 38.5
MONITOR_V = 1.2
"""DAC output at full code; the others are in proportion."""
FIXED_V = {"BandGap": 0.635, "BandGap_Temp": 0.705, "Ibias_dac": 0.61, "Ibias_dac_cas": 0.73}
TDC_COUNTERS = 5

Handler = Callable[["Readout", Request], list[Effect]]


def acquisition_time(readout: "Readout", request: Request) -> list[Effect]:
    """0x01, 0x0A: the halves of the time in steps of 10 ns."""
    now = readout.chip.setting.time_10ns
    low, high = now & 0xFFFFFFFF, now >> 32
    if request.op == Op.ACQ_TIME_LOW:
        low = request.value
    else:
        high = request.value
    readout.chip.change(time_10ns=high << 32 | low)
    return ack(request.op)


def set_bias(readout: "Readout", request: Request) -> list[Effect]:
    """0x02."""
    readout.chip.set_bias(request.number, request.index)
    return ack(request.op)


def get_bias(readout: "Readout", request: Request) -> list[Effect]:
    """0x0C."""
    return number(request.op, readout.chip.measured_bias_v(request.index))


def bias_current(readout: "Readout", request: Request) -> list[Effect]:
    """0x30: sense volts, 2.024 V less 6 mV for each uA; the first generation has no such thing."""
    if readout.generation == 1:
        return []
    return number(request.op, 2.024 - 6e-3 * readout.chip.leakage_ua(request.index))


def start(readout: "Readout", request: Request) -> list[Effect]:
    """0x03: not answered."""
    return [Begin(bool(request.payload[0] & 1))]


def stop(readout: "Readout", request: Request) -> list[Effect]:
    """0x06: not answered."""
    return [Stop()]


def silent(readout: "Readout", request: Request) -> list[Effect]:
    """0x05, 0x50: not answered. The readout chain of 0x05 is taken from the start itself."""
    return []


def accepted(readout: "Readout", request: Request) -> list[Effect]:
    """Acknowledge what has no effect that could be seen here."""
    return ack(request.op)


def set_dac(readout: "Readout", request: Request) -> list[Effect]:
    """0x04: into the image."""
    if request.index < len(DACS):
        readout.chip.dacs[request.index] = request.value
    return ack(request.op)


def hw(readout: "Readout", request: Request) -> list[Effect]:
    """0x07: bring things to the chip, and what has no effect here; always acknowledged."""
    chip = readout.chip
    actions: dict[int, Callable[[], None]] = {
        Hw.FLUSH_REGISTERS: chip.flush,
        Hw.UPDATE_DACS: chip.update_dacs,
        Hw.READ_TIMER: chip.read_timer,
        Hw.SET_TIMER: chip.set_timer,
        Hw.LOAD_PIXELS: chip.load_pixels,
    }
    if action := actions.get(request.payload[0]):
        action()
    return ack(request.op)


def set_register(readout: "Readout", request: Request) -> list[Effect]:
    """0x08: into the image."""
    if request.index < len(REGISTERS):
        readout.chip.image[request.index] = request.value
    return ack(request.op)


def get_register(readout: "Readout", request: Request) -> list[Effect]:
    """0x0E: the image, not what the chip has."""
    place = request.payload[0]
    return integer(request.op, readout.chip.image[place] if place < len(REGISTERS) else 0)


def mode(readout: "Readout", request: Request) -> list[Effect]:
    """0x09: latched as in hardware, fast oscillator in bit 0 of byte 1; at once also from bit 7 of byte 0."""
    at_once = readout.knobs.mode_latch == "immediate"
    first, second = request.payload[:2]
    fast = bool(second & 1) or (at_once and bool(first & 0x80))
    readout.chip.set_mode(first & 3, fast, at_once=at_once)
    return ack(request.op)


def chip_id(readout: "Readout", request: Request) -> list[Effect]:
    """0x0B."""
    return integer(request.op, readout.chip_id.word)


def adc(readout: "Readout", request: Request) -> list[Effect]:
    """0x0D: which channel is what is not public; each has a voltage of its own."""
    return number(request.op, 0.1 * (1 + request.payload[0] % 16))


def monitor_v(readout: "Readout", code: int) -> float:
    """Voltage of one DAC output, by what the chip has; 0 for a code that does not exist."""
    name = dict(MONITORS).get(code)
    if name is None:
        return 0.0
    if name in FIXED_V:
        return FIXED_V[name]
    return MONITOR_V * readout.chip.setting.dacs[code - 1] / DACS[code - 1].max


def scan_dac(readout: "Readout", request: Request) -> list[Effect]:
    """0x0F: needs the sense selector in the chip, so the whole image goes there."""
    readout.chip.flush()
    return number(request.op, monitor_v(readout, request.payload[0]), SCAN_S)


def scan_dacs(readout: "Readout", request: Request) -> list[Effect]:
    """0x14: 22 datagrams, each with the number of a single scan."""
    readout.chip.flush()
    voltages = [monitor_v(readout, code) for code, _ in MONITORS]
    return [effect for volts in voltages for effect in number(Op.SCAN_DAC, volts, SCAN_S)]


def compare_pixels(readout: "Readout", request: Request) -> list[Effect]:
    """0x11."""
    return octets(request.op, bytes((1, readout.chip.as_written)))


def frames(readout: "Readout", request: Request) -> list[Effect]:
    """0x13."""
    readout.chip.change(frames=request.value)
    return ack(request.op)


def readout_temperature(readout: "Readout", request: Request) -> list[Effect]:
    """0x15."""
    return number(request.op, READOUT_C)


def sensor_temperature(readout: "Readout", request: Request) -> list[Effect]:
    """0x19: by a DAC scan, which brings the image of the registers to the chip."""
    readout.chip.flush()
    return number(request.op, SENSOR_C, SCAN_S)


def status(readout: "Readout", request: Request) -> list[Effect]:
    """0x17."""
    return octets(request.op, readout.status.encode())


def comm_status(readout: "Readout", request: Request) -> list[Effect]:
    """0x18: two lines of 640 Mb/s."""
    comm = CommStatus(lines=3, rate=160, chips=1, measuring=int(readout.acquiring()))
    return octets(request.op, comm.encode())


def digital_test(readout: "Readout", request: Request) -> list[Effect]:
    """0x20."""
    return octets(request.op, bytes((PATTERNS,)), DIGITAL_TEST_S)


def triggers(readout: "Readout", request: Request) -> list[Effect]:
    """0x21."""
    if request.index == TRIGGER_INDEX:
        start, stop = (Edge.decode(byte, readout.generation) for byte in request.payload[:2])
        readout.chip.change(start=start, stop=stop)
    return ack(request.op)


def set_generator(readout: "Readout", request: Request) -> list[Effect]:
    """0x23."""
    readout.generator[request.index % len(readout.generator)] = request.value
    return ack(request.op)


def get_generator(readout: "Readout", request: Request) -> list[Effect]:
    """0x24: answered as 0x22."""
    return integer(Op.ACQ_UNIT, readout.generator[request.index % len(readout.generator)])


def test_pulses(readout: "Readout", request: Request) -> list[Effect]:
    """0x26: acknowledged late."""
    readout.chip.change(pulses=TestPulses.decode(request.payload, request.index))
    return ack(request.op, PULSES_S)


def tdc_counters(readout: "Readout", request: Request) -> list[Effect]:
    """0x33: five datagrams, not the six that a manual says; what they hold is not public."""
    return [effect for place in range(TDC_COUNTERS) for effect in integer(request.op, place)]


HANDLERS: dict[int, Handler] = {
    Op.ACQ_TIME_LOW: acquisition_time,
    Op.SET_BIAS: set_bias,
    Op.START: start,
    Op.SET_DAC: set_dac,
    Op.SELECT_READOUT: silent,
    Op.STOP: stop,
    Op.HW: hw,
    Op.SET_REGISTER: set_register,
    Op.ACQ_MODE: mode,
    Op.ACQ_TIME_HIGH: acquisition_time,
    Op.CHIP_ID: chip_id,
    Op.GET_BIAS: get_bias,
    Op.GET_ADC: adc,
    Op.GET_REGISTER: get_register,
    Op.SCAN_DAC: scan_dac,
    Op.SET_PIXEL: accepted,
    Op.COMPARE_PIXELS: compare_pixels,
    Op.FRAMES: frames,
    Op.SCAN_DACS: scan_dacs,
    Op.READOUT_TEMPERATURE: readout_temperature,
    Op.LEDS: accepted,
    Op.STATUS: status,
    Op.COMM_STATUS: comm_status,
    Op.SENSOR_TEMPERATURE: sensor_temperature,
    Op.DIGITAL_TEST: digital_test,
    Op.TRIGGERS: triggers,
    Op.SET_TRIGGER_GENERATOR: set_generator,
    Op.GET_TRIGGER_GENERATOR: get_generator,
    Op.TEST_PULSES: test_pulses,
    Op.TOA_CALIBRATION_START: accepted,
    Op.TOA_CALIBRATION_SETUP: accepted,
    Op.TOKENS: accepted,
    Op.BIAS_CURRENT: bias_current,
    Op.TDC_SETTINGS: accepted,
    Op.TDC_COUNTERS: tdc_counters,
    Op.INTERFACE: silent,
}
"""By the opcode; those whose form is not public (0x22, 0x98, 0xF0) count as unknown. 0x12 is not here."""
