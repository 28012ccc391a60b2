"""The repeater of beacons: libca finds one, and what it hears it passes on; one is enough for a host."""

import os
import subprocess
import sys

import pytest
from kit.ports import free_ports

STATION = """
name = "repeated"
prefix = "T:"
interface = "127.0.0.1"
[faces.ca]
port = {port}
"""
SESSION = """
import socket, sys
from caproto import SERVER, Beacon, Broadcaster
from hitline.devices import make_devices
from hitline.devices.repeater import offer
from kit.patience import WAIT_S
make_devices("station.toml", "pyepics").station
print(offer("127.0.0.1"))
import epics
epics.PV("T:Nobody")
heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
heard.settimeout(WAIT_S)
heard.bind(("127.0.0.1", 0))
port = int(sys.argv[1])
heard.sendto(b"", ("127.0.0.1", port))  # so register old clients, and get no answer
beacon = Broadcaster(our_role=SERVER).send(Beacon(13, 5064, 7, "127.0.0.1"))
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    while True:
        server.sendto(beacon, ("127.0.0.1", port))
        if heard.recv(1024) == beacon:
            break
heard.close()
print("heard", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def session(tmp_path):
    port, repeater = free_ports(2)
    (tmp_path / "station.toml").write_text(STATION.format(port=port))
    env = {**os.environ, "EPICS_CA_REPEATER_PORT": str(repeater), "PATH": "/nowhere"}
    begun = []

    def begin():
        argv = [sys.executable, "-W", "error::ResourceWarning:hitline", "-c", SESSION, str(repeater)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        begun.append(subprocess.Popen(argv, text=True, env=env, cwd=tmp_path, **pipes))
        return begun[-1]

    yield begin
    for process in begun:
        process.communicate()


def test_the_first_session_is_the_repeater_of_the_host(session):
    """offer() says False in both: the devices of the first have done it, and the second needs none."""
    first = session()
    assert [first.stdout.readline(), first.stdout.readline()] == ["False\n", "heard\n"]
    second = session()
    said, trouble = second.communicate()
    assert said == "False\nheard\n" and "caRepeater" not in trouble, trouble
    _, trouble = first.communicate()
    assert "caRepeater" not in trouble, trouble
