"""The repeater of beacons that each host of EPICS clients has; without EPICS base there is none.

Servers tell by beacons that they are there. One program per host, on UDP port EPICS_CA_REPEATER_PORT (5065),
hears them and passes them on to all clients; without it a client finds a server that has come back only by
searches, which get rare. libca starts the program `caRepeater` of EPICS base, and says in four lines that
there is none where pip alone has installed EPICS. Here caproto's does it, as long as this process lives.
"""

import os
import socket
import threading
import time

from caproto import CLIENT, Broadcaster, RepeaterConfirmResponse, RepeaterRegisterRequest
from caproto.sync import repeater

PORT = "EPICS_CA_REPEATER_PORT"
ANSWER_S, START_S = 0.05, 2.0


def offer(interface: str = "") -> bool:
    """Run a repeater in this process, unless the host has one; true when it is ours.

    It listens on one interface, as for a station on loopback, or on all. Clients that begin after this has
    returned find it.
    """
    port = int(os.environ.get(PORT) or 5065)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as place:
        try:
            place.bind((interface, port))
        except OSError:  # taken
            return False
    threading.Thread(target=repeater.run, args=(interface,), name="ca-repeater", daemon=True).start()
    end_s = time.monotonic() + START_S
    while not answers(port) and time.monotonic() < end_s:
        pass  # an answer is waited for each time
    return True


def answers(port: int) -> bool:
    """Whether a repeater confirms at once that it has a client."""
    registering = Broadcaster(our_role=CLIENT)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(ANSWER_S)
        client.bind(("127.0.0.1", 0))
        try:
            client.sendto(registering.send(RepeaterRegisterRequest("127.0.0.1")), ("127.0.0.1", port))
            commands = registering.recv(*client.recvfrom(1024))
        except OSError:
            return False
    return any(isinstance(command, RepeaterConfirmResponse) for command in commands)
