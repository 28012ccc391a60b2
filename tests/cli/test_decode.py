"""`hitline decode` and `hitline scene`, as a user calls them."""

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet
import pytest
from hitline.bus.formats.katherine_words import encode_pixels, encode_word, to_bytes
from hitline.bus.log.codes import Format
from hitline.bus.log.writer import LogWriter
from hitline.cli.main import main
from hitline.ioc.emulators.scene import Scene
from hitline.ioc.emulators.spidr import Spidr, stream

HITS = ["chip", "x", "y", "toa", "tot", "ftoa", "spidr", "t", "t_unwrapped"]
TDC = ["chip", "type", "counter", "coarse35", "fine", "abs", "units12"]


def sha256(column: np.ndarray) -> str:
    assert column.dtype == np.int64
    return hashlib.sha256(column.astype("<i8").tobytes()).hexdigest()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """A generated file of 20,000 hits over 0.2 s, and the times of its hits."""
    path = tmp_path_factory.mktemp("generated") / "scene.tpx3"
    raw, truth = next(stream(Scene(rate_hz=1e5), 20_000, readout=Spidr(overtaking=0.05)))
    path.write_bytes(raw)
    return path, truth.t


def decode(*args: object) -> dict[str, np.ndarray]:
    """Run the command with an npz as its second argument; return what is in that."""
    assert main(["decode", *map(str, args)]) == 0
    with np.load(str(args[1]), allow_pickle=False) as archive:
        return dict(archive)


def test_recorded_file_to_npz(suann: Path, data: Path, tmp_path: Path) -> None:
    truth = json.loads((data / "suann_truth.json").read_text())[suann.name]
    found = decode(suann, tmp_path / "out.npz")
    assert list(found) == [*HITS, *(f"tdc_{name}" for name in TDC), "quad_image", "header"]
    for name, digest in truth["sha256_hits_le_i8"].items():
        assert sha256(found[name]) == digest, name
    tdc = truth["tdc"]
    digests = {name: tdc[f"sha256_{name}"] for name in ("coarse35", "fine", "counter")}
    digests |= {"abs": tdc["absolute"]["sha256"], "units12": tdc["absolute"]["sha256_units12"]}
    for name, digest in digests.items():
        assert sha256(found[f"tdc_{name}"]) == digest, name
    assert found["quad_image"].shape == (512, 512)
    assert sha256(found["quad_image"]) == truth["quad_image"]["sha256_le_i8_rowmajor_y_x"]
    by_time = decode(suann, tmp_path / "sorted.npz", "--sort")
    assert sha256(by_time["t_unwrapped"]) == truth["absolute_time"]["sha256_sorted"]


def test_header_tells_units_epoch_and_counts(generated: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    found = decode(generated[0], tmp_path / "out.npz")
    header = json.loads(str(found["header"]))
    assert header["units"]["hits/t_unwrapped"] == "1.5625 ns" and "timer" in header["epoch"]
    assert header["rows"] == {"hits": 20_000, "tdc": 52} and header["order"] == "stream"
    assert header["facts"]["packets_lost"] == 0 and header["words_by_type"]["0xb0"] == 20_000
    assert set(header["units"]) == {f"hits/{name}" for name in HITS} | {f"tdc/{name}" for name in TDC}


def test_order(generated: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """In the order of the stream as it is, by time when asked; the same hits both ways."""
    as_is = decode(generated[0], tmp_path / "a.npz")["t_unwrapped"]
    by_time = decode(generated[0], tmp_path / "b.npz", "--sort")
    assert np.any(np.diff(as_is) < 0)
    assert by_time["t_unwrapped"].tolist() == sorted(as_is.tolist()) == generated[1].tolist()
    assert np.all(np.diff(by_time["tdc_units12"]) >= 0)


@pytest.mark.parametrize("options", [[], ["--sort"]])
def test_every_format_holds_the_same(
    generated: tuple[Path, np.ndarray], tmp_path: Path, options: list[str]
) -> None:
    npz = decode(generated[0], tmp_path / "out.npz", *options)
    for ending in ("csv", "parquet", "h5"):
        assert main(["decode", str(generated[0]), str(tmp_path / f"out.{ending}"), *options]) == 0
    for table, names, prefix in (("hits", HITS, ""), ("tdc", TDC, "tdc_")):
        side = "" if table == "hits" else f".{table}"
        lines = np.loadtxt(tmp_path / f"out{side}.csv", np.int64, delimiter=",", skiprows=1)
        assert (tmp_path / f"out{side}.csv").read_text().splitlines()[0].split(",") == names
        arrow = pyarrow.parquet.read_table(tmp_path / f"out{side}.parquet")
        with h5py.File(tmp_path / "out.h5") as file:
            for column, name in enumerate(names):
                wanted = npz[prefix + name].tolist()
                assert lines[:, column].tolist() == wanted
                assert arrow[name].to_pylist() == wanted
                assert file[table][name][:].tolist() == wanted
            assert file["quad_image"][:].tolist() == npz["quad_image"].tolist()
            assert file["hits/t_unwrapped"].attrs["units"] == "1.5625 ns"
            headers = [json.loads(file.attrs["header"]), json.loads((tmp_path / "out.json").read_text())]
        metadata = pyarrow.parquet.read_metadata(tmp_path / f"out{side}.parquet").metadata
        assert headers == [json.loads(str(npz["header"])), json.loads(metadata[b"header"])]


def test_run_log(generated: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """A run of our own holds the same stream, in blocks that cut it anywhere."""
    raw = generated[0].read_bytes()
    writer = LogWriter(tmp_path / "log", "det1")
    writer.open("run-1")
    writer.begin(1)
    for at in range(0, len(raw), 40_000):
        part = raw[at : at + 40_000]
        assert writer.data(part, words=len(part) // 8, format=Format.TPX3_CHUNKS)
    writer.end(1, {"hits": 20_000})
    writer.close()
    one, other = decode(tmp_path / "log/run-1", tmp_path / "a.npz"), decode(generated[0], tmp_path / "b.npz")
    for name in other:
        assert name == "header" or one[name].tolist() == other[name].tolist()
    assert main(["decode", str(tmp_path / "log/run-1"), str(tmp_path / "c.npz"), "--format", "words"]) == 1


def test_damaged_block_of_a_run_log(
    generated: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left of a chunk that a lost block cut is not taken for words of another chip."""
    raw = generated[0].read_bytes()
    writer = LogWriter(tmp_path / "log", "det1", block_bytes=8192)
    writer.open("run-1")
    for at in range(0, len(raw), 8000):
        writer.data(raw[at : at + 8000], words=len(raw[at : at + 8000]) // 8, format=Format.TPX3_CHUNKS)
    writer.close()
    (segment,) = (tmp_path / "log/run-1/det1").glob("raw-*.seg")
    data = bytearray(segment.read_bytes())
    data[data.index(raw[80_000:80_100])] ^= 1
    segment.write_bytes(data)
    found = decode(tmp_path / "log/run-1", tmp_path / "a.npz")
    told = capsys.readouterr().err
    assert "1 blocks of the run log damaged or missing" in told and "words skipped" in told
    whole = decode(generated[0], tmp_path / "b.npz")
    rows = [set(zip(*(part[name].tolist() for name in HITS), strict=True)) for part in (found, whole)]
    assert rows[0] < rows[1] and len(rows[1] - rows[0]) < 2500


def test_bare_words(tmp_path: Path) -> None:
    raw, truth = next(stream(Scene(side=256, rate_hz=1e5), 2000))
    words = [word for word in np.frombuffer(raw, "<u8").tolist() if word & 0xFFFFFFFF != 0x33585054]
    (tmp_path / "words.raw").write_bytes(np.array(words, "<u8").tobytes())
    found = decode(tmp_path / "words.raw", tmp_path / "out.npz", "--sort")
    assert found["t_unwrapped"].tolist() == truth.t.tolist()


@pytest.mark.parametrize("mode", ["toa_tot", "toa", "event_itot"])
def test_katherine_words(mode: str, tmp_path: Path) -> None:
    pixels = encode_pixels([1, 2, 2], [7, 8, 8], [100, 200, 300], [10, 20, 30], [1, 2, 3])
    marks = [encode_word(7), encode_word(5, 1), *pixels, encode_word(2, 99), encode_word(0xC, 4)]
    (tmp_path / "frames.kat").write_bytes(to_bytes(np.array([int(word) for word in marks], np.uint64)))
    found = decode(tmp_path / "frames.kat", tmp_path / "out.npz", "--mode", mode)
    if mode == "event_itot":
        assert found["counted_itot"].tolist() == [100, 200, 300]
        assert found["counted_events"].tolist() == [10, 20, 30] and found["counted_frame"].tolist() == [
            1,
            1,
            1,
        ]
        assert found["t_unwrapped"].tolist() == []
    else:
        assert found["t_unwrapped"].tolist() == [((1 << 14) + n * 100) * 16 - n for n in (1, 2, 3)]
        assert found["tot"].tolist() == ([10, 20, 30] if mode == "toa_tot" else [0, 0, 0])
        assert found["frame"].tolist() == [1, 1, 1]
    assert found["mark_header"].tolist() == [7, 2, 0xC] and found["mark_value"].tolist() == [0, 99, 4]
    assert found["frame_missing"].tolist() == [1]
    assert found["image"].shape == (256, 256) and found["image"][8, 2] == 2


def test_damage_is_told_and_the_rest_decoded(
    generated: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = bytearray(generated[0].read_bytes())
    raw[0:1] = b"t"
    broken = tmp_path / "broken.tpx3"
    broken.write_bytes(raw[:-3])
    found = decode(broken, tmp_path / "out.npz", "--format", "tpx3")
    told = capsys.readouterr().err
    assert (
        "1 places where a chunk header was missing" in told and "5 bytes of an incomplete last word" in told
    )
    assert "1 words missing at the end" in told
    assert 19_700 < len(found["t"]) < 20_000


@pytest.mark.parametrize(
    ("name", "content", "out", "text"),
    [
        ("none.tpx3", None, "out.npz", "No such file"),
        ("empty.tpx3", b"", "out.npz", "is empty"),
        ("noise.tpx3", b"\x01\x02" * 500, "out.npz", "no chunk header in 1000 bytes"),
        ("noise.dat", b"\x01\x02" * 500, "out.npz", "name the format: tpx3, words, katherine"),
        ("folder", "folder", "out.npz", "no run log here"),
        ("scene", "scene", "out.txt", "cannot write .txt; use .npz, .csv, .parquet, .h5"),
        ("scene", "scene", "out", "a file without ending"),
        ("scene", "scene", "missing/out.npz", "no such folder"),
    ],
)
def test_errors_in_one_line(
    name: str,
    content: bytes | str | None,
    out: str,
    text: str,
    generated: tuple[Path, np.ndarray],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = generated[0] if content == "scene" else tmp_path / name
    if content == "folder":
        source.mkdir()
    elif isinstance(content, bytes):
        source.write_bytes(content)
    before = sorted(tmp_path.rglob("*"))
    assert main(["decode", str(source), str(tmp_path / out)]) == 1
    told = capsys.readouterr().err
    assert text in told and told.startswith("hitline: error: ") and told.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before, "nothing half made is left behind"


def test_the_recording_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = tmp_path / "data.h5"
    both.write_bytes(b"TPX3 and more")
    assert main(["decode", str(both), str(both)]) == 1
    assert "is the recording itself" in capsys.readouterr().err and both.read_bytes() == b"TPX3 and more"


def test_side_files_of_an_earlier_export_go(generated: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    assert main(["decode", str(generated[0]), str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.tdc.csv").exists()
    raw, _ = next(stream(Scene(), 100, readout=Spidr(tdc_hz=0)))
    (tmp_path / "plain.tpx3").write_bytes(raw)
    assert main(["decode", str(tmp_path / "plain.tpx3"), str(tmp_path / "out.csv"), "--force"]) == 0
    assert not (tmp_path / "out.tdc.csv").exists()


def test_scene_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        args = ["scene", str(tmp_path / f"{name}.tpx3"), "--hits", "1e4", "--rate", "1e6", "--seed", "7"]
        assert main(args) == 0
    assert "10000 hits over 0.01 s" in capsys.readouterr().out
    assert (tmp_path / "a.tpx3").read_bytes() == (tmp_path / "b.tpx3").read_bytes()
    assert len(decode(tmp_path / "a.tpx3", tmp_path / "a.npz")["t"]) == 10_000
    assert main(["scene", str(tmp_path / "a.dat")]) == 1
    assert main(["scene", str(tmp_path / "a.tpx3"), "--rate", "0"]) == 1
    assert main(["scene", str(tmp_path / "a.tpx3"), "--hits", "-1"]) == 2
    assert "-1 is not a whole number" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(generated: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    """And nobody else does: without a terminal stderr stays empty."""
    command = [
        sys.executable,
        "-m",
        "hitline.cli.main",
        "decode",
        str(generated[0]),
        str(tmp_path / "out.npz"),
        "--force",
    ]
    assert subprocess.run(command, check=True, capture_output=True).stderr == b""
    outside, inside = pty.openpty()
    try:
        subprocess.run(
            command, check=True, stderr=inside, stdout=subprocess.DEVNULL, env=os.environ | {"TERM": "xterm"}
        )
        assert b"scene.tpx3" in os.read(outside, 4096)
    finally:
        os.close(inside)
        os.close(outside)
