"""Processes are killed while an axis moves: what it was told ends where it should, and is seen (R20)."""

import pytest
from hitline.ioc.trace_file import Record, read
from kit.session import session_on
from kit.station import station_up
from motor_station import CLIENT, motor_station

pytestmark = [pytest.mark.timeout(150), pytest.mark.faults]


@pytest.fixture(autouse=True)
def nothing_left():
    """Processes are replaced here; `running` insists that all of them end with the station."""


@pytest.fixture
def station(tmp_path):
    with station_up(tmp_path, motor_station(trace="traces")) as station:
        yield station


@pytest.mark.parametrize("layer", ["pyepics", "caproto"])
def test_a_face_that_dies_between_backlash_and_final_move(station, layer):
    """The axis lives in the backend: it makes the final move, and the client sees it when it is back."""
    with session_on(station, layer, CLIENT) as session:
        for field, value in (("BDST", 1.0), ("BVEL", 0.3)):
            session.ask("set_field", field=field, value=value)
        session.ask("move", to=4.0)
        begun = session.ask("begin", to=2.0, reaches=1.05, up=False)
        assert begun["passed"] and not begun["done"], "at the turning point, a final move of 3 s ahead"
        before = station.pid("face-ca")
        station.kill("face-ca")
        assert station.restarted("face-ca", before)
        found = session.ask("after", near=2.0)
    assert found["good"] and found["severity"] == 0
    assert found["place"] == pytest.approx(2000, abs=1) and found["position"] == pytest.approx(2.0, abs=1e-3)


def test_a_backend_that_dies_leaves_one_bounded_move_and_reads_before_it_writes(station):
    with session_on(station, "pyepics", CLIENT) as session:
        session.ask("set_field", field="VELO", value=1.5)
        begun = session.ask("begin", to=6.0, reaches=1.0, up=True)
        assert begun["passed"] and not begun["done"]
        before = station.pid("motion")
        station.kill("motion")
        assert station.restarted("motion", before)
        found = session.ask("after", near=6.0)
    assert found["good"] and found["place"] == pytest.approx(6000, abs=1)
    traces = sorted((station.file.parent / "traces").glob("box-*.trace"))
    assert len(traces) == 2
    records = [record for record in read(traces[-1])[1] if isinstance(record, Record)]
    first = next(n for n, record in enumerate(records) if not record.sent)
    asked = b"".join(record.data for record in records[:first])
    assert b"SE1.1" in asked and b"M1.1P20R" in asked, "the state of the axis"
    written = b"".join(record.data for record in records if record.sent)
    assert b"M1.1P24=" in written and b"M1.1A" not in written, "the limits, and no move"
    assert not any(sign in asked for sign in (b"=", b"M1.1A", b"M1.1S")), "nothing is written before"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("layer", ["pyepics", "caproto"])
def test_two_hundred_bluesky_scans(station, layer):
    """None hangs: each move has its edges, and whoever waits for its end hears it."""
    with session_on(station, layer, CLIENT) as session:
        for part in range(20):
            found = session.ask("scans", count=10, start=-0.1, stop=0.1, num=11)
            for places in found:
                assert places == pytest.approx([n / 50 for n in range(-5, 6)], abs=1e-3), part


@pytest.mark.timeout(900)
@pytest.mark.parametrize("layer", ["pyepics", "caproto"])
def test_five_hundred_moves_that_begin_right_after_a_stop_end_at_their_target(station, layer):
    with session_on(station, layer, CLIENT) as session:
        for seed in range(5):
            assert session.ask("stops", count=100, seed=seed) == []
