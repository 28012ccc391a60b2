"""The attributes and commands of a Katherine beyond those of every readout."""

from hitline.bus.attribute import Attribute, Command
from hitline.bus.states import OPERATING, State

from ...protocols.katherine.dacs import DACS, MONITORS, THRESHOLD_MAX
from ...protocols.katherine.matrix import FORMATS, SIDE
from ...protocols.katherine.registers import CLOCKS_MHZ, PHASES

MODES = ("ToA+ToT", "ToA", "Events+iToT")
READOUTS = ("Data driven", "Sequential")
POLARITIES = ("Holes", "Electrons")
EDGES = ("Off", "Rising", "Falling")
PULSES = ("Off", "Analogue", "Digital", "External")
IDLE = (State.INIT, State.ORBIT, State.RUN)


def dac_attribute(name: str) -> str:
    """Name of the attribute that sets a DAC."""
    return f"dac_{name.lower()}"


def _pv(name: str) -> str:
    return "Dac" + "".join(part[:1].upper() + part[1:] for part in name.split("_"))


IDENTITY = (
    Attribute("address", "str", "Address of the readout."),
    Attribute("chip_id", "str", "Chip, as in K7-W0005."),
    Attribute("hardware", "str", "Type of the readout. The code where it is not known."),
    Attribute("generation", "int", "Generation of the readout. Decides the layout of its words."),
    Attribute("hardware_revision", "int", "Revision of the hardware."),
    Attribute("serial_number", "int", "Serial number of the readout.", pv="SerialNumber_RBV"),
    Attribute("firmware", "int", "Version of the firmware.", pv="FirmwareVersion_RBV"),
    Attribute("link_lines", "int", "Mask of active lines to the chip."),
    Attribute("link_rate", "float", "Rate of the lines. Its unit is disputed between sources.", unit="Mb/s"),
    Attribute("link_chips", "int", "Chips detected. While measuring only a flag."),
    Attribute("answer_ms", "float", "Time of the last answer.", unit="ms", precision=2),
    Attribute("answers_missing", "int", "Commands that were not answered in time."),
    Attribute("answers_stray", "int", "Control datagrams that nobody waited for."),
)
ENVIRONMENT = (
    Attribute("readout_temperature", "float", "Temperature of the readout board.", unit="C", precision=1),
    Attribute(
        "sensor_temperature", "float", "Temperature of the chip. Not while acquiring.", unit="C", precision=1
    ),
    Attribute("adc_channel", "int", "ADC channel that is shown.", access="rw", low=0, high=255),
    Attribute("adc_voltage", "float", "Voltage of the ADC channel.", unit="V", precision=4),
    Attribute(
        "monitor", "enum", "DAC output that is measured.", access="rw", choices=tuple(n for _, n in MONITORS)
    ),
    Attribute("monitor_voltage", "float", "Voltage of the DAC output.", unit="V", precision=4),
    Attribute(
        "dac_voltages", "<f4", "Voltages of all DAC outputs. By Scan DACs.", unit="V", shape=(len(MONITORS),)
    ),
)
BIAS = (
    Attribute(
        "voltage_set",
        "float",
        "Bias voltage wanted.",
        unit="V",
        precision=1,
        access="rw",
        low=-1000.0,
        high=1000.0,
        busy="ramping",
        pv="VSet",
    ),
    Attribute("ramping", "bool", "The bias is on its way.", pv="Ramping_RBV"),
    Attribute("voltage_measured", "float", "Bias voltage, measured.", unit="V", precision=1, pv="VMon_RBV"),
    Attribute(
        "current_measured",
        "float",
        "Leakage current. Second generation, not while acquiring.",
        unit="uA",
        precision=3,
        pv="IMon_RBV",
    ),
)
CHIP = (
    Attribute(
        "threshold",
        "int",
        "Threshold. 160 fine steps are a coarse one.",
        access="rw",
        low=0,
        high=THRESHOLD_MAX,
        busy="configuring",
    ),
    *(
        Attribute(
            dac_attribute(dac.name),
            "int",
            f"DAC {dac.name}. As written, the chip truncates.",
            access="rw",
            low=0,
            high=dac.max,
            busy="configuring",
            pv=_pv(dac.name),
        )
        for dac in DACS
    ),
    Attribute("configuring", "bool", "The chip is being set up.", pv="Configuring_RBV"),
    Attribute("configured", "bool", "The chip has what is shown here. False after a restart."),
    Attribute(
        "pixel_file",
        "str",
        "File of the pixel configuration. Set to load and upload.",
        access="rw",
        busy="configuring",
    ),
    Attribute("pixel_format", "enum", "Format of the pixel file.", access="rw", choices=("Auto", *FORMATS)),
    Attribute(
        "pixels",
        "u1",
        "Configuration of each pixel. Bit 0 mask, 1 to 4 trim (LSB first), 5 test pulse.",
        shape=(SIDE, SIDE),
        access="rw",
        busy="configuring",
    ),
    Attribute("pixels_masked", "int", "Pixels that are off."),
    Attribute("pixels_pulsed", "int", "Pixels that take test pulses."),
    Attribute("digital_test", "int", "Good patterns of the digital test. 64 is a pass."),
)
ACQUISITION = (
    Attribute("mode", "enum", "What pixels measure.", access="rw", choices=MODES, pv="OperatingMode"),
    Attribute("readout", "enum", "How pixels are read.", access="rw", choices=READOUTS),
    Attribute(
        "fast", "bool", "Fast oscillator. Fine time, at 40 MHz only.", access="rw", pv="FastOscillator"
    ),
    Attribute("polarity", "enum", "Charge that is collected.", access="rw", choices=POLARITIES),
    Attribute(
        "frames",
        "int",
        "Frames of an exposure. Data driven: 1.",
        access="rw",
        low=1,
        high=2**32 - 1,
        pv="NumImages",
    ),
    Attribute("frame", "int", "Frame of the exposure that goes on.", pv="NumImagesCounter_RBV"),
    Attribute("clock", "enum", "Pixel clock in MHz.", access="rw", choices=tuple(map(str, CLOCKS_MHZ))),
    Attribute("phases", "enum", "Phases of the pixel clock.", access="rw", choices=tuple(map(str, PHASES))),
    Attribute("start_edge", "enum", "Trigger that opens the shutter.", access="rw", choices=EDGES),
    Attribute("start_channel", "int", "Input of the start trigger.", access="rw", low=0, high=15),
    Attribute("start_delayed", "bool", "Keep the shutter closed until then.", access="rw"),
    Attribute("stop_edge", "enum", "Trigger that closes the shutter.", access="rw", choices=EDGES),
    Attribute("stop_channel", "int", "Input of the stop trigger.", access="rw", low=0, high=15),
    Attribute("pulses", "enum", "Test pulses.", access="rw", choices=PULSES),
    Attribute("pulse_count", "int", "Test pulses of an exposure.", access="rw", low=1, high=65535),
    Attribute(
        "pulse_period",
        "int",
        "Clocks between test pulses. 65 to 16321, steps of 64.",
        access="rw",
        low=65,
        high=16321,
    ),
    Attribute("pulse_phase", "int", "Phase of test pulses.", access="rw", low=0, high=15),
    Attribute(
        "pulse_amplitude",
        "float",
        "Amplitude of test pulses. By VTP_coarse and VTP_fine.",
        unit="mV",
        precision=1,
    ),
)
STREAM = (
    Attribute("order_checked", "bool", "Order of words is checked. Never: they have no counter."),
    Attribute("datagrams", "int", "Datagrams of this run."),
    Attribute("receive_buffer", "int", "Receive buffer that the kernel granted.", unit="B"),
    Attribute("kernel_drops", "int", "Datagrams that the kernel dropped.", alarms=(None, None, None, 1.0)),
    Attribute("datagrams_foreign", "int", "Data datagrams from other hosts.", alarms=(None, None, 1.0, None)),
    Attribute(
        "datagrams_cut", "int", "Datagrams with part of a word. Or too long.", alarms=(None, None, 1.0, None)
    ),
    Attribute("words_unknown", "int", "Words without a public meaning.", alarms=(None, None, 1.0, None)),
    Attribute("trigger_words", "int", "Trigger words of this run. Kept raw in the log."),
    Attribute(
        "pixels_lost_inside", "int", "Hits that the readout lost itself.", alarms=(None, None, None, 1.0)
    ),
    Attribute("frame_start", "int", "Start of the last frame.", unit="25 ns"),
    Attribute("frame_end", "int", "End of the last frame.", unit="25 ns"),
)
KATHERINE = (*IDENTITY, *ENVIRONMENT, *BIAS, *CHIP, *ACQUISITION, *STREAM)

KATHERINE_COMMANDS = (
    Command("configure", "Set up the whole chip.", states=OPERATING, busy="configuring"),
    Command("scan_dacs", "Measure all DAC outputs. Not while acquiring.", states=OPERATING),
    Command("test_digital", "Run the digital test. Up to 10 s.", states=OPERATING, busy="configuring"),
    Command(
        "save_pixels", "Write the pixel configuration to a file.", args=(("path", "str"),), states=OPERATING
    ),
)
