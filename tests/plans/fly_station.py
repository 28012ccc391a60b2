"""A station whose stages fly: PI with pulses, phyMOTION without; a Katherine and a tpx3 stream."""

from pathlib import Path

CLIENT = Path(__file__).parent / "fly_client.py"
STATION = """
name = "{{name}}"
prefix = "T:"
[conductor]
[instruments.rails]
type = "pi_emulator"
process = "world"
[instruments.rails.options]
port = {0}
model = "C-884"
axes = ["1", "2"]
referenced = true
rail_steps = 20000
[instruments.rails2]
type = "phymotion_emulator"
process = "world"
[instruments.rails2.options]
port = {1}
[instruments.world]
type = "world"
process = "world"
[instruments.world.options]
source = "Fe55"
source_rate = 2e4
spot_mm = 3.0
stage = "rails"
[instruments.emu]
type = "katherine_emulator"
process = "world"
[instruments.emu.options]
address = "127.0.0.1"
control_port = {2}
data_port = 0
client_data_port = {4}

[instruments.stream]
type = "tpx3_stream"
process = "world"
[instruments.stream.options]
file = "live.tpx3"
[instruments.kat]
type = "katherine"
[instruments.kat.options]
address = "127.0.0.1"
control_port = {2}
local_control_port = {3}
data_port = {4}
polarity = "Holes"
bias_low = 0.0
bias_high = 200.0
[instruments.det]
type = "replay"
[instruments.det.options]
file = "live.tpx3"
follow = true
[instruments.box]
type = "pi"
process = "motion"
[instruments.box.options]
where = "tcp://127.0.0.1:{0}"
axes = ["1", "2"]
[instruments.x]
type = "axis"
process = "motion"
[instruments.x.options]
controller = "box"
channel = "1"
low = -10.0
high = 10.0
velocity = 20.0
acceleration_time = 0.1
[instruments.y]
type = "axis"
process = "motion"
[instruments.y.options]
controller = "box"
channel = "2"
low = -10.0
high = 10.0
velocity = 20.0
acceleration_time = 0.1
[instruments.stage]
type = "stage"
process = "motion"
[instruments.stage.options]
axes = ["x", "y"]
[instruments.box2]
type = "phymotion"
process = "motion"
[instruments.box2.options]
where = "tcp://127.0.0.1:{1}"
[instruments.z]
type = "axis"
process = "motion"
[instruments.z.options]
controller = "box2"
velocity = 20.0
acceleration_time = 0.1
[instruments.stage2]
type = "stage"
process = "motion"
[instruments.stage2.options]
axes = ["z", "y"]
[workers.ana1]
source = "det"
[workers.ana2]
source = "kat"
[faces.ca]
port = {{port}}
"""
