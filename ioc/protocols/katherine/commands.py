"""The commands that a client sends, by what they do. Each raises ValueError for what the chip cannot do."""

from collections.abc import Sequence

from .dacs import DACS, MONITORS
from .message import Request, binary32, word
from .opcodes import Hw, Op
from .profile import ModeEncoding, encode_mode
from .registers import GENERAL, PLL, REGISTERS, General, Pll
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
    """Ask for an ADC channel, 0 to 255; which is which is not public."""
    _check("ADC channel", channel, 0, 255)
    return Request(Op.GET_ADC, word(channel))


def dac(index: int, code: int, chip: int = 0) -> Request:
    """Set one DAC by its index 0 to 17; in the chip after `Hw.UPDATE_DACS`.

    The readout does not check the code and the chip cuts it to its bits, hence ValueError for one too large.
    """
    _check("DAC index", index, 0, len(DACS) - 1)
    _check(DACS[index].name, code, 0, DACS[index].max)
    return Request(Op.SET_DAC, word(code), index, chip)


def scan_dac(code: int, chip: int = 0) -> Request:
    """Measure one monitor voltage by its code (`dacs.MONITORS`); chip in byte 1 (libkatherine 2.0-dev)."""
    if code not in (known := [number for number, _ in MONITORS]):
        raise ValueError(f"monitor {code}: must be one of {known}")
    return Request(Op.SCAN_DAC, bytes((code, chip, 0, 0)))


def register(number: int, value: int, chip: int = 0) -> Request:
    """Write one sensor register, 0 to 11, into the image."""
    _check("register", number, 0, len(REGISTERS) - 1)
    return Request(Op.SET_REGISTER, word(value), number, chip)


def get_register(number: int, chip: int = 0) -> Request:
    """Read one sensor register, 0 to 11, of the image."""
    _check("register", number, 0, len(REGISTERS) - 1)
    return Request(Op.GET_REGISTER, word(number), 0, chip)


def set_pixels(chip: int = 0) -> Request:
    """Announce an upload: 65536 bytes follow (`matrix.Pixels.upload`), then the answer.

    Until the last byte has come, the readout takes every datagram for pixels. The chip is in byte 0 (as in
    libkatherine's emulator).
    """
    return Request(Op.SET_PIXELS, word(chip))


def acquisition_time(steps: int) -> list[Request]:
    """Set the acquisition time, steps of 10 ns (`shutter.encode_time`), 64 bits in two commands."""
    return [
        Request(Op.ACQ_TIME_LOW, word(steps & 0xFFFFFFFF)),
        Request(Op.ACQ_TIME_HIGH, word(steps >> 32)),
    ]


def frames(count: int) -> Request:
    """Set how many frames are taken; data-driven must be 1, and none yields nothing."""
    _check("frames", count, 1, (1 << 32) - 1)
    return Request(Op.FRAMES, word(count))


def triggers(start: Edge, stop: Edge, generation: int = 1) -> Request:
    """Set the trigger conditions of the shutter; only the one that opens it can be delayed."""
    if stop.delayed:
        raise ValueError("stop trigger: delayed is for the start trigger only, leave it out")
    return Request(
        Op.TRIGGERS, bytes((start.encode(generation), stop.encode(generation), 0, 0)), TRIGGER_INDEX
    )


def pulses(setting: TestPulses) -> Request:
    """Set the test pulses; the answer takes about 1 s."""
    payload, index = setting.encode()
    return Request(Op.TEST_PULSES, payload, index)


def trigger_generator(index: int, value: int) -> Request:
    """Write one word (0 to 7) of the internal trigger generator; their meaning is not public."""
    _check("trigger generator word", index, 0, 7)
    return Request(Op.SET_TRIGGER_GENERATOR, word(value), index)


def get_trigger_generator(index: int) -> Request:
    """Read one word (0 to 7) of the internal trigger generator; answered as 0x22."""
    _check("trigger generator word", index, 0, 7)
    return Request(Op.GET_TRIGGER_GENERATOR, index=index)


def mode(number: int, fast: bool, encoding: ModeEncoding) -> Request:
    """Set the acquisition mode: 0 ToA+ToT, 1 ToA, 2 events + iToT; by 2.0-dev in force after a flush."""
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
    """Set all 18 DACs, in the order of `dacs.DACS`, and bring them to the chip."""
    if len(codes) != len(DACS):
        raise ValueError(
            f"{len(codes)} DAC codes: must be {len(DACS)}, one for each of {DACS[0].name} to the last"
        )
    return [
        *(dac(index, code, chip) for index, code in enumerate(codes)),
        hw(Hw.UPDATE_DACS, chip),
    ]


def _check(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} of {value}: must be {low} to {high}")
