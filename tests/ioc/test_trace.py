"""The trace of an instrument: what is written, its bounds, and that a file is read as it was written."""

import gzip
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hitline.bus.instrument import Instrument
from hitline.ioc.trace import FOLDER, Trace, trace_of
from hitline.ioc.trace_file import Header, Record, Skipped, read
from hypothesis import given
from hypothesis import strategies as st
from kit.patience import WAIT_S
from kit.until import wait_until

HEADER = Header("det1", "katherine", "0.1.0", "2026-01-31T12:00:00+00:00", {"address": "127.0.0.2"})


class Clock:
    """Counts by 1000 ns at each look."""

    def __init__(self) -> None:
        self.now = 5_000_000_000

    def __call__(self) -> int:
        self.now += 1000
        return self.now


def records(path: Path) -> list[Record | Skipped]:
    return list(read(path)[1])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "det1.trace"


def test_what_a_driver_saw(path: Path) -> None:
    trace = Trace(path, HEADER, clock_ns=Clock())
    trace.sent("control", bytes.fromhex("0000000000000b00"))
    trace.received("control", bytearray.fromhex("7b05000000000b00"))
    trace.received("data", memoryview(b"a" * 36 + b"b" * 36 + b"c" * 6), (36, 36, 6))
    trace.close()
    header, _ = read(path)
    assert header == HEADER
    assert records(path) == [
        Record(1000, True, "control", bytes.fromhex("0000000000000b00")),
        Record(2000, False, "control", bytes.fromhex("7b05000000000b00")),
        Record(3000, False, "data", b"a" * 36),
        Record(3000, False, "data", b"b" * 36),
        Record(3000, False, "data", b"c" * 6),
    ]
    assert trace.skipped == {}


def test_the_documented_form(path: Path) -> None:
    trace = Trace(path, HEADER, clock_ns=Clock())
    trace.sent("control", bytes(8))
    trace.received("data", bytes(range(33)))
    trace.close()
    assert path.read_text() == (
        '{"hitline_trace": 1, "hitline": "0.1.0", "instrument": "det1", "type": "katherine", '
        '"wall": "2026-01-31T12:00:00+00:00", "options": {"address": "127.0.0.2"}}\n'
        '{"t": 1000, "out": "control", "hex": "0000000000000000"}\n'
        '{"t": 2000, "in": "data", "base64": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"}\n'
    )


@given(
    st.integers(0, 2**63),
    st.booleans(),
    st.sampled_from(["control", "data", "serial"]),
    st.binary(max_size=99),
)
def test_records_there_and_back(t_ns: int, sent: bool, channel: str, data: bytes) -> None:
    from hitline.ioc.trace_file import _parse

    record = Record(t_ns, sent, channel, data)
    assert _parse(Path("x"), 1, record.line()) == record


def test_what_was_sent_may_change_afterwards(path: Path) -> None:
    trace = Trace(path, HEADER)
    buffer = bytearray(b"abc")
    trace.received("data", buffer)
    buffer[:] = b"xyz"
    trace.close()
    (record,) = records(path)
    assert isinstance(record, Record) and record.data == b"abc"


def test_no_channel_takes_more_than_three_quarters_and_the_file_has_an_end(path: Path) -> None:
    trace = Trace(path, HEADER, limit_bytes=100_000, clock_ns=Clock())
    for _ in range(200):
        trace.received("data", bytes(1350))
    for _ in range(1000):
        trace.sent("control", bytes(8))
    trace.close()
    found = records(path)
    data = [r for r in found if isinstance(r, Record) and r.channel == "data"]
    control = [r for r in found if isinstance(r, Record) and r.channel == "control"]
    skipped = {r.channel: r for r in found if isinstance(r, Skipped)}
    assert len(data) == 75_000 // 1845
    assert len(control) > 300
    assert path.stat().st_size < 100_000 + 1000
    assert skipped["data"].records == 200 - len(data)
    assert skipped["data"].bytes == 1350 * (200 - len(data))
    assert skipped["control"].records == 1000 - len(control)
    assert skipped == trace.skipped
    assert skipped["data"].t_ns == 1000 * (len(data) + 1), "when the first was left out"
    assert "three quarters" in skipped["data"].why


def test_a_slow_disk_costs_records_not_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = Trace(path, HEADER, queue_bytes=1000)
    go = threading.Event()
    write = trace._write
    monkeypatch.setattr(trace, "_write", lambda record: (go.wait(WAIT_S), write(record)))
    for _ in range(20):
        trace.received("data", bytes(100))
    go.set()
    trace.close()
    skipped = trace.skipped["data"]
    written = [r for r in records(path) if isinstance(r, Record)]
    assert 10 <= len(written) <= 11, "what waits, and the one that is being written"
    assert (skipped.records, skipped.bytes) == (20 - len(written), 100 * (20 - len(written)))
    assert skipped.why == "the disk was too slow"


def test_a_full_disk_ends_the_trace_and_not_the_driver(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trace = Trace(path, HEADER)

    def full(record: Record) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trace, "_write", full)
    trace.sent("control", b"x")
    trace._thread.join(WAIT_S)
    trace.sent("control", b"y")
    trace.close()
    assert f"trace {path} ends here: [Errno 28] No space left" in caplog.text


def test_from_many_threads(path: Path) -> None:
    trace = Trace(path, HEADER)
    threads = [
        threading.Thread(target=lambda n=n: [trace.received(f"c{n}", bytes([i])) for i in range(200)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trace.close()
    for n in range(4):
        mine = [r.data[0] for r in records(path) if isinstance(r, Record) and r.channel == f"c{n}"]
        assert mine == list(range(200))


def test_after_close_nothing_is_written(path: Path) -> None:
    trace = Trace(path, HEADER)
    trace.close()
    trace.sent("control", b"x")
    trace.close()
    assert records(path) == []


def test_secrets_are_left_out(path: Path) -> None:
    options = {"address": "a", "password": "hunter2", "api_token": "t", "client_secret": "s"}
    Trace(path, Header("hv1", "iseg", "0", "", options)).close()
    assert read(path)[0].options == {"address": "a"}
    assert "hunter2" not in path.read_text()


def test_a_compressed_trace_is_read(path: Path) -> None:
    trace = Trace(path, HEADER)
    trace.sent("control", bytes(8))
    trace.close()
    packed = path.with_suffix(".trace.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert records(packed) == records(path) != []


def test_a_death_costs_no_more_than_the_last_line(path: Path) -> None:
    trace = Trace(path, HEADER)
    for _ in range(3):
        trace.sent("control", bytes(8))
    trace.close()
    path.write_bytes(path.read_bytes()[:-5])
    assert len(records(path)) == 2


def test_each_record_is_on_disk_when_the_driver_waits(path: Path) -> None:
    """So that a killed process leaves all that it saw; and a file that is there is a trace."""
    trace = Trace(path, HEADER)
    trace.sent("control", bytes(8))
    wait_until(lambda: len(records(path)) == 1)
    trace.close()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", ": is no trace: the first line must hold hitline_trace"),
        ("hello\n", ": is no trace: the first line must hold hitline_trace"),
        ("[]\n", ": is no trace"),
        ('{"hitline_trace": 2}\n', ": trace of version 2, this program reads version 1"),
        (HEADER.line() + "hello\n", ":2: is no record of a trace"),
        (HEADER.line() + '{"t": 1, "in": "data"}\n', ":2: is no record of a trace"),
        (HEADER.line() + '{"t": 1, "in": "data", "hex": "0"}\n', ":2: is no record of a trace"),
        (HEADER.line() + '{"t": 1, "in": "data", "base64": "%"}\n', ":2: is no record of a trace"),
        (HEADER.line() + '{"t": 1, "hex": "00"}\n', ":2: is no record of a trace"),
    ],
)
def test_what_is_no_trace(path: Path, text: str, error: str) -> None:
    path.write_text(text)
    with pytest.raises(ValueError) as told:
        records(path)
    assert str(told.value).startswith(f"{path}{error}")


@dataclass(frozen=True)
class Options:
    trace: Path | None = None
    password: str = "x"


def instrument(options: object, folder: Path) -> Instrument:
    made = Instrument("gauge", options)
    made.station = SimpleNamespace(file=folder / "station.toml")  # type: ignore[assignment]
    return made


def test_no_trace_is_taken_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    assert trace_of(instrument(Options(), tmp_path), "gauge") is None
    assert trace_of(instrument(None, tmp_path), "gauge") is None
    assert list(tmp_path.iterdir()) == []


def test_the_option_names_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    for _ in range(2):  # a restart begins a new file
        trace = trace_of(instrument(Options(Path("traces")), tmp_path), "katherine")
        assert trace is not None
        trace.close()
    first, second = sorted((tmp_path / "traces").iterdir())
    assert first.name.startswith("gauge-") and first.suffix == ".trace"
    facts = json.loads(second.read_text().splitlines()[0])
    assert (facts["instrument"], facts["type"]) == ("gauge", "katherine")
    assert facts["options"] == {"trace": "traces"}
    assert facts["wall"].endswith("+00:00") and facts["hitline"]


def test_the_environment_names_a_folder_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path / "all"))
    trace = trace_of(instrument(None, tmp_path / "elsewhere"), "gauge")
    assert trace is not None
    trace.close()
    assert trace.path.parent == tmp_path / "all"
