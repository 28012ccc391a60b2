"""A station with an axis on an emulated phyMOTION in a process of its own."""

from pathlib import Path

CLIENT = Path(__file__).parent / "motor_client.py"
STATION = """
name = "{{name}}"
prefix = "T:"
[conductor]
[instruments.box]
type = "phymotion"
process = "motion"
[instruments.box.options]
where = "tcp://127.0.0.1:{0}"
homing = "centre"
[instruments.x]
type = "axis"
process = "motion"
[instruments.x.options]
controller = "box"
low = -10.0
high = 12.0
velocity = 5.0
home_velocity = 50.0
acceleration_time = 0.05
[instruments.emu]
type = "phymotion_emulator"
[instruments.emu.options]
port = {0}
rail_steps = 20000
[faces.ca]
port = {{port}}
[faces.tango]
port = {1}
"""
