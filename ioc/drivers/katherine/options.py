"""What the station file says about a Katherine."""

from dataclasses import dataclass, field
from pathlib import Path

from ...protocols.katherine.dacs import DACS, INDEX
from ...protocols.katherine.hardware import ChipId
from ...protocols.katherine.matrix import FORMATS
from ...protocols.katherine.profile import PROFILES
from ..logged import LogOptions
from .table import POLARITIES

_PORT = {"low": 0, "high": 65535}


@dataclass(frozen=True, kw_only=True)
class KatherineOptions(LogOptions):
    """Options of a Katherine readout."""

    address: str
    """Address or name of the readout."""
    control_port: int = field(default=1555, metadata={"low": 1, "high": 65535})
    """UDP port on which it takes commands."""
    data_port: int = field(default=1556, metadata=_PORT)
    """UDP port of this computer to which it sends hits; fixed in most firmwares."""
    local_control_port: int = field(default=1555, metadata=_PORT)
    """UDP port of this computer from which commands are sent; 0 takes a free one."""
    interface: str = ""
    """IPv4 address of this computer to use; default: the one that leads to the readout. Two readouts need an
    address each, for both send to the same port."""
    profile: str = field(default="hardware", metadata={"choices": tuple(PROFILES)})
    """How commands are coded where clients differ: hardware, or libkatherine-1 as that client does."""
    generation: str = field(default="auto", metadata={"choices": ("auto", "1", "2")})
    """Layout of the data words; auto: by the type that the readout tells."""
    chip: int = field(default=0, metadata={"low": 0, "high": 7})
    """Chip that is addressed, where a readout has several."""
    chip_id: str = ""
    """Chip that must be connected, such as K7-W0005; another one is refused. Default: any."""
    bias_low: float = field(default=0.0, metadata={"low": -1000.0, "high": 1000.0})
    """Lowest bias voltage that may be set, V. No bias can be set until the limits are given."""
    bias_high: float = field(default=0.0, metadata={"low": -1000.0, "high": 1000.0})
    """Highest bias voltage that may be set, V."""
    pixel_file: Path | None = field(default=None, metadata={"exists": True})
    """Configuration of the pixels at first; default: none masked, trims 0."""
    pixel_format: str = field(default="Auto", metadata={"choices": ("Auto", *FORMATS)})
    """Format of that file; Auto: by its suffix .bmc or .bpc, anything else is ASCII."""
    dacs: dict[str, int] = field(default_factory=dict)
    """DAC codes at first, by the names of the manual such as Vthreshold_fine; others as in libkatherine's
    example."""
    polarity: str = field(default="Electrons", metadata={"choices": POLARITIES})
    """Charge that the front end collects at first."""
    poll_s: float = field(default=1.0, metadata={"low": 0.05, "high": 60.0})
    """Time between looks at the readout, s; three without an answer, and it counts as gone."""
    end_timeout_s: float = field(default=3.0, metadata={"low": 0.1, "high": 600.0})
    """Silence beyond the time in which a frame should have ended, s; after it the exposure has failed."""
    receive_mib: int = field(default=64, metadata={"low": 1, "high": 1024})
    """Receive buffer asked of the kernel; `net.core.rmem_max` limits it."""
    trace: Path | None = None
    """Folder for a record of all that is sent and received."""

    def __post_init__(self) -> None:
        if self.bias_low > self.bias_high:
            raise ValueError(f"bias_low of {self.bias_low} V is above bias_high of {self.bias_high} V")
        for name, code in self.dacs.items():
            if name not in INDEX:
                raise ValueError(f"dacs: {name!r} is no DAC, they are {', '.join(INDEX)}")
            if not 0 <= code <= DACS[INDEX[name]].max:
                raise ValueError(f"dacs: {name} = {code} must be 0 to {DACS[INDEX[name]].max}")
        if self.chip_id:
            ChipId.parse(self.chip_id)
