"""PI: what the emulator takes and rejects, chains, servo faults; PI's own library drives the emulator."""

import threading

import pytest
from hitline.ioc.emulators.pi.axis import Axis
from hitline.ioc.emulators.pi.device import Device
from hitline.ioc.emulators.rail import Rail
from hitline.ioc.protocols.pi.gcs import ReplyFramer
from kit.until import until


class Hand:
    """A clock that is turned by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def device(hand) -> Device:
    axes = {n: Axis(Rail(hand, (-20_000, 20_000)), 1000.0, 20.0) for n in ("1", "2")}
    return Device(axes, hand)


def ask(device: Device, *lines: str) -> bytes:
    return b"".join(device.receive("".join(f"{line}\n" for line in lines).encode()))


def ready(device: Device, hand: Hand) -> None:
    assert ask(device, "SVO 1 1 2 1", "FRF", "ERR?") == b"0\n"
    hand.now += 10
    assert ask(device, "FRF?") == b"1=1 \n2=1\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MOV 1 30", 7),
        ("MOV 1 5 2 30", 7),
        ("MOV 3 1", 23),
        ("MOV 1 1 1 2", 22),
        ("MOV 1", 24),
        ("MOV", 26),
        ("MOV 1 far", 25),
        ("VEL 1 1000", 8),
        ("VEL 1 0", 8),
        ("ACC 1 -1", 17),
        ("SPA 1 0x999 1", 54),
        ("SPA 1 0x15 5 2 0x15 5", 24),
        ("POS 1 3", 5),
        ("JUMP 1", 2),
        ("FRF? 7", 23),
    ],
)
def test_what_is_wrong_is_told_once_and_nothing_of_the_line_is_done(device, hand, line, code):
    ready(device, hand)
    assert ask(device, line) == b"", "silent, also where it was a question"
    assert ask(device, "ERR?", "ERR?") == f"{code}\n0\n".encode()
    assert ask(device, "MOV?") == b"1=0 \n2=0\n" and device.receive(b"\x05") == [b"0\n"]


@pytest.mark.parametrize("before", ["SVO 1 0", "SVO 1 1", "RBT"])
def test_nothing_moves_without_servo_and_reference(device, hand, before):
    ask(device, before)
    hand.now += 3
    assert ask(device, "MOV 1 1", "ERR?") == b"5\n"


def test_single_bytes_come_inside_of_a_line_and_stop_leaves_an_error(device, hand):
    ready(device, hand)
    assert device.receive(b"MOV 1 1") == [] and device.receive(b"\x07") == [b"\xb1\n"]
    assert device.receive(b"0\n") == [] and device.receive(b"\x05") == [b"1\n"]
    hand.now += 0.3
    assert device.receive(b"\x18") == [] and ask(device, "ERR?") == b"10\n"
    hand.now += 1
    assert device.receive(b"\x05\x04") == [b"0\n", b"90009002\n"]
    assert 0 < device.motors["1"].position < 10


def test_addresses(device, hand):
    device.address = 2
    assert ask(device, "POS?") == b"" and ask(device, "255 POS?") == b"" and device.receive(b"\x04") == []
    assert ask(device, "2 POS?") == b"0 2 1=0 \n2=0\n" and ask(device, "2 7 POS? 1") == b"7 2 1=0\n"
    assert ReplyFramer(2).feed(b"0 2 1=0 \n2=0\n0 3 1=0\n") == [["1=0", "2=0"], None]


async def test_a_controller_in_a_chain(make):
    chained = {"number": 3, "model": "C-663"}
    async with make(kind="pi", emulator=chained, controller={"address": 3}) as b:
        await b.go(2.0)
        assert b["position"] == pytest.approx(2.0) and "C-663" in b.controller.value("identity")


async def test_axes_of_one_controller(make, tmp_path):
    axes = {"axes": ("1", "2", "3", "4")}
    async with make(kind="pi", emulator={"model": "C-884", **axes}, controller=axes, channel="3") as b:
        await b.go(2.0)
        assert [rail.place for rail in b.emulator.rails.values()] == [0, 0, 2000, 0]


async def test_a_servo_that_goes_off_by_itself(make):
    async with make(kind="pi", velocity=2.0) as b:
        await b.set("target", 8.0)
        await b.until(lambda: b["moving"])
        await b.emulator.set_motion_error(True)
        await b.until(lambda: b["alarm"] == "STATE")
        assert "motion error" in b["problem"] and "-1024" in b["problem"] and not b["enabled"]
        await b.rest()
        await b.emulator.set_motion_error(False)
        await b.axis.do_clear()
        await b.until(lambda: b["enabled"])
        await b.go(1.0)
        assert b["position"] == pytest.approx(1.0) and b["alarm"] == "NO_ALARM"


async def test_the_library_of_pi_drives_the_emulator(make):
    """Start-up, reference run and moves by pipython, whose licence keeps it out of the dependencies."""
    pipython = pytest.importorskip("pipython", reason="pipython is not installed: pip install hitline[pi]")
    from pipython import pitools
    from pipython.pidevice.interfaces.pisocket import PISocket

    class Socket(PISocket):
        """The library closes twice: at the end of `with`, and when its object goes."""

        def close(self) -> None:
            if self._connected:
                super().close()

    def drive(host: str, port: int) -> tuple[str, float, bool, float]:
        with pipython.GCSDevice(gateway=Socket(host, port)) as pi:
            pitools.startup(pi, refmodes="FRF")
            homed = bool(pi.qFRF("1")["1"])
            pi.MOV("1", 3.5)
            pitools.waitontarget(pi, "1")
            at = pi.qPOS("1")["1"]
            pi.MVR("1", -1.5)
            pitools.waitontarget(pi, "1")
            with pytest.raises(pipython.GCSError, match="7"):
                pi.MOV("1", 99)
            return pi.qIDN(), at, homed, pi.qPOS("1")["1"]

    async with make(kind="pi", emulator={"referenced": False}) as b:
        host, port = b.emulator.value("listening").removeprefix("tcp://").split(":")
        await b.axis.disconnect()  # one client at a time: ERR? is told once
        found: list[tuple[str, float, bool, float]] = []
        client = threading.Thread(target=lambda: found.append(drive(host, int(port))))
        client.start()
        await until(lambda: not client.is_alive(), what="the end of PI's client")
        ((identity, first, homed, last),) = found
        assert "C-863" in identity and homed
        assert first == pytest.approx(3.5) and last == pytest.approx(2.0) and b.rail.place == 2000
