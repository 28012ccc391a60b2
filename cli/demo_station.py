"""The station of the demo: a recording, and emulated Katherine and stage on free ports of this computer."""

import json
import os
import socket
from contextlib import ExitStack
from pathlib import Path

from hitline.bus.station import Station

RECORDED = "suann_socket_background_serval32.tpx3"
"""Looked for in the folder that HITLINE_DATA names."""
SYNTHETIC_HITS = 100_000
SEED = 7
"""Of the emulated pixels, whose truth the scan must find."""


def find_recording(out: Path) -> Path:
    """Give the recorded file, or make one whose answer is known."""
    folder = os.environ.get("HITLINE_DATA")
    if folder and (Path(folder) / RECORDED).exists():
        return (Path(folder) / RECORDED).absolute()
    from hitline.ioc.emulators.scene import Scene
    from hitline.ioc.emulators.spidr import stream

    made = out / "synthetic.tpx3"
    with made.open("wb") as file:
        for piece, _ in stream(Scene(seed=1, rate_hz=20e3), SYNTHETIC_HITS):
            file.write(piece)
    return made


def count_hits(recording: Path) -> int:
    """Count the hits of a recording, to share them out to the exposures."""
    from hitline.analysis.recording import Recording

    return sum(len(tables["hits"]["x"]) for tables in Recording(recording).tables()) or 1


def station_text(recording: Path, slice_hits: int) -> str:
    """Return the station file of the demo; ports 0 are free ones."""
    control, local, data = free_ports(3)
    (motion,) = free_ports(1, socket.SOCK_STREAM)
    return f"""\
# The station of `hitline demo`. Start it again with: hitline up station.toml
name = "demo-{os.getpid()}"
prefix = "DEMO:"

[instruments.det1]
type = "replay"

[instruments.det1.options]
file = {json.dumps(str(recording))}
speed = "flat"
slice = "Hits"
slice_hits = {slice_hits}

[instruments.kat1]
type = "katherine"

[instruments.kat1.options]
address = "127.0.0.1"
control_port = {control}
local_control_port = {local}
data_port = {data}
polarity = "Holes"
bias_low = 0.0
bias_high = 200.0
end_timeout_s = 30.0  # an emulator on a busy computer is late, as no readout is

[instruments.emu1]
type = "katherine_emulator"
process = "emulated"

[instruments.emu1.options]
address = "127.0.0.1"
control_port = {control}
data_port = 0
client_data_port = {data}
seed = {SEED}

[instruments.rails1]
type = "phymotion_emulator"
process = "emulated"

[instruments.rails1.options]
port = {motion}
axes = ["1.1", "1.2"]

[instruments.world1]
type = "world"
process = "emulated"

[instruments.world1.options]
shutter = "Closed"
stage = "rails1"

[instruments.box1]
type = "phymotion"
process = "motion"

[instruments.box1.options]
where = "tcp://127.0.0.1:{motion}"
axes = ["1.1", "1.2"]

[instruments.x]
type = "axis"
process = "motion"

[instruments.x.options]
controller = "box1"
channel = "1.1"
low = -20.0
high = 20.0
velocity = 20.0
acceleration_time = 0.1

[instruments.y]
type = "axis"
process = "motion"

[instruments.y.options]
controller = "box1"
channel = "1.2"
low = -20.0
high = 20.0
velocity = 20.0
acceleration_time = 0.1

[workers.ana1]
source = "det1"

[workers.ana2]
source = "kat1"

[conductor]

[faces.ca]
port = 0

[faces.tango]
port = 0
"""


def free_ports(count: int, kind: socket.SocketKind = socket.SOCK_DGRAM) -> list[int]:
    """Give ports of the loopback address that nobody has at the moment."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for _ in range(count)]
        for sock in taken:
            sock.bind(("127.0.0.1", 0))
        return [int(sock.getsockname()[1]) for sock in taken]


def suggestions(station: Station, ca_port: int, tango_port: int) -> str:
    """Three things to try on the living station."""
    address = f"EPICS_CA_ADDR_LIST=127.0.0.1 EPICS_CA_AUTO_ADDR_LIST=NO EPICS_CA_SERVER_PORT={ca_port}"
    tango = f"tango://127.0.0.1:{tango_port}/hitline/{station.name}/ana1#dbase=no"
    return f"""
The station stays up until Ctrl-C. Three things to try in another terminal:

1. EPICS, with any Channel Access client:
   {address} caget {station.prefix}ANA1:Stats1:Total_RBV {station.prefix}ANA1:Stats1:MaxValue_RBV

2. Tango:
   python -c 'import tango; print(tango.DeviceProxy("{tango}").hits)'

3. ophyd, in five lines of python (with the EPICS_... settings of 1. in its environment):
   from hitline.devices import make_devices
   devices = make_devices("{station.file}")
   det = devices.det1
   det.wait_for_connection(timeout=10)
   print(det.ana1.read())
"""
