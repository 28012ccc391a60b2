"""A file that grows: what comes during an exposure is played, from a whole chunk on, to the word."""

import threading
from pathlib import Path

import pytest
from hitline.ioc.drivers.tail import Tail
from hitline.ioc.emulators.scene import Scene
from hitline.ioc.emulators.spidr import Spidr, stream


@pytest.fixture(scope="module")
def pieces():
    scene = Scene(seed=3, rate_hz=1e6, side=256)
    return [data for data, _ in stream(scene, 40_000, readout=Spidr(chips=1), part_hits=4_000)]


@pytest.fixture
def path(tmp_path, pieces) -> Path:
    path = tmp_path / "live.tpx3"
    path.write_bytes(pieces[0] + pieces[1][:808])
    return path


def write(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        file.write(data)


def played(tail: Tail, *data: bytes) -> bytes:
    """What an exposure has, while so much is written."""
    halt = threading.Event()
    following = tail.follow(halt)
    found = b""
    for part in data:
        write(tail.path, part)
        found += next(following).payload
    halt.set()
    return found + b"".join(piece.payload for piece in following)


def test_what_comes_during_an_exposure_is_played_from_the_first_whole_chunk(path, pieces):
    tail = Tail(path)
    rest = pieces[1][808:]
    cut = len(pieces[3]) // 3
    found = played(tail, rest, pieces[2] + pieces[3][:cut], pieces[3][cut:])
    assert found == rest[rest.index(b"TPX3") :] + pieces[2] + pieces[3]
    assert tail.played_bytes == len(found) and tail.packets_lost == 0
    assert 8_000 < tail.played_hits < 12_000


def test_a_gap_between_exposures_is_no_loss_and_one_within_is(path, pieces):
    write(path, pieces[1][808:])
    tail = Tail(path)
    assert played(tail, pieces[2]) == pieces[2] and tail.packets_lost == 0
    write(path, pieces[3])
    assert played(tail, pieces[4]) == pieces[4] and tail.packets_lost == 0
    assert played(tail, pieces[5], pieces[7]) == pieces[5] + pieces[7] and tail.packets_lost > 0


def test_nothing_comes(path):
    tail = Tail(path)
    assert played(tail) == b"" and tail.packets_lost is None and not tail.at_end


def test_a_file_that_began_anew_is_told(path, pieces):
    following = Tail(path).follow(threading.Event())
    path.write_bytes(pieces[0])
    with pytest.raises(ValueError, match="its writer began anew"):
        next(following)


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_was_removed_or_replaced_is_told(gone, path, pieces):
    halt = threading.Event()
    following = Tail(path).follow(halt)
    write(path, pieces[2])
    next(following)
    path.rename(path.with_suffix(".old"))
    if not gone:
        path.write_bytes(pieces[0])
    halt.set()
    with pytest.raises(ValueError, match="was removed or replaced"):
        list(following)


def test_no_file(tmp_path):
    tail = Tail(tmp_path / "none.tpx3")
    with pytest.raises(FileNotFoundError, match=r"none\.tpx3"):
        tail.follow(threading.Event())
