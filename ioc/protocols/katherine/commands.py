"""The commands that a client sends, by what they do; the order of a whole configuration."""

from collections.abc import Sequence

from .dacs import DACS
from .message import Request, binary32, word
from .opcodes import Hw, Op
from .profile import ModeEncoding, encode_mode
from .registers import GENERAL, PLL, General, Pll
from .shutter import TRIGGER_INDEX, Edge, TestPulses


def plain(op: Op, chip: int = 0) -> Request:
    """A question or command without arguments."""
    return Request(op, chip=chip)


def hw(action: Hw, chip: int = 0) -> Request:
    """Command 0x07."""
    return Request(Op.HW, word(action), chip=chip)


def bias(volts: float, supply: int = 0) -> Request:
    """Set the bias; f32 volts."""
    return Request(Op.SET_BIAS, binary32(volts), supply)


def get_bias(supply: int = 0) -> Request:
    """Ask for the measured bias: the supply in both bytes (libkatherine 2.0-dev)."""
    return Request(Op.GET_BIAS, word(supply), supply)


def bias_current(supply: int = 0) -> Request:
    """Ask for the leakage current; generation 2 only, not while acquiring."""
    return Request(Op.BIAS_CURRENT, word(supply), supply)


def leakage_ua(sense_v: float) -> float:
    """Current in uA of the answer to `bias_current`: 1e6 * (2.024 - V) / 6000 (libkatherine 2.0-dev)."""
    return 1e6 * (2.024 - sense_v) / 6000.0


def adc(channel: int) -> Request:
    """Ask for an ADC channel; which is which is not public."""
    return Request(Op.GET_ADC, word(channel))


def dac(index: int, code: int, chip: int = 0) -> Request:
    """Set one DAC by its index 0 to 17; in the chip after `Hw.UPDATE_DACS`."""
    if not 0 <= code <= DACS[index].max:
        raise ValueError(f"{DACS[index].name} of {code}: must be 0 to {DACS[index].max}")
    return Request(Op.SET_DAC, word(code), index, chip)


def scan_dac(code: int, chip: int = 0) -> Request:
    """Measure one monitor voltage by its code (`dacs.MONITORS`)."""
    return Request(Op.SCAN_DAC, bytes((code, chip, 0, 0)))


def register(number: int, value: int, chip: int = 0) -> Request:
    """Write one sensor register into the image."""
    return Request(Op.SET_REGISTER, word(value), number, chip)


def get_register(number: int, chip: int = 0) -> Request:
    """Read one sensor register of the image."""
    return Request(Op.GET_REGISTER, word(number), 0, chip)


def acquisition_time(steps: int) -> list[Request]:
    """Set the acquisition time, steps of 10 ns."""
    return [
        Request(Op.ACQ_TIME_LOW, word(steps & 0xFFFFFFFF)),
        Request(Op.ACQ_TIME_HIGH, word(steps >> 32)),
    ]


def frames(count: int) -> Request:
    """Set how many frames are taken; data-driven must be 1."""
    return Request(Op.FRAMES, word(count))


def triggers(start: Edge, stop: Edge, generation: int = 1) -> Request:
    """Set the trigger conditions of the shutter."""
    return Request(
        Op.TRIGGERS, bytes((start.encode(generation), stop.encode(generation), 0, 0)), TRIGGER_INDEX
    )


def pulses(setting: TestPulses) -> Request:
    """Set the test pulses; the answer takes about 1 s."""
    payload, index = setting.encode()
    return Request(Op.TEST_PULSES, payload, index)


def trigger_generator(index: int, value: int) -> Request:
    """Write one word (0 to 7) of the internal trigger generator; their meaning is not public."""
    return Request(Op.SET_TRIGGER_GENERATOR, word(value), index)


def get_trigger_generator(index: int) -> Request:
    """Read one word of the internal trigger generator; answered as 0x22."""
    return Request(Op.GET_TRIGGER_GENERATOR, index=index)


def mode(number: int, fast: bool, encoding: ModeEncoding) -> Request:
    """Set the acquisition mode."""
    return Request(Op.ACQ_MODE, encode_mode(number, fast, encoding))


def start(data_driven: bool) -> Request:
    """Open the shutter; not answered."""
    return Request(Op.START, word(int(data_driven)))


def select_readout(data_driven: bool) -> Request:
    """Choose the readout chain; not answered."""
    return Request(Op.SELECT_READOUT, word(int(data_driven)))


def stop(data_driven: bool) -> Request:
    """End the acquisition; not answered."""
    return Request(Op.STOP, word(int(data_driven)))


def sensor_registers(general: General, pll: Pll, chip: int = 0) -> list[Request]:
    """Write registers 4 and 3 and bring them to the chip, in the order of libkatherine."""
    return [
        register(GENERAL, general.encode(), chip),
        register(PLL, pll.encode(), chip),
        hw(Hw.UPDATE_OUTPUT, chip),
        hw(Hw.FLUSH_REGISTERS, chip),
        hw(Hw.SET_TIMER, chip),
    ]


def all_dacs(codes: Sequence[int], chip: int = 0) -> list[Request]:
    """Set all 18 DACs and bring them to the chip."""
    return [
        *(dac(index, code, chip) for index, code in enumerate(codes)),
        hw(Hw.UPDATE_DACS, chip),
    ]
