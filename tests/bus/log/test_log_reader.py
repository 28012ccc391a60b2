"""A good, an incomplete and a damaged run are told apart, with the reason."""

import shutil

import pytest
from hitline.bus.log.block import HEADER_BYTES, Condition, Format, Kind
from hitline.bus.log.reader import list_runs, open_run
from hitline.bus.log.recover import recover
from hitline.bus.log.runs import runs_of
from hitline.bus.log.verify import Quality, verify
from hitline.bus.log.writer import LogWriter
from kit.patience import WAIT_S
from log_tools import fill


@pytest.fixture
def folder(tmp_path):
    """A run of three exposures of 10, 20 and 30 hits in blocks of 10."""
    writer = LogWriter(tmp_path, "det1", block_bytes=80, segment_bytes=700)
    writer.open("r1")
    for exposure in (1, 2, 3):
        writer.begin(exposure)
        fill(writer, [bytes([exposure]) * 80] * exposure)
        writer.end(exposure, {"hits_logged": 10 * exposure})
    writer.close(totals={"hits_sent": 60})
    return tmp_path / "r1" / "det1"


def files(folder):
    return sorted(folder.glob("raw-*.seg"))


def block(folder, kind, nth=0):
    """(file, position) of the nth block of a kind."""
    headers = [header for header, _ in open_run(folder) if header.kind == kind]
    offset = headers[nth].offset
    file = [path for path in files(folder) if int(path.name[4:20]) <= offset][-1]
    return file, offset - int(file.name[4:20])


def flip(folder, kind, nth, at):
    file, position = block(folder, kind, nth)
    data = bytearray(file.read_bytes())
    data[position + at] ^= 1
    file.write_bytes(data)


def test_a_good_run(folder):
    verdict = verify(folder)
    assert verdict.quality is Quality.GOOD and verdict.reasons == []
    assert (verdict.hits, verdict.words, verdict.exposures, verdict.lost, verdict.bytes) == (
        60,
        60,
        3,
        0,
        480,
    )
    assert verdict.condition == "GOOD"
    assert len(files(folder)) > 1
    assert verify(folder.parent) == verdict, "the run's folder will do when it has one source"


@pytest.mark.parametrize("condition", [Condition.INCOMPLETE, Condition.ABORTED, Condition.INTERRUPTED])
def test_a_run_that_says_so_is_incomplete(tmp_path, condition):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    writer.close(condition)
    verdict = verify(tmp_path / "r1")
    assert verdict.quality is Quality.INCOMPLETE and condition.text in verdict.reasons[0]


def test_a_doubtful_run_is_not_good(tmp_path):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    writer.close(Condition.TAINTED)
    verdict = verify(tmp_path / "r1")
    assert verdict.quality is Quality.TAINTED and "TAINTED" in verdict.reasons[0]


def test_a_run_without_an_end_is_incomplete(folder):
    file, position = block(folder, Kind.CLOSE)
    file.write_bytes(file.read_bytes()[:position])
    verdict = verify(folder)
    assert verdict.quality is Quality.INCOMPLETE and "no CLOSE" in verdict.reasons[0]
    assert verdict.hits == 60 and verdict.lost is None


def test_a_torn_tail_is_incomplete_and_says_how_long(folder):
    file, position = block(folder, Kind.END, 2)
    file.write_bytes(file.read_bytes()[: position + 7])
    for path in files(folder):
        if path.name > file.name:
            path.unlink()
    verdict = verify(folder)
    assert verdict.quality is Quality.INCOMPLETE
    assert any("7 bytes of torn tail" in reason for reason in verdict.reasons)
    assert any("exposure 3 did not end" in reason for reason in verdict.reasons)
    (found,) = recover(
        folder.parent.parent, "det1", explain=lambda f: {"hits_lost": f.exposure * 1000 - f.hits}
    )
    assert (found.cut_bytes, found.exposure, found.exposure_hits, found.hits) == (7, 3, 30, 60)
    totals = open_run(folder).totals
    assert totals["condition"] == "INCOMPLETE" and totals["cut_bytes"] == 7 and totals["recovered"] is True
    assert totals["hits"] == 60 and totals["lost"] is None, "what is unknown is not shown as 0"
    assert totals["hits_lost"] == 2940
    verdict = verify(folder)
    assert verdict.quality is Quality.INCOMPLETE
    assert not any("torn" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("kind", "nth", "at", "word"),
    [
        (Kind.DATA, 2, HEADER_BYTES + 3, "checksum"),
        (Kind.DATA, 2, 60, "no blocks"),
        (Kind.BEGIN, 1, 0, "no blocks"),
        (Kind.OPEN, 0, 8, "no blocks"),
        (Kind.END, 1, HEADER_BYTES + 5, "checksum"),
    ],
)
def test_a_flipped_bit_is_damage_and_the_rest_is_read(folder, kind, nth, at, word):
    before = sum(1 for _ in open_run(folder))
    flip(folder, kind, nth, at)
    verdict = verify(folder)
    assert verdict.quality is Quality.DAMAGED
    assert any(word in reason for reason in verdict.reasons), verdict.reasons
    assert sum(1 for _ in open_run(folder)) == before - 1


def test_a_missing_segment_is_damage(folder):
    files(folder)[1].unlink()
    verdict = verify(folder)
    assert verdict.quality is Quality.DAMAGED and any("missing" in reason for reason in verdict.reasons)


def test_wrong_counts_are_damage(tmp_path):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    writer.begin(1)
    fill(writer, [bytes(80)])
    writer.end(1, {"hits_logged": 11})
    writer.close(totals={"hits": 12})
    reasons = verify(tmp_path / "r1").reasons
    assert any("exposure 1 says 11 hits, not 10" in reason for reason in reasons)
    assert any("CLOSE says 12 hits" in reason for reason in reasons)


def test_what_is_no_run_is_refused(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match="no run log"):
        open_run(tmp_path / "none")
    shutil.copytree(folder, folder.parent / "det2")
    with pytest.raises(ValueError, match="det1, det2"):
        open_run(folder.parent)
    # A copy under another name is not the run that its blocks belong to.
    shutil.copytree(folder, tmp_path / "r2" / "det1")
    assert list(open_run(tmp_path / "r2")) == []


def test_runs_are_listed_in_order(tmp_path):
    for source in ("det1", "slow"):
        writer = LogWriter(tmp_path, source)
        for run in ("b", "a", "c"):
            writer.open(run)
            if source == "det1":
                writer.begin(1)
            writer.close()
    (tmp_path / ".log").mkdir()
    (tmp_path / ".log" / "det1.log").touch()
    (tmp_path / "notes.txt").touch()
    assert [run.run for run in runs_of(tmp_path, "det1")] == ["b", "a", "c"]
    listed = list_runs(tmp_path)
    assert [(item.logged.run, item.logged.source) for item in listed] == [
        ("b", "det1"),
        ("a", "det1"),
        ("c", "det1"),
        ("b", "slow"),
        ("a", "slow"),
        ("c", "slow"),
    ]
    assert [item.totals["exposures"] for item in listed] == [1, 1, 1, 0, 0, 0]
    assert list_runs(tmp_path / "none") == []


def test_a_run_that_is_being_written_can_be_read(tmp_path):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    fill(writer, [bytes(80)] * 3)
    writer.wait(WAIT_S)
    assert sum(h.words for h, _ in open_run(tmp_path / "r1") if h.format == Format.TPX3_WORDS) == 30
    assert list_runs(tmp_path)[0].totals is None
    writer.close()
