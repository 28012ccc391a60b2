"""An instrument written by docs/bus.md with zmq and msgpack only: a thermometer with a setpoint.

python bare_instrument.py GROUP
"""

import hashlib
import socket
import struct
import sys
import time

import msgpack
import zmq

NAME = "Bare.thermometer"
EPOCH = time.time_ns()
STATES = {0x10: "NEW", 0x20: "INIT", 0xE0: "SAFE", 0xF0: "ERROR"}
TABLE = {
    "protocol": "1.0",
    "schema": "1.0",
    "name": "thermometer",
    "kinds": [],
    "epoch": EPOCH,
    "arrays": 0,
    "attributes": {
        "temperature": {"dtype": "float", "doc": "Sample temperature", "unit": "K"},
        "settling": {"dtype": "bool", "doc": "On its way"},
        "setpoint": {
            "dtype": "float",
            "doc": "Wanted temperature",
            "unit": "K",
            "access": "rw",
            "low": 0.0,
            "high": 100.0,
            "busy": "settling",
        },
    },
    "commands": {},
}
state, values, seqs = 0x10, {"temperature": 4.2, "settling": False, "setpoint": 4.2}, {}
for key in values:
    seqs[key] = 1


def pack(*objects):
    return b"".join(map(msgpack.packb, objects))


def header(protocol, *rest):
    return pack(protocol + "\x01", NAME, msgpack.Timestamp.from_unix_nano(time.time_ns()), *rest)


def unpack(frame):
    unpacker = msgpack.Unpacker()
    unpacker.feed(frame)
    return list(unpacker)


def quality(name):
    return {"seq": seqs[name], "sev": 0, "epoch": EPOCH}


def publish(name, value=None, again=False):
    if not again:
        values[name] = value
        seqs[name] += 1
    tags = quality(name) | ({"again": True} if again else {})
    unit = TABLE["attributes"][name].get("unit", "")
    metrics.send_multipart(
        [f"STAT/{name.upper()}".encode(), header("CMDP", tags), pack(values[name], 0, unit)]
    )


def beat(flags=0):
    heart.send_multipart([header("CHP", state, flags, 500), b"all is well"])


def answer(verb, payload):
    """Return type, text, payload, tags."""
    global state
    if verb == "get_name":
        return 1, NAME, None, {}
    if verb == "get_state":
        return 1, STATES[state], state, {"last_changed": msgpack.Timestamp.from_unix_nano(EPOCH)}
    if verb == "get_commands":
        return 1, "few", {"get_name": "", "get_state": "", "describe": "", "get": "", "set": ""}, {}
    if verb == "describe":
        return 1, "tables", TABLE, {}
    if verb == "get" and not payload:
        return 1, "all", {n: {"value": v, "time_ns": EPOCH, **quality(n)} for n, v in values.items()}, {}
    if verb == "get" and payload[0] in values:
        return 1, payload[0], values[payload[0]], {"time_ns": EPOCH, **quality(payload[0])}
    if verb == "set" and payload[0] == "setpoint":
        if payload[1] > 100:
            return 3, f"setpoint: {payload[1]} K is above the limit of 100 K", None, {"code": "limit"}
        publish("settling", True)
        publish("setpoint", payload[1])
        settle_at.append(time.monotonic() + 0.1)
        return 1, "accepted", payload[1], {"busy": seqs["settling"]}
    if verb == "initialize" and state != 0x20:
        state = 0x20
        beat(0x80)
        return 1, "transitioning", "initialize", {}
    if verb in ("launch", "start", "stop", "land", "initialize"):
        return 4, f"{verb} is not possible here", None, {"code": "state"}
    return 5, f"no command {verb}", None, {"code": "unknown"}


def chirp(kind, service, port):
    group, me = (hashlib.md5(text.lower().encode()).digest() for text in (sys.argv[1], NAME))
    datagram = struct.pack(">6sB16s16sBH", b"CHIRP\x01", kind, group, me, service, port)
    multicast.sendto(datagram, ("239.192.7.123", 7123))


context = zmq.Context()
control, heart, metrics = (context.socket(kind) for kind in (zmq.ROUTER, zmq.XPUB, zmq.XPUB))
ports = {}
for service, sock in ((1, control), (2, heart), (3, metrics)):
    if sock is not control:
        sock.setsockopt(zmq.XPUB_VERBOSER, 1)
    ports[service] = sock.bind_to_random_port("tcp://127.0.0.1")
multicast = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
multicast.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
multicast.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
multicast.bind(("", 7123))
multicast.setsockopt(
    socket.IPPROTO_IP,
    socket.IP_ADD_MEMBERSHIP,
    socket.inet_aton("239.192.7.123") + socket.inet_aton("127.0.0.1"),
)
settle_at = []
poller = zmq.Poller()
for sock in (control, heart, metrics, multicast):
    poller.register(sock, zmq.POLLIN)
for service, port in ports.items():
    chirp(2, service, port)
due = 0.0
while True:
    ready = dict(poller.poll(50))
    if control in ready:
        frames = control.recv_multipart()
        split = frames.index(b"") + 1
        verb = unpack(frames[split + 1])[1].lower()
        payload = unpack(frames[split + 2])[0] if len(frames) > split + 2 else None
        kind, text, result, tags = answer(verb, payload)
        body = [header("CSCP", tags), pack(kind, text)] + ([pack(result)] if result is not None else [])
        control.send_multipart(frames[:split] + body)
    if heart in ready and heart.recv()[:1] == b"\x01":
        beat()
    if metrics in ready:
        message = metrics.recv()
        if message.startswith(b"\x01STAT/"):
            for each in values:
                publish(each, again=True)
    if multicast.fileno() in ready:
        datagram = multicast.recv(1024)
        if len(datagram) == 42 and datagram[6] == 1 and datagram[39] in ports:
            chirp(2, datagram[39], ports[datagram[39]])
    if settle_at and time.monotonic() > settle_at[0]:
        settle_at.clear()
        publish("temperature", values["setpoint"])
        publish("settling", False)
    if time.monotonic() > due:
        due = time.monotonic() + 0.4
        beat()
