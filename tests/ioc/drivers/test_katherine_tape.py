"""A run log of a Katherine is played again: every word once, in order, with what decodes it."""

import numpy as np
import pytest
from hitline.analysis.reader import analyse
from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.formats.katherine_words import Header, Mode, encode_pixels, encode_word, to_bytes
from hitline.bus.log.block import Format, LossMethod
from hitline.bus.log.writer import LogWriter
from hitline.ioc.drivers.katherine_tape import KatherineTape
from hitline.ioc.drivers.piece import Slice
from hitline.ioc.drivers.tape import Tape, open_tape
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.patience import WAIT_S

HITS = (3000, 1, 0, 2500, 700)
"""Of the exposures."""
SETUPS = (Setup(), Setup(), Setup(), Setup(Mode.EVENT_ITOT), Setup(Mode.EVENT_ITOT))


def frame(hits, first):
    """The words of one frame; pixel n is at x = n % 256."""
    n = np.arange(first, first + hits)
    words = [
        encode_word(Header.NEW_FRAME), encode_word(Header.START_LOW, first), encode_word(Header.START_HIGH),
        *encode_pixels(n % 256, n // 256 % 256, n % 16384, n % 1000, n % 16),
        encode_word(Header.END_LOW, first + hits), encode_word(Header.END_HIGH),
        encode_word(Header.FINISHED, hits),
    ]  # fmt: skip
    return to_bytes(np.array(words, np.uint64))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run of five exposures in blocks of uneven size, 1 ms a block; and its words by exposure."""
    root = tmp_path_factory.mktemp("katherine")
    now = [1_000_000_000]

    def clock():
        now[0] += 1_000_000
        return now[0]

    writer = LogWriter(root, "kat1", block_bytes=6000, mono_ns=clock)
    writer.open("r1")
    payloads, first = [], 0
    for number, (hits, setup) in enumerate(zip(HITS, SETUPS, strict=True), 1):
        payloads.append(frame(hits, first))
        first += hits
        writer.begin(number, **setup.facts())
        for at in range(0, len(payloads[-1]), 4002):
            part = payloads[-1][at : at + 4002]
            writer.data(part, words=len(part) // 6, format=Format.KATHERINE, method=LossMethod.FRAME_COUNT)
            writer.wait(WAIT_S)
        writer.end(number, {"hits_logged": hits})
    writer.close()
    return root / "r1" / "kat1", payloads


def play(tape, until=None, **more):
    pieces = list(tape.play(until or Slice(), **more))
    return b"".join(piece.payload for piece in pieces), sum(piece.hits for piece in pieces)


@pytest.mark.parametrize("timed", [False, True])
def test_a_slice_ends_where_the_setup_changes(recorded, timed):
    path, payloads = recorded
    tape = open_tape(path)
    assert isinstance(tape, KatherineTape) and tape.facts() == Setup().facts()
    assert play(tape, timed=timed) == (b"".join(payloads[:3]), sum(HITS[:3]))
    assert not tape.at_end and tape.facts() == Setup(Mode.EVENT_ITOT).facts()
    assert play(tape, timed=timed) == (b"".join(payloads[3:]), sum(HITS[3:]))
    assert tape.at_end and tape.position == 100.0 and tape.note == ""
    tape.rewind()
    assert tape.facts() == Setup().facts() and play(tape)[1] == sum(HITS[:3])


def test_slices_to_the_next_mark_are_the_exposures(recorded):
    path, payloads = recorded
    tape = open_tape(path)
    found = [play(tape, Slice(mark=True)) for _ in HITS]
    assert found == list(zip(payloads, HITS, strict=True)) and tape.at_end


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.integers(1, 2000), min_size=1, max_size=15), timed=st.booleans())
def test_slices_of_hits_are_exact_and_lose_nothing(recorded, counts, timed):
    path, payloads = recorded
    tape = open_tape(path)
    out, left = b"", [sum(HITS[:3]), sum(HITS[3:])]
    for count in counts:
        if not sum(left):
            break
        part = 0 if left[0] else 1
        data, hits = play(tape, Slice(hits=count), timed=timed)
        assert hits == min(count, left[part]), "the setup changes between the third and the fourth"
        left[part] -= hits
        out += data
    while not tape.at_end:
        out += play(tape)[0]
    assert out == b"".join(payloads)


def test_slices_of_time_go_by_reception(recorded):
    path, payloads = recorded
    tape = open_tape(path)
    found = []
    while not tape.at_end:
        found.append(play(tape, Slice(seconds=0.003)))
    assert b"".join(data for data, _ in found) == b"".join(payloads) and len(found) > 5


def test_what_its_caller_stops_at_comes_again(recorded):
    path, payloads = recorded
    tape, out = open_tape(path), b""
    while not tape.at_end:
        pieces = tape.play(Slice(), timed=True)
        out += next(pieces).payload
        next(pieces, None)  # asked for, not played
        pieces.close()
    assert out == b"".join(payloads)


def test_files_are_tapes_as_before(tpx3):
    assert isinstance(open_tape(tpx3(100)), Tape)


async def test_a_replay_gives_the_analysis_what_the_run_gave(recorded, bench):
    """Each exposure again, with the setup that its words need."""
    path, _ = recorded
    b = await bench(path, slice="Mark")
    await b.run("again")
    for number, hits in enumerate(HITS, 1):
        await b.acquire()
        assert b["exposure"] == number and b["hits_logged"] == sum(HITS[:number]), hits
    await b.move("stop")
    again, once = analyse(b.root / "again" / "det1"), analyse(path)
    assert [row["exposure_hits"] for row in again.exposures] == list(HITS)
    assert again.lost == 0
    for name in ("image", "tot_spectrum", "hits", "tot_sum", "clusters"):
        assert np.array_equal(again.results[name], once.results[name]), name
