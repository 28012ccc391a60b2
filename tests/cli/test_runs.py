"""`hitline runs`, as a user calls it: a good, an incomplete and a damaged run are told apart."""

import json
from pathlib import Path

import pytest
from hitline.bus.log.block import Condition, Format, LossMethod
from hitline.bus.log.writer import LogWriter

WORDS = {"words": 100, "hits": 90, "format": Format.TPX3_WORDS}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three runs of det1: one good, one that nobody closed, one with a flipped bit."""
    root = tmp_path / "runs"
    for run in ("good_1", "open_1", "bad_1"):
        writer = LogWriter(root, "det1")
        writer.open(run, file="somewhere.tpx3")
        for exposure in (1, 2):
            writer.begin(exposure)
            writer.data(bytes(800), method=LossMethod.SOURCE, **WORDS)
            how = {} if exposure == 1 else {"ended": "stopped", "by": "alice@desk", "condition": "INCOMPLETE"}
            writer.end(exposure, {"hits_logged": 90, "hits_lost": 0}, **how)
        writer.close()
    file = root / "open_1" / "det1" / "raw-0000000000000000.seg"
    file.write_bytes(file.read_bytes()[:-200])
    file = root / "bad_1" / "det1" / "raw-0000000000000000.seg"
    raw = bytearray(file.read_bytes())
    raw[1000] ^= 1
    file.write_bytes(raw)
    return root


@pytest.mark.parametrize(
    ("run", "code", "word", "why"),
    [
        ("good_1", 0, "good", "GOOD"),
        ("open_1", 1, "incomplete", "no CLOSE block"),
        ("bad_1", 2, "damaged", "checksum"),
    ],
)
def test_verify_says_which_sort_it_is(hitline, data, run, code, word, why):
    for name in ((data / run), (data / run / "det1"), run):
        done = hitline("runs", "verify", name, "--data", data)
        assert done.returncode == code and word in done.stdout and why in done.stdout, done
    done = hitline("runs", "verify", run, "--data", data, "--json")
    (verdict,) = json.loads(done.stdout)
    assert verdict["quality"] == word and verdict["run"] == run and done.returncode == code
    assert verdict["lost"] == (None if run == "open_1" else 0)


def test_a_data_folder_stands_for_all_its_runs(hitline, data):
    assert hitline("runs", "list", data).stdout == hitline("runs", "list", "--data", data).stdout
    assert hitline("runs", "verify", data).returncode == 2


def test_verify_of_all_gives_the_worst(hitline, data):
    done = hitline("runs", "verify", "--data", data)
    assert (
        done.returncode == 2
        and [word in done.stdout for word in ("good", "incomplete", "damaged")] == [True] * 3
    )


def test_list_shows_what_is_known_and_no_more(hitline, data):
    done = hitline("runs", "list", "--data", data)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.returncode == 0 and [line[0] for line in lines] == ["run", "good_1", "open_1", "bad_1"]
    assert lines[1][4:7] == ["2", "180", "0"] and lines[1][-1] == "GOOD"
    assert lines[2][4:7] == ["unknown"] * 3 and lines[2][-2:] == ["not", "closed"]
    listed = json.loads(hitline("runs", "list", "--data", data, "--json").stdout)
    assert [item["closed"] for item in listed] == [True, False, True]
    assert listed[0]["totals"]["hits"] == 180


def test_show_tells_facts_and_exposures(hitline, data):
    done = hitline("runs", "show", "good_1", "--data", data)
    assert done.returncode == 0 and "somewhere.tpx3" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()[-3:]]
    assert rows[0] == ["exposure", "hits_logged", "hits_lost", "condition", "ended"]
    assert rows[1:] == [["1", "90", "0"], ["2", "90", "0", "INCOMPLETE", "stopped:", "alice@desk"]]
    about = json.loads(hitline("runs", "show", data / "good_1", "--json").stdout)
    assert about["totals"]["condition"] == "GOOD" and len(about["exposures"]) == 2
    assert "nothing that can be read" in hitline("runs", "show", "open_1", "--data", data).stdout


def test_logs_of_before_tell_how_exposures_ended_as_far_as_they_do(hitline, tmp_path):
    writer = LogWriter(tmp_path, "det1")
    writer.open("old")
    for exposure, how in enumerate(({}, {"stopped": True}, {"stopped": True, "error": "no answer"}), 1):
        writer.begin(exposure)
        writer.end(exposure, {"hits_logged": 0}, **how)
    writer.close()
    rows = hitline("runs", "show", "old", "--data", tmp_path).stdout.splitlines()[-3:]
    assert [row.split(maxsplit=2)[2:] for row in rows] == [[], ["stopped"], ["failed: no answer"]]


@pytest.mark.parametrize(
    ("totals", "lost"),
    [
        ({"hits_lost": 7}, 7),
        ({"hits_lost": None}, None),
        ({"lost": None}, None),
        ({"lost": 3}, 3),
        ({}, 0),
    ],
)
def test_list_verify_and_json_have_one_account_of_loss(hitline, tmp_path, totals, lost):
    writer = LogWriter(tmp_path, "det1")
    writer.open("r1")
    writer.close(Condition.GOOD, totals)
    shown = "unknown" if lost is None else str(lost)
    assert hitline("runs", "list", "--data", tmp_path).stdout.splitlines()[1].split()[6] == shown
    (verdict,) = json.loads(hitline("runs", "verify", "r1", "--data", tmp_path, "--json").stdout)
    assert verdict["lost"] == lost


def test_the_data_folder_is_that_of_the_station(hitline, data, tmp_path):
    (tmp_path / "station.toml").write_text('name = "s"\n')
    assert "good_1" in hitline("runs", "list").stdout
    assert hitline("runs", "verify", "good_1").returncode == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("verify", "none"), "no station file to look up"),
        (("list",), "no station file"),
        (("list", "--data", "nowhere"), "no data folder"),
        (("show", "--data", "."), "show wants one RUN"),
        (("verify", "none", "--data", "."), "no run none"),
        (("verify", "."), "no run log here"),
    ],
)
def test_what_is_not_there_is_one_line(hitline, words, error):
    done = hitline("runs", *words)
    assert done.returncode == 1 and error in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_empty_folder_has_no_runs(hitline, tmp_path):
    assert "no runs" in hitline("runs", "list", "--data", tmp_path).stdout
    assert hitline("runs", "verify", "--data", tmp_path).returncode == 0
