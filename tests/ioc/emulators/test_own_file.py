"""Emulators begin their files anew, and leave those of others as they are."""

import os
from pathlib import Path

import pytest
from hitline.ioc.emulators.own_file import begun
from hitline.ioc.emulators.serve import Line, PtyServer


def test_a_file_that_an_emulator_began_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "new/moves.txt"
    for text in ("first", "second"):
        with begun(path, "w", encoding="utf-8") as file:
            file.write(text)
    assert path.read_text() == "second"


def test_a_file_of_somebody_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "beam.tpx3"
    path.touch()
    begun(path, "wb").close()  # made for it, and empty
    other = tmp_path / "recording.tpx3"
    other.write_bytes(b"TPX3")
    with pytest.raises(ValueError, match=r"recording\.tpx3 is there already, and is not known"):
        begun(other, "wb")
    assert other.read_bytes() == b"TPX3"


async def test_a_serial_line_takes_the_place_of_one_that_was_left(tmp_path: Path) -> None:
    link = tmp_path / "ttyAxis"
    killed, server = (PtyServer(lambda data: [], Line()) for _ in range(2))
    killed.open(link)
    left = os.readlink(link)
    server.open(link)
    assert os.readlink(link).startswith("/dev/pts/") and os.readlink(link) != left
    server.close()
    assert not link.is_symlink()
    killed.close()


@pytest.mark.parametrize("kind", ["file", "link"])
async def test_a_serial_line_takes_no_other_place(kind: str, tmp_path: Path) -> None:
    real, link = tmp_path / "data", tmp_path / "ttyAxis"
    real.write_text("mine")
    if kind == "link":
        link.symlink_to(real)
    else:
        link.write_text("mine")
    with pytest.raises(FileExistsError, match="ttyAxis is there already"):
        PtyServer(lambda data: [], Line()).open(link)
    assert link.read_text() == "mine"
