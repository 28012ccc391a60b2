"""`hitline trace` and `hitline up --trace`, as a user calls them."""

import gzip
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_process import Done, read_until
from hitline.ioc.trace_file import Header, Record, Skipped
from kit.patience import WAIT_S

HEADER = Header("det1", "katherine", "0.1.0", "2026-01-31T12:00:00+00:00", {"address": "192.168.1.145"})
RECORDS = [
    Record(1_200_000, True, "control", bytes.fromhex("0000000000000b00")),
    Record(1_500_000, False, "control", bytes.fromhex("7b05000000000b00")),
    Record(2_000_000, True, "control", bytes.fromhex("0100000000000300")),
    Record(3_000_000, False, "data", bytes.fromhex("000000000070") + bytes.fromhex("45068da44041") * 9),
]


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "det1.trace"
    path.write_text(HEADER.line() + "".join(record.line() for record in RECORDS))
    return path


def test_a_trace_in_words(hitline: Callable[..., Done], trace: Path) -> None:
    done = hitline("trace", trace)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "det1 (katherine), hitline 0.1.0, 2026-01-31T12:00:00+00:00",
        "  address = 192.168.1.145",
        "     0.001200 > control  0x0b chip id",
        "     0.001500 < control  0x0b chip id: K7-W0005",
        "     0.002000 > control  0x03 start: data driven",
        "     0.003000 < data  60 bytes: 9 pixels, 1 new frame",
    ]


def test_one_channel_raw_and_compressed(hitline: Callable[..., Done], trace: Path) -> None:
    packed = trace.with_suffix(".gz")
    packed.write_bytes(gzip.compress(trace.read_bytes()))
    done = hitline("trace", packed, "--raw", "--channel", "control")
    assert done.stdout.splitlines()[2:] == [
        "     0.001200 > control  00 00 00 00 00 00 0b 00",
        "     0.001500 < control  7b 05 00 00 00 00 0b 00",
        "     0.002000 > control  01 00 00 00 00 00 03 00",
    ]


def test_what_is_missing_is_told(hitline: Callable[..., Done], trace: Path) -> None:
    with trace.open("a") as file:
        file.write(Skipped(4_000_000, "data", 7, 9492, "the file has its 64 MiB").line())
    done = hitline("trace", trace)
    assert done.returncode == 1
    assert "7 records (9492 bytes) of data: the file has its 64 MiB" in done.stderr


def test_no_trace(hitline: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello\n")
    done = hitline("trace", "a.txt")
    assert (done.returncode, done.stderr) == (
        1, "hitline: error: a.txt: is no trace: the first line must hold hitline_trace\n",
    )  # fmt: skip


def test_help_teaches(hitline: Callable[..., Done]) -> None:
    text = hitline("trace", "--help").stdout
    assert "hitline up station.toml --trace traces" in text and "--play" in text
    assert "--trace DIR" in hitline("up", "--help").stdout


def test_a_trace_is_played(
    started: Callable[..., subprocess.Popen[str]], trace: Path, free_port: int
) -> None:
    process = started("trace", trace, "--play", f"127.0.0.2:{free_port}")
    read_until(process, f"det1 answers at 127.0.0.2:{free_port}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(WAIT_S)
        client.sendto(RECORDS[0].data, ("127.0.0.2", free_port))
        assert client.recvfrom(64) == (RECORDS[1].data, ("127.0.0.2", free_port))
    process.send_signal(signal.SIGINT)
    read_until(process, "1 requests answered, 0 of them oftener than in the trace, 0 that are not in it")
    assert process.wait(WAIT_S) == 0


def test_up_passes_the_folder_on(
    hitline: Callable[..., Done], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import os

    import hitline.cli.up as up

    seen = []

    async def nothing(station: object) -> int:
        seen.append(os.environ["HITLINE_TRACE"])
        return 0

    monkeypatch.setenv("HITLINE_TRACE", "")
    monkeypatch.setattr(up, "up", nothing)
    (tmp_path / "station.toml").write_text('name = "a"\n')
    assert hitline("up", "--trace", "traces").returncode == 0
    assert seen == [str(tmp_path / "traces")]
