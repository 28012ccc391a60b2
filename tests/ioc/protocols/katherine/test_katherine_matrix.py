"""The pixel matrix: place and bits of every pixel on the wire and in files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hitline.ioc.protocols.katherine.matrix import (
    BYTES,
    FORMATS,
    OFFSET,
    SIDE,
    FileFormat,
    Pixels,
    format_of,
    read,
    write,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


def _part(high: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.uint8, (SIDE, SIDE), elements=st.integers(0, high), fill=st.integers(0, high))


matrices = st.builds(Pixels, _part(1), _part(15), _part(1))


def one(x: int, y: int, *, mask: int = 0, trim: int = 0, pulse: int = 0) -> Pixels:
    parts = [np.zeros((SIDE, SIDE), np.uint8) for _ in range(3)]
    for part, value in zip(parts, (mask, trim, pulse), strict=True):
        part[y, x] = value
    return Pixels(*parts)


def test_offsets_of_all_pixels_by_the_closed_form() -> None:
    expected = [[256 * x + 4 * (63 - (y >> 2)) + (y & 3) for x in range(256)] for y in range(256)]
    assert OFFSET.tolist() == expected
    assert sorted(OFFSET.ravel().tolist()) == list(range(65536))


@pytest.mark.parametrize(
    ("x", "y", "offset"),
    [  # word 0 of a column holds rows 252 to 255, its last one rows 0 to 3
        (0, 255, 3), (0, 252, 0), (0, 0, 252), (0, 3, 255), (0, 4, 248), (1, 255, 259), (255, 0, 65532),
        (255, 255, 65283), (10, 20, 2560 + 4 * 58),
    ],
)  # fmt: skip
def test_offsets_by_hand(x: int, y: int, offset: int) -> None:
    stream = one(x, y, mask=1).upload()
    assert len(stream) == 65536
    assert [(i, b) for i, b in enumerate(stream) if b] == [(offset, 1)]


@pytest.mark.parametrize(
    ("trim", "byte"),
    [(0, 0), (1, 0b10000), (2, 0b01000), (4, 0b00100), (8, 0b00010), (3, 0b11000), (15, 0b11110)],
)
def test_the_chip_has_the_trim_backwards(trim: int, byte: int) -> None:
    pixels = one(7, 9, trim=trim)
    assert pixels.codes()[9, 7] == byte
    assert pixels.upload()[OFFSET[9, 7]] == byte


def test_bits_of_a_pixel() -> None:
    assert one(0, 0, mask=1).codes()[0, 0] == 0x01
    assert one(0, 0, pulse=1).codes()[0, 0] == 0x20
    assert one(0, 0, mask=1, trim=0b1010, pulse=1).codes()[0, 0] == 0b100000 | 0b0101 << 1 | 1


@settings(max_examples=20)
@given(matrices)
def test_uploads_there_and_back(pixels: Pixels) -> None:
    again = Pixels.of_upload(pixels.upload())
    assert again == pixels
    for part in ("mask", "trim", "pulse"):
        assert np.array_equal(getattr(again, part), getattr(pixels, part))


@settings(max_examples=20)
@given(arrays(np.uint8, (SIDE, SIDE), elements=st.integers(0, 63)))
def test_codes_there_and_back(codes: np.ndarray) -> None:
    assert np.array_equal(Pixels.of_codes(codes).codes(), codes)


@pytest.mark.parametrize("kind", FORMATS)
def test_files_there_and_back(kind: FileFormat, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pixels = Pixels(*(random.integers(0, high + 1, (SIDE, SIDE), np.uint8) for high in (1, 15, 1)))
    path = tmp_path / "pixels.txt"
    write(path, pixels, kind)
    assert read(path, kind) == pixels
    assert [p.name for p in tmp_path.iterdir()] == ["pixels.txt"]


def test_file_formats(tmp_path: Path) -> None:
    pixels = one(3, 5, mask=1, trim=0b0001, pulse=1)
    for name in ("a.bmc", "a.BPC", "a.txt"):
        write(tmp_path / name, pixels)
        assert read(tmp_path / name) == pixels
    index = 256 * 5 + 3
    bmc, bpc = (tmp_path / "a.bmc").read_bytes(), (tmp_path / "a.BPC").read_bytes()
    assert len(bmc) == len(bpc) == 65536
    assert bmc[index] == 0b110001  # bits of the chip: trim backwards
    assert bpc[index] == 0b100011  # natural order
    assert (tmp_path / "a.txt").read_text().splitlines()[index + 1] == "3 5 1 1 1"


@pytest.mark.parametrize(
    ("name", "kind"), [("x.bmc", "BMC"), ("x.BPC", "BPC"), ("x.txt", "ASCII"), ("x", "ASCII")]
)
def test_formats_by_suffix(name: str, kind: str) -> None:
    assert format_of(Path(name)) == kind


def test_an_old_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.bmc"
    write(path, one(1, 1, mask=1))
    write(path, one(2, 2, mask=1))
    assert read(path) == one(2, 2, mask=1)


def lines(change=lambda rows: None) -> str:
    rows = [[x, y, 0, 0, 0] for y in range(SIDE) for x in range(SIDE)]
    change(rows)
    return "\n".join(" ".join(map(str, row)) for row in rows)


def test_ascii_in_any_order_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    text = lines(lambda rows: (rows[SIDE + 2].__setitem__(2, 9), rows.reverse()))
    path.write_text("# col row thr mask test\n\n" + text.replace("\n", " # why\n", 3))
    assert read(path) == one(2, 1, trim=9)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda r: r.clear(), "0 lines of numbers: must be 65536, one for each pixel"),
        (lambda r: r.__delitem__(slice(1, None)), "1 lines of numbers: must be 65536"),
        (lambda r: r.pop(), "65535 lines of numbers: must be 65536"),
        (lambda r: r.__setitem__(1, r[0]), "65535 different pixels: must be all 65536, each once"),
        (lambda r: r[3].__setitem__(2, 16), "entry 4: trim 16 must be 0 to 15"),
        (lambda r: r[3].__setitem__(0, -1), "entry 4: column -1 must be 0 to 255"),
        (lambda r: r[3].__setitem__(1, 256), "entry 4: row 256 must be 0 to 255"),
        (lambda r: r[3].__setitem__(4, 2), "entry 4: test pulse 2 must be 0 to 1"),
        (lambda r: r[3].__setitem__(2, "x"), "not lines of column, row, trim, mask, test pulse: "),
        (lambda r: r[3].__setitem__(2, 1.5), "not lines of column, row, trim, mask, test pulse: "),
        (lambda r: r[3].pop(), "not lines of column, row, trim, mask, test pulse: "),
        (lambda r: [row.pop() for row in r], "4 numbers in a line: must be column, row, trim, mask"),
    ],
)
def test_wrong_ascii_files(tmp_path: Path, change: Callable[[list[list]], object], error: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(lines(change))
    with pytest.raises(ValueError, match=error) as told:
        read(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("suffix", ["bmc", "bpc"])
@pytest.mark.parametrize("size", [0, 65535, 65537, 131072])
def test_truncated_files(tmp_path: Path, suffix: str, size: int) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(bytes(size))
    with pytest.raises(
        ValueError, match=f"{size} bytes, a {suffix.upper()} file has 65536: damaged, or another"
    ):
        read(path)


@pytest.mark.parametrize("suffix", ["bmc", "bpc"])
def test_bits_that_no_pixel_has(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    data = bytearray(BYTES)
    data[256 * 5 + 3] = 0x41
    path.write_bytes(data)
    with pytest.raises(ValueError, match="pixel 3, 5: byte 0x41 has bits above 5, which must be 0") as told:
        read(path)
    assert str(path) in str(told.value)


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.bmc")


def _with(dtype: type = np.uint8, shape: tuple[int, ...] = (SIDE, SIDE), value: int = 0) -> np.ndarray:
    part = np.zeros(shape, dtype)
    part[5, 3] = value
    return part


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"mask": _with(value=2)}, "mask of pixel 3, 5: 2 must be 0 to 1"),
        ({"trim": _with(value=16)}, "trim of pixel 3, 5: 16 must be 0 to 15"),
        ({"pulse": _with(value=32)}, "pulse of pixel 3, 5: 32 must be 0 to 1"),
        ({"mask": _with(dtype=np.int64)}, r"mask: int64\[256, 256\]: must be uint8\[256, 256\]"),
        ({"trim": _with(shape=(256, 255))}, r"trim: uint8\[256, 255\]: must be uint8\[256, 256\]"),
    ],
)
def test_wrong_arrays(parts: dict[str, np.ndarray], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Pixels(**parts)


def test_wrong_shapes() -> None:
    with pytest.raises(ValueError, match=r"shape \(256, 255\): must be \(256, 256\)"):
        Pixels.of_codes(np.zeros((256, 255), np.uint8))
    with pytest.raises(ValueError, match="65535 bytes: must be 65536"):
        Pixels.of_upload(bytes(65535))


def test_matrices_are_compared_by_what_is_in_them_and_have_no_hash() -> None:
    assert Pixels() == Pixels() != one(0, 0, mask=1)
    assert Pixels() != "pixels"
    with pytest.raises(TypeError):
        hash(Pixels())
