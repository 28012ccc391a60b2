"""Room on the disk: what is free, and how long it lasts at the rate at which it shrinks."""

import os

import pytest
from hitline.ioc.room import LONGEST_S, SPAN_S, Room


def test_the_time_until_it_is_full_is_that_of_the_last_half_minute(tmp_path):
    now_s = 100.0
    room = Room(tmp_path, clock_s=lambda: now_s)
    assert room.found(1000) == (1000, LONGEST_S), "one look tells no rate"
    for second in range(1, 11):
        now_s = 100.0 + second
        free, full_in_s = room.found(1000 - 10 * second)
    assert (free, full_in_s) == (900, pytest.approx(90.0))
    for _ in range(int(SPAN_S) + 2):
        now_s += 1
        assert room.found(900)[0] == 900
    assert room.found(900) == (900, LONGEST_S), "what was half a minute ago counts no more"
    now_s += 1
    assert room.found(2000) == (2000, LONGEST_S), "somebody made room"


def test_a_full_disk_has_no_time_left(tmp_path):
    now_s = 0.0
    room = Room(tmp_path, clock_s=lambda: now_s)
    room.found(1000)
    now_s = 1.0
    assert room.found(0) == (0, 0.0)


def test_it_looks_at_the_disk_of_a_folder_that_is_not_there_yet(tmp_path):
    free, full_in_s = Room(tmp_path / "data" / "runs").look()
    status = os.statvfs(tmp_path)
    assert 0 < free <= status.f_blocks * status.f_frsize and full_in_s == LONGEST_S
