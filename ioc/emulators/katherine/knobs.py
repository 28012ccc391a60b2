"""What can be set on an emulated Katherine: options in the station file, and knobs while it runs."""

from dataclasses import dataclass, field, fields
from typing import Any

from ...protocols.katherine.hardware import ChipId

MODE_LATCHES = ("latched", "immediate")
STOPS = ("aborted", "finish", "ignore")
WORDS_DROPPED = ("none", "new_frame", "frame_finished", "offset")
CLIENT_PORTS = (1555, 1556)
"""Where the public client library binds its sockets, on all addresses."""
COLLECTS = ("either", "holes", "electrons")


def _share() -> Any:
    return field(default=0.0, metadata={"low": 0.0, "high": 1.0})


def _port(default: int) -> Any:
    return field(default=default, metadata={"low": 0, "high": 65535})


@dataclass(frozen=True, kw_only=True)
class KatherineEmulatorOptions:
    """Options of an emulated Katherine."""

    address: str = "127.0.0.2"
    """Address that it has; the public client needs another one than its own."""
    control_port: int = _port(1555)
    """Where it takes commands; 0: any."""
    data_port: int = _port(1556)
    """Where its data come from; 0: any."""
    client_data_port: int = _port(1556)
    """Where it sends data, on the host that sent the last command."""
    seed: int = 1
    """Of the pixels and of the faults."""
    gen: int = field(default=1, metadata={"choices": (1, 2)})
    """Generation of the readout: layout of data words and trigger bytes."""
    chip_id: str = "K7-W0005"
    """Chip behind it."""
    revision: int = field(default=2, metadata={"low": 0, "high": 255})
    """Hardware revision."""
    serial: int = field(default=0x1234, metadata={"low": 0, "high": 65535})
    """Serial number."""
    firmware: int = field(default=0x0105, metadata={"low": 0, "high": 65535})
    """Version of the firmware."""
    mode_latch: str = field(default="latched", metadata={"choices": MODE_LATCHES})
    """When command 0x09 takes effect: with the next flush of the registers, as in hardware, or at once."""
    on_stop: str = field(default="aborted", metadata={"choices": STOPS})
    """What a stop does to an open frame: the word of an abort, a regular end, or nothing."""
    unknown_ack: bool = False
    """Acknowledge commands without a meaning; hardware is silent."""
    datagram_bytes: int = field(default=1356, metadata={"low": 6, "high": 65502})
    """Largest data datagram."""
    loop_mhit_s: float = field(default=0.0, metadata={"low": 0.0, "high": 100.0})
    """Send a prepared loop of so many million hits per second; 0: hits as they come, in real time."""
    rate_hz: float = field(default=0.0, metadata={"low": 0.0, "high": 2e6})
    """Hits per second of a fixed scene, which no threshold or bias changes; 0: what the world sends."""
    threshold_zero_holes: float = 1650.0
    """Threshold step in the middle of the noise, for holes; a higher step is a higher threshold."""
    threshold_zero_electrons: float = 1900.0
    """The same for electrons, where a lower step is a higher threshold."""
    electrons_per_step: float = field(default=10.0, metadata={"above": 0.0})
    """Step of the threshold."""
    collects: str = field(default="either", metadata={"choices": COLLECTS})
    """Charge that the sensor gives; with the other polarity the chip sees nothing of it."""
    drop: float = _share()
    """Share of pixel-only data datagrams that are lost."""
    drop_word: str = field(default="none", metadata={"choices": WORDS_DROPPED})
    """Words that are left out."""
    drop_crd: int = field(default=0, metadata={"low": 0})
    """Answers to come that are lost."""
    drop_px_chunk: int = field(default=0, metadata={"low": 0})
    """Which datagram of the next upload is lost, from 1 on; 0: none."""
    duplicate: float = _share()
    """Share of datagrams that come twice."""
    reorder: float = _share()
    """Share of datagrams that are overtaken by the next one."""
    truncate: float = _share()
    """Share of datagrams that lose their last bytes."""
    late_ms: float = field(default=0.0, metadata={"low": 0.0, "high": 60_000.0})
    """Delay of answers and data."""
    stall: bool = False
    """Neither answers nor sends."""
    foreign: bool = False
    """A neighbouring address answers and sends as well."""
    lost_inside: int = field(default=0, metadata={"low": 0})
    """Hits of each frame that the readout itself loses, and says so."""

    def __post_init__(self) -> None:
        ChipId.parse(self.chip_id)
        if self.address in ("", "0.0.0.0"):  # noqa: S104 - refused, not bound
            raise ValueError(
                "address 0.0.0.0: a client on this host would get its own commands back as answers; "
                "give one address, such as 127.0.0.2"
            )
        if self.address == "127.0.0.1" and (
            self.control_port in CLIENT_PORTS or self.data_port in CLIENT_PORTS
        ):
            raise ValueError(
                f"address 127.0.0.1 with port {self.control_port}: a client on this host sends from "
                "127.0.0.1:1555, which would be the emulator's own address, so answers would never arrive; "
                "use 127.0.0.2, or other ports"
            )


@dataclass
class Knobs:
    """What may be changed while it runs; read by all its threads, each field as a whole."""

    mode_latch: str
    on_stop: str
    unknown_ack: bool
    datagram_bytes: int
    drop: float
    drop_word: str
    drop_crd: int
    drop_px_chunk: int
    duplicate: float
    reorder: float
    truncate: float
    late_ms: float
    stall: bool
    foreign: bool
    lost_inside: int
    trigger_channel: int = 0
    """Input on which the command `trigger` gives an edge."""
    trigger_falling: bool = False

    @property
    def quiet(self) -> bool:
        """Whether nothing is done to the data."""
        doubtful = (self.drop, self.duplicate, self.reorder, self.truncate, self.late_ms)
        return not any(doubtful) and self.drop_word == "none" and not self.foreign

    @classmethod
    def of(cls, options: KatherineEmulatorOptions) -> "Knobs":
        """As the options say."""
        return cls(**{k.name: getattr(options, k.name) for k in fields(cls) if hasattr(options, k.name)})
