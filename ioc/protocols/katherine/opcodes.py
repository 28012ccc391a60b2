"""The commands of a Katherine by number, and how each is answered."""

from enum import IntEnum


class Op(IntEnum):
    """Byte 6 of a command."""

    ACQ_TIME_LOW = 0x01
    SET_BIAS = 0x02
    START = 0x03
    SET_DAC = 0x04
    SELECT_READOUT = 0x05
    STOP = 0x06
    HW = 0x07
    SET_REGISTER = 0x08
    ACQ_MODE = 0x09
    ACQ_TIME_HIGH = 0x0A
    CHIP_ID = 0x0B
    GET_BIAS = 0x0C
    GET_ADC = 0x0D
    GET_REGISTER = 0x0E
    SCAN_DAC = 0x0F
    SET_PIXEL = 0x10
    COMPARE_PIXELS = 0x11
    SET_PIXELS = 0x12
    FRAMES = 0x13
    SCAN_DACS = 0x14
    READOUT_TEMPERATURE = 0x15
    LEDS = 0x16
    STATUS = 0x17
    COMM_STATUS = 0x18
    SENSOR_TEMPERATURE = 0x19
    DIGITAL_TEST = 0x20
    TRIGGERS = 0x21
    ACQ_UNIT = 0x22
    SET_TRIGGER_GENERATOR = 0x23
    GET_TRIGGER_GENERATOR = 0x24
    TEST_PULSES = 0x26
    TOA_CALIBRATION_START = 0x27
    TOA_CALIBRATION_SETUP = 0x28
    TOKENS = 0x29
    BIAS_CURRENT = 0x30
    TDC_SETTINGS = 0x32
    TDC_COUNTERS = 0x33
    INTERFACE = 0x50
    USB_REDRIVER = 0x98
    PORTS = 0xF0


class Hw(IntEnum):
    """Byte 0 of `Op.HW`."""

    FLUSH_REGISTERS = 0
    UPDATE_DACS = 1
    BACK_READ_DACS = 2
    READ_TIMER = 3
    SET_TIMER = 4
    RESET_MATRIX = 5
    STOP_MATRIX = 6
    LOAD_COLUMN_PULSES = 7
    READ_COLUMN_PULSES = 8
    LOAD_PIXELS = 9
    READ_PIXELS = 10
    READ_SEQUENTIAL = 11
    READ_DATA_DRIVEN = 12
    READ_CHIP_ID = 13
    UPDATE_OUTPUT = 14
    DIGITAL_TEST = 15


KNOWN: frozenset[int] = frozenset(Op)
SILENT: frozenset[int] = frozenset({Op.START, Op.SELECT_READOUT, Op.STOP, Op.INTERFACE})
"""Never answered: to wait for it would end in a timeout."""
UNDOCUMENTED: frozenset[int] = frozenset(
    {Op.ACQ_UNIT, Op.TOA_CALIBRATION_SETUP, Op.INTERFACE, Op.USB_REDRIVER, Op.PORTS}
)
"""No public source tells what they carry or what comes back: not sent by the driver."""
ANSWER_OF: dict[int, int] = {Op.GET_TRIGGER_GENERATOR: Op.ACQ_UNIT, Op.SCAN_DACS: Op.SCAN_DAC}
"""Answers that carry another number than the command."""
ANSWERS: dict[int, int] = {Op.SCAN_DACS: 22, Op.TDC_COUNTERS: 5}
"""How many datagrams answer a command, where not one."""
PATIENCE_S: dict[int, float] = {
    Op.DIGITAL_TEST: 10.0,
    Op.TEST_PULSES: 5.0,
    Op.SET_PIXELS: 1.0,
    Op.SCAN_DACS: 5.0,
    Op.SENSOR_TEMPERATURE: 2.0,
    Op.SCAN_DAC: 2.0,
}
"""How long an answer may take, where longer than `ANSWER_S`. The first three are those of libkatherine; the
others, for which it waits no longer than for any, are ours: each converts several voltages."""
ANSWER_S = 0.1
"""How long libkatherine waits for an answer."""


def answer_of(op: int) -> int:
    """Byte 6 of the answer to a command."""
    return ANSWER_OF.get(op, op)


def answers(op: int) -> int:
    """How many datagrams answer a command; 0: none, as with any command that hardware does not know."""
    return ANSWERS.get(op, 1) if op in KNOWN and op not in SILENT else 0
