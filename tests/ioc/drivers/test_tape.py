"""A tape plays every word of a recording once, in order, however it is cut."""

import numpy as np
import pytest
from hitline.bus.log.block import Format, LossMethod
from hitline.bus.log.writer import LogWriter
from hitline.ioc.drivers.piece import Slice
from hitline.ioc.drivers.section import Timer, section
from hitline.ioc.drivers.tape import Tape
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_tools import decoded, recording

TPX3 = {"format": Format.TPX3_CHUNKS, "method": LossMethod.SOURCE}


def play(tape, until=None, **more):
    pieces = list(tape.play(until or Slice(), **more))
    return b"".join(piece.payload for piece in pieces), sum(piece.hits for piece in pieces)


@pytest.mark.parametrize("timed", [False, True])
def test_whole_it_is_the_file(tpx3, timed):
    path = tpx3(100_000)
    tape = Tape(path)
    data, hits = play(tape, timed=timed)
    assert data == path.read_bytes() and hits == 100_000
    assert tape.at_end and tape.position == 100.0 and tape.note == "" and tape.packets_lost == 0
    assert play(tape) == (b"", 0)
    tape.rewind()
    assert not tape.at_end and tape.position == 0.0
    assert play(tape)[0] == data


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=20), st.booleans())
def test_slices_of_hits_are_exact_and_lose_nothing(tmp_path_factory, counts, timed):
    path = tmp_path_factory.getbasetemp() / "slices.tpx3"
    if not path.exists():
        path.write_bytes(recording(20_000, per_chunk=37))
    tape = Tape(path)
    out, played = b"", 0
    for count in counts:
        data, hits = play(tape, Slice(hits=count), timed=timed)
        assert hits == min(count, 20_000 - played)
        assert decoded(data).x.tolist() == [n % 256 for n in range(played, played + hits)]
        played += hits
        out += data
    out += play(tape)[0]
    assert decoded(out).x.tolist() == [n % 256 for n in range(20_000)]
    assert decoded(out).chip.tolist() == decoded(path.read_bytes()).chip.tolist()
    assert tape.at_end


def test_slices_of_time_follow_the_detectors_clock(tpx3):
    tape = Tape(tpx3(100_000, spacing_ns=10_000))
    found = []
    while not tape.at_end:
        found.append(play(tape, Slice(seconds=0.1))[1])
    assert sum(found) == 100_000 and len(found) == 10
    assert all(abs(count - 10_000) <= 50 for count in found)


def test_time_goes_on_over_roll_overs_and_gaps(tpx3):
    """1 s between hits: the time in pixel words rolls over every 26.8 s."""
    tape = Tape(tpx3(100, spacing_ns=1e9, per_chunk=1))
    times = [piece.time_ns for piece in tape.play(Slice(), timed=True)]
    assert len(times) == 100
    assert np.allclose(np.diff(times), 1e9, atol=100)


def test_pieces_are_short_when_time_matters(tpx3):
    tape = Tape(tpx3(50_000, spacing_ns=1000))
    pieces = list(tape.play(Slice(), timed=True))
    assert len(pieces) >= 5 and max(piece.hits for piece in pieces) < 10_100
    assert [piece.time_ns for piece in pieces] == sorted(piece.time_ns for piece in pieces)


def test_a_caller_who_stops_finds_the_piece_again(tpx3):
    path = tpx3(200_000)
    tape = Tape(path)
    out = b""
    for _ in range(100):
        pieces = tape.play(Slice(), timed=True)
        out += next(pieces).payload
        stopped_at = next(pieces, None)
        pieces.close()
        if stopped_at is None:
            break
    assert not tape.at_end or stopped_at is None
    out += play(tape)[0]
    assert decoded(out).x.tolist() == [n % 256 for n in range(200_000)]


def test_bare_words_are_one_chip(tmp_path):
    data = np.frombuffer(recording(5000), "<u8")
    words = data[(data & np.uint64(0xFFFFFFFF)) != int.from_bytes(b"TPX3", "little")]
    path = tmp_path / "words.raw"
    path.write_bytes(words.tobytes())
    tape = Tape(path)
    assert tape.format is Format.TPX3_WORDS and tape.packets_lost is None
    first, hits = play(tape, Slice(hits=1234))
    assert hits == 1234
    assert first + play(tape)[0] == words.tobytes()


def logged(root, exposures, run="r1"):
    writer = LogWriter(root, "det1", block_bytes=1000)
    writer.open(run)
    for number, data in enumerate(exposures, 1):
        writer.begin(number)
        for at in range(0, len(data), 3000):
            writer.data(data[at : at + 3000], words=len(data) // 8, hits=0, **TPX3)
        writer.end(number, {})
    writer.close()
    return root / run / "det1"


def test_a_run_log_plays_from_mark_to_mark(tmp_path):
    parts = [recording(100), b"", recording(250), recording(50)]
    tape = Tape(logged(tmp_path, parts))
    played = [play(tape, Slice(mark=True)) for _ in parts]
    assert [hits for _, hits in played] == [100, 0, 250, 50]
    assert [data for data, _ in played] == parts
    assert tape.at_end
    tape.rewind()
    assert play(tape) == (b"".join(parts), 400)


def test_lost_packets_of_the_recording_are_counted(tmp_path):
    data = recording(5000)
    chunk = 52 * 8
    path = tmp_path / "holes.tpx3"
    path.write_bytes(data[: 10 * chunk] + data[13 * chunk :])
    tape = Tape(path)
    play(tape)
    assert tape.packets_lost == 3


def test_damage_is_played_as_it_is(tmp_path):
    data = bytearray(recording(5000))
    data[2000:2800] = bytes(range(256)) * 3 + bytes(32)
    path = tmp_path / "damaged.tpx3"
    path.write_bytes(data)
    tape = Tape(path)
    out, hits = play(tape)
    assert out == data and hits == len(decoded(out))
    tape.rewind()
    pieces = [play(tape, Slice(hits=111)) for _ in range(60)]
    assert sum(hits_ for _, hits_ in pieces) == hits
    assert len(decoded(b"".join(part for part, _ in pieces))) == hits


@pytest.mark.parametrize("cut", [1, 7, 8, 16, 400])
def test_a_file_that_is_cut_off_is_played_to_its_last_word_and_says_so(tmp_path, cut):
    data = recording(500)
    path = tmp_path / "cut.tpx3"
    path.write_bytes(data[:-cut])
    tape = Tape(path)
    out, hits = play(tape)
    assert out == data[: len(data[:-cut]) // 8 * 8]
    assert hits == len(decoded(out)) == 500 - -(-cut // 8)
    assert "cut.tpx3" in tape.note and tape.at_end


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("none.tpx3", None, "no such file"),
        ("empty.tpx3", b"", "not even one word"),
        ("short.raw", b"1234567", "7 bytes"),
        ("text.tpx3", b"This is no recording at all.", "not with a TPX3 chunk"),
        ("noise.bin", bytes(8000), "no Timepix3 packets"),
        ("table.csv", b"x,y\n1,2\n3,4\n", "bare words"),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(tmp_path, name, data, words):
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises((OSError, ValueError), match=words) as caught:
        Tape(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_folders_that_hold_no_hits_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no run log"):
        Tape(tmp_path)
    writer = LogWriter(tmp_path, "slow")
    writer.open("r1")
    writer.values({"a": 1})
    writer.close()
    with pytest.raises(ValueError, match="no data"):
        Tape(tmp_path / "r1")


@given(st.binary(max_size=2000), st.integers(0, 200))
def test_any_words_after_a_header_are_passed_on_whole(data, at):
    words = np.frombuffer(recording(20) + data[: len(data) // 8 * 8], "<u8")
    part, used = section(words, chunked=True, whole=True)
    assert used == len(words) and part.starts[0] == 0
    timed = Timer().times(part)
    assert len(timed.times) == len(part.starts) and np.all(np.diff(timed.times) >= 0)
    if 0 < at < len(words):
        head, rest = part.cut(at)
        assert head.hit_count + rest.hit_count == part.hit_count


def test_the_recorded_quad_file(suann):
    tape = Tape(suann)
    data, hits = play(tape)
    assert hits == 98_548 and data == suann.read_bytes() and tape.packets_lost == 0
    tape.rewind()
    times = [piece.time_ns for piece in tape.play(Slice(), timed=True)]
    assert 119e9 < times[-1] < 121e9
