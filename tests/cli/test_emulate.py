"""`hitline emulate`: an emulator that any client of the instrument can talk to, with knobs to type."""

import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
from cli_process import read_until
from kit.patience import WAIT_S

CHIP_ID = bytes.fromhex("0000000000000b00")
HITLINE = [sys.executable, "-c", "import sys; from hitline.cli.main import main; sys.exit(main())"]


@contextmanager
def emulator(*arguments):
    """The command, and the address that it listens at."""
    ports = ["--control-port", "0", "--data-port", "0"]
    with subprocess.Popen(
        [*HITLINE, "emulate", "katherine", *ports, *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            (line,) = read_until(process, "listening at")
            host, _, port = line.split(";")[0].split()[-1].partition(":")
            yield process, (host, int(port))
        finally:
            process.kill()


def ask(address, command=CHIP_ID):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(WAIT_S)
        client.sendto(command, address)
        return client.recv(100)


def typed(process, line):
    process.stdin.write(line + "\n")
    process.stdin.flush()


def test_it_answers_and_ends_with_its_counts():
    with emulator("--chip-id", "A2-W0007") as (process, address):
        assert ask(address).hex() == "210700000000" + "0b00"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0 and not err
        assert "hits_sent 0" in out and "commands 1" in out


def test_knobs_are_typed_while_it_runs():
    with emulator() as (process, address):
        typed(process, "drop_crd 1")
        assert read_until(process, "drop_crd = 1")
        with pytest.raises(TimeoutError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.3)
            client.sendto(CHIP_ID, address)
            client.recv(100)
        assert ask(address)[6] == 0x0B
        typed(process, "shutter Closed")
        assert read_until(process, "shutter = Closed")
        typed(process, "reboot 0")
        assert read_until(process, "reboot: done")
        for line, why in (
            ("drop 2", "2.0 is above the limit of 1.0"),
            ("nonsense", "known are beam_energy, datagram_bytes"),
            ("reboot", "takes 1 arguments"),
            ("drop 'x", "No closing quotation"),
        ):
            typed(process, line)
            assert why in process.stderr.readline()
        process.stdin.close()
        assert ask(address)[6] == 0x0B, "the end of the input ends nothing"
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--drop", "2"], "--drop: 2.0 is outside 0.0 to 1.0"),
        (["--address", "0.0.0.0"], "its own commands back"),
        (["--chip-id", "XYZ"], "XYZ"),
        (["--address", "192.0.2.1"], "it is no address of this host"),
        (["--source", "Radium"], "invalid choice: 'Radium'"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(arguments, why):
    done = subprocess.run(
        [*HITLINE, "emulate", "katherine", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=1.5 * WAIT_S,
    )  # fmt: skip
    assert done.returncode in (1, 2) and why in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("kind", "asked", "answer"),
    [
        ("phymotion", b"\x020IM0:XX\x03", b"MCM"),
        ("mcc", b"\x020IVR\x03", b"MINILOG"),
        ("pi", b"*IDN?\n", b"C-863"),
    ],
)
def test_motor_controllers_answer_as_well(kind, asked, answer):
    """Faults are arguments, and are typed while it runs."""
    with subprocess.Popen(
        [*HITLINE, "emulate", kind, "--port", "0", "--silent"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            (line,) = read_until(process, "listening at")
            port = int(line.split(";")[0].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as client:
                client.sendall(asked)
                client.settimeout(0.3)
                with pytest.raises(TimeoutError):
                    client.recv(100)
                typed(process, "silent no")
                assert read_until(process, "silent = False")
                client.settimeout(WAIT_S)
                client.sendall(asked)
                assert answer in client.recv(200)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=WAIT_S)
            assert process.returncode == 0 and not err and "telegrams 2" in out
        finally:
            process.kill()
