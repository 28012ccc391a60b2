"""Scans with a detector of plain Python: what they set, what stands in their documents, what is restored."""

import math

import matplotlib.figure
import pytest
from bluesky import RunEngine
from bluesky.utils import FailedStatus
from hitline.plans import Curve, Progress, Quantity, bias_scan, dac_scan, named, threshold_scan
from sham import Setting, Sham, Worker, depleted, pulsed


@pytest.fixture
def engine():
    return RunEngine({}, context_managers=[])


def test_threshold_scan_of_test_pulses(engine, tmp_path):
    """The whole way: plan, documents, curve at the end, picture; the threshold is as before."""
    sham, told, points = Sham(pulsed()), [], []
    sham.pulses.value = "Analogue"
    curve = Curve(save=tmp_path / "curves" / "scan.png", report=told.append)
    engine.subscribe(Progress(points.append))
    engine(threshold_scan(sham, 1150, 1250, 26, exposure=0.05, of="pulses"), curve)
    assert [at for at, _, _ in sham.exposures] == list(range(1150, 1251, 4))
    assert {time for _, _, time in sham.exposures} == {0.05}
    assert (sham.threshold.value, sham.acquire_time.value, sham.staged) == (1300.0, 0.5, False)
    found = curve.fits["hits"]
    assert abs(found["midpoint"].value - 1203.3) < 4 * found["midpoint"].error < 2
    assert abs(found["width"].value - 8) < 4 * found["width"].error < 2
    assert told == [f"hits: {found}"] and not curve.problems
    assert (tmp_path / "curves" / "scan.png").read_bytes().startswith(b"\x89PNG")
    assert [(point.number, point.total) for point in points] == [(n, 26) for n in range(1, 27)]


def test_documents_say_what_was_scanned(engine):
    sham, documents = Sham(pulsed()), []
    engine(
        threshold_scan(sham, 1150, 1250, 11, of="line", md={"sample": "iron"}),
        lambda name, doc: documents.append((name, doc)),
    )
    start = documents[0][1]
    assert (start["plan_name"], start["num_points"], start["sample"]) == ("threshold_scan", 11, "iron")
    assert start["hints"]["dimensions"] == [(("kat_threshold",), "primary")]
    assert start["plan_args"]["of"] == "line" and start["motors"] == ["kat_threshold"]
    assert start["hitline_curves"]["y"][0]["field"] == "kat_ana1_exposure_hits"
    events = [doc["data"] for name, doc in documents if name == "event"]
    assert [event["kat_threshold"] for event in events] == list(range(1150, 1251, 10))
    assert len([name for name, _ in documents if name == "start"]) == 1, "one run"


def test_a_kept_scan_is_fitted_later_and_with_another_curve(engine):
    sham, documents = Sham(pulsed()), []
    engine(
        threshold_scan(sham, 1150, 1250, 26, of="line"), lambda name, doc: documents.append((name, dict(doc)))
    )
    curve, other = Curve(), Curve(model="s_curve")
    for name, document in documents:
        curve(name, document)
        other(name, document)
    assert curve.fits["hits"].model == "line_edge" and other.fits["hits"].model == "s_curve"
    assert other.fits["hits"]["midpoint"].value == pytest.approx(1203.3, abs=2)


def test_bias_scan_finds_depletion_and_returns_to_the_former_voltage(engine):
    sham, curve = Sham(depleted()), Curve()
    engine(bias_scan(sham, 4, 120, 30), curve)
    assert sham.voltage_set.moves[0] == 4 and sham.voltage_set.moves[-1] == 50.0
    assert len(sham.exposures) == 30
    assert set(curve.fits) == {"clusters", "mean ToT of a cluster"}
    for found in curve.fits.values():
        assert abs(found["voltage"].value - 60) < 4 * found["voltage"].error < 12
    assert curve.units["kat_voltage_set"] == "V"


def test_dac_scan_against_its_voltage_takes_no_exposures(engine):
    sham, curve = Sham(pulsed()), Curve()
    engine(dac_scan(sham, "VTP_fine", 0, 500, 11), curve)
    assert not sham.exposures
    assert (sham.fine.value, sham.monitor.value) == (256.0, "BandGap")
    found = curve.fits["VTP_fine output"]
    assert found["offset"].value == pytest.approx(0.1) and found["slope"].value == pytest.approx(0.0025)
    assert found["slope"].unit == "V"


def test_dac_scan_against_counts(engine):
    sham, curve = Sham(lambda sham: (sham.fine.value, 1, 1)), Curve()
    engine(dac_scan(sham, "VTP_fine", 0, 500, 11, against="counts", exposure=0.1), curve)
    assert len(sham.exposures) == 11 and not curve.fits and not curve.problems
    assert curve.columns["kat_ana1_exposure_hits"] == curve.columns["kat_dac_vtp_fine"]


def test_a_scan_that_fails_restores_what_it_changed(engine):
    sham, stops = Sham(depleted()), []
    sham.fail_at = 3
    curve = Curve()
    engine.subscribe(curve)
    engine.subscribe(lambda name, doc: stops.append(doc["exit_status"]), "stop")
    with pytest.raises((RuntimeError, FailedStatus), match="restarted"):
        engine(bias_scan(sham, 10, 100, 10, exposure=0.1))
    assert (sham.voltage_set.value, sham.acquire_time.value, sham.staged) == (50.0, 0.5, False)
    assert stops == ["fail"] and len(curve.columns["kat_voltage_set"]) == 3
    assert "3 different voltages" in curve.problems["clusters"]


SENSELESS = {
    "num": (lambda d: threshold_scan(d, 0, 100, 1), "num is 1; at least 2"),
    "steps": (lambda d: threshold_scan(d, 0, 10, 21), r"21 points from 0 to 10.*only 11 different.*num=11"),
    "NaN": (lambda d: bias_scan(d, 0, math.nan, 5), "must be two different finite numbers"),
    "of": (
        lambda d: threshold_scan(d, 0, 100, 5, of="pulse"),
        "of='pulse'; must be one of 'pulses', 'noise'",
    ),
    "pulses off": (lambda d: threshold_scan(d, 0, 100, 5, of="pulses"), "test pulses of kat are off; set"),
    "limits": (lambda d: bias_scan(d, 0, 400, 5), "400 is outside of -300 to 300 of kat_voltage_set"),
    "settle": (lambda d: bias_scan(d, 0, 40, 5, settle=-1), "settle is -1 s"),
    "exposure": (lambda d: bias_scan(d, 0, 40, 5, exposure=0), "exposure is 0 s"),
    "worker": (lambda d: bias_scan(d, 0, 40, 5, worker="ana9"), "no worker 'ana9' at kat; it has ana1"),
    "against": (lambda d: dac_scan(d, "VTP_fine", 0, 9, 3, against="ToT"), "against='ToT'; must be"),
    "no exposure": (lambda d: dac_scan(d, "VTP_fine", 0, 9, 3, exposure=1), "measured without one"),
}


@pytest.mark.parametrize("plan, text", SENSELESS.values(), ids=SENSELESS)
def test_nothing_moves_when_an_argument_makes_no_sense(engine, plan, text):
    sham = Sham(pulsed())
    with pytest.raises(ValueError, match=text):
        engine(plan(sham))
    assert not [part for part in vars(sham).values() if isinstance(part, Setting) and part.moves]
    assert not sham.exposures


def test_a_setting_that_is_unknown_is_not_scanned(engine):
    sham = Sham(pulsed())
    sham.voltage_set.value = math.nan
    with pytest.raises(ValueError, match="kat_voltage_set is unknown and could not be set back"):
        engine(bias_scan(sham, 0, 40, 5))
    assert not sham.voltage_set.moves


def test_a_detector_without_workers_or_pulsed_pixels_is_told(engine):
    sham = Sham(pulsed())
    sham.pulses.value, sham.pixels_pulsed.value = "Analogue", 0.0
    with pytest.raises(ValueError, match="0 pixels of kat take test pulses; load"):
        engine(threshold_scan(sham, 0, 100, 5, of="pulses"))
    sham.analyses = []
    with pytest.raises(ValueError, match=r'add one to the station file: \[workers\.ana1\] source = "kat"'):
        engine(threshold_scan(sham, 0, 100, 5))


def test_of_several_workers_one_is_chosen(engine):
    sham, documents = Sham(pulsed()), []
    sham.analyses = [Worker("kat_other", "other"), sham.ana]
    engine(threshold_scan(sham, 0, 100, 3, worker="ana1"), lambda name, doc: documents.append(doc))
    assert documents[0]["hitline_curves"]["y"][0]["field"] == "kat_ana1_exposure_hits"


def test_a_curve_says_why_it_has_no_fit_and_is_drawn_all_the_same(engine, tmp_path):
    told = []
    curve = Curve(save=tmp_path / "flat.png", report=told.append)
    engine(threshold_scan(Sham(lambda sham: (500, 1, 1)), 0, 100, 11), curve)
    assert not curve.fits and "no step" in curve.problems["hits"]
    assert told == [f"hits: {curve.problems['hits']}"] and (tmp_path / "flat.png").exists()


def test_a_curve_is_live_and_takes_any_scan_by_data_keys(engine):
    """A figure of the user's is drawn with every point; quantities are given where no plan declares them."""
    figure = matplotlib.figure.Figure()
    drawn = []
    figure.canvas.draw_idle = lambda: drawn.append(len(figure.axes))
    mean = Quantity("mean", "kat_ana1_exposure_tot_sum", per="kat_ana1_exposure_clusters")
    curve = Curve(x="kat_threshold", y=["kat_ana1_exposure_hits", mean], figure=figure)
    engine(threshold_scan(Sham(pulsed()), 1150, 1190, 5), curve)
    assert drawn == [2] * 6
    assert curve.points(mean).y.tolist() == [10.0] * 5


def test_a_picture_that_cannot_be_written_stops_no_plan(engine, tmp_path):
    (tmp_path / "file").write_text("")
    curve = Curve(save=tmp_path / "file" / "scan.png")
    engine(threshold_scan(Sham(pulsed()), 1150, 1250, 5), curve)
    assert "not written" in curve.problems["picture"]


def test_documents_without_a_curve_are_no_trouble(engine):
    curve = Curve()
    curve("start", {"uid": "1234567890", "time": 0.0})
    curve("stop", {"uid": "x", "run_start": "1234567890", "time": 1.0, "exit_status": "success"})
    assert not curve.fits and not curve.columns


@pytest.mark.parametrize("name", ["threshold_scan", "bias_scan", "dac_scan"])
def test_scans_are_found_by_name(name):
    assert named(name).__name__ == name
