"""Fits recover what curves were made of, with honest errors, and say why when they cannot."""

import json
import math

import numpy as np
import pytest
from hitline.plans.fit import Value
from hitline.plans.models import MODELS, fit
from hitline.plans.points import NoFit, counted, measured, tried
from scipy.special import ndtr

STEPS = np.linspace(1150, 1250, 41)
VOLTS = np.linspace(2, 120, 25)


def pulses(rng, sign=-1.0):
    return tried(STEPS, rng.binomial(1000, ndtr(sign * (STEPS - 1203.3) / 8)), 1000, x_unit="steps")


def counted_pulses(rng, sign=-1.0):
    return counted(STEPS, rng.poisson(1000 * ndtr(sign * (STEPS - 1203.3) / 8)), x_unit="steps")


def line_of_a_source(rng):
    below = 1203.3 - STEPS
    return counted(STEPS, rng.poisson(2000 * (1 + 0.003 * below) * ndtr(below / 8) + 20), x_unit="steps")


def noise(rng, low=1100.0):
    steps = np.linspace(low, 1260, 46)
    return counted(steps, rng.poisson(1e5 * np.exp(-0.5 * ((steps - 1150) / 17) ** 2) + 3), x_unit="steps")


def steep_noise(rng):
    """The far flank of one pixel's noise, and nothing besides it."""
    steps = np.arange(1659.0, 1675.0)
    return counted(steps, rng.poisson(3e6 * np.exp(-0.5 * ((steps - 1634.8) / 7.4) ** 2)), x_unit="steps")


def depleted(rng):
    return counted(VOLTS, rng.poisson(1e4 * np.minimum(1, np.sqrt(VOLTS / 60))))


def charge(rng):
    error = np.full(len(VOLTS), 0.5)
    return measured(-VOLTS, 100 * np.minimum(1, np.sqrt(VOLTS / 60)) + rng.normal(0, error), error)


def monitor(rng):
    codes = np.arange(0, 256, 4)
    return measured(codes, 0.1 + 0.005 * codes + rng.normal(0, 0.001, 64), x_unit="codes", y_unit="V")


EDGE = 1150 + 17 * math.sqrt(2 * math.log(1e5))
CASES = {
    "pulses, holes": ("s_curve", pulses, {"midpoint": 1203.3, "width": 8}),
    "pulses, electrons": ("s_curve", lambda rng: pulses(rng, 1.0), {"midpoint": 1203.3, "width": 8}),
    "pulses, number unknown": (
        "s_curve",
        counted_pulses,
        {"midpoint": 1203.3, "width": 8, "plateau": 1000},
    ),
    "line": (
        "line_edge",
        line_of_a_source,
        {"position": 1203.3, "width": 8, "height": 2000, "slope": 0.003, "background": 20},
    ),
    "noise": ("noise_edge", noise, {"centre": 1150, "width": 17, "baseline": 3, "edge": EDGE}),
    "noise, one flank": ("noise_edge", lambda rng: noise(rng, 1170.0), {"centre": 1150, "edge": EDGE}),
    "noise, nothing besides": ("noise_edge", steep_noise, {"centre": 1634.8, "width": 7.4}),
    "depletion by counts": ("depletion", depleted, {"voltage": 60, "value": 1e4}),
    "depletion by charge": ("depletion", charge, {"voltage": 60, "value": 100}),
    "DAC": ("line", monitor, {"offset": 0.1, "slope": 0.005}),
}


@pytest.mark.parametrize("model, make, truth", CASES.values(), ids=CASES)
def test_truth_lies_within_the_errors_as_often_as_it_should(model, make, truth):
    """Pulls of 60 data sets: mean 0, spread 1; chi2 as that of so many points."""
    fits = [fit(model, make(np.random.default_rng(seed))) for seed in range(60)]
    for name, value in truth.items():
        pulls = [(found[name].value - value) / found[name].error for found in fits]
        assert abs(np.mean(pulls)) < 0.5, name
        assert 0.7 < np.std(pulls) < 1.35, name
    chi2 = [found.chi2 / found.ndf for found in fits if found.chi2 is not None]
    assert not chi2 or 0.4 < np.mean(chi2) < 1.15
    assert np.mean([bool(found.warning) for found in fits]) < 0.1


def test_errors_are_those_of_the_other_way_to_get_them():
    """The same S-curve by brute force: chi2 grows by 1 at one error from the minimum, width fitted again."""
    points = pulses(np.random.default_rng(3))
    found = fit("s_curve", points)
    midpoint = found["midpoint"]

    def best(at):
        widths = np.linspace(0.8, 1.2, 4001) * found["width"].value
        curves = 1000 * ndtr((at - points.x[:, None]) / widths)
        return min(np.sum(points.residuals(curve) ** 2) for curve in curves.T)

    assert found.chi2 == pytest.approx(best(midpoint.value), abs=1e-3)
    for side in (-1, 1):
        assert best(midpoint.value + side * midpoint.error) - found.chi2 == pytest.approx(1.0, abs=0.1)


def test_few_counts_do_not_pull_a_curve_down():
    """Where squares weighted by the counts that came are wrong by a third, the likelihood is not."""
    rng, flat = np.random.default_rng(5), np.full(400, 3.0)
    points = counted(np.arange(400.0), rng.poisson(flat))
    found = fit("line", points)
    assert abs(found["offset"].value - 3.0) < 3 * found["offset"].error < 0.6
    weighted = np.average(points.y, weights=1 / np.maximum(points.y, 1))
    assert weighted < 2.2, "the mistake that is avoided"


def test_errors_grow_when_the_shape_is_another():
    """Two amplitudes far apart are no S-curve: chi2 says so, and the errors cover the scatter."""
    rng = np.random.default_rng(4)
    share = 0.5 * ndtr(-(STEPS - 1180) / 4) + 0.5 * ndtr(-(STEPS - 1220) / 4)
    found = fit("s_curve", tried(STEPS, rng.binomial(1000, share), 1000))
    assert found.chi2 > 10 * found.ndf and "errors are enlarged" in found.warning
    assert found["midpoint"].error > 5 * fit("s_curve", pulses(rng))["midpoint"].error
    assert abs(found["midpoint"].value - 1200) < 3 * found["midpoint"].error


REFUSED = {
    "no step": ("s_curve", counted(STEPS, np.full(41, 500.0)), "no step: about 500 counts at 1150"),
    "step elsewhere": ("s_curve", tried(STEPS, 999 * (STEPS < 1270.0), 1000), "no step"),
    "too coarse": (
        "s_curve",
        tried(STEPS, 1000 * (STEPS < 1201), 1000),
        r"falls between two points 2\.5 apart; take smaller steps",
    ),
    "more hits than pulses": ("s_curve", ([1, 2, 3], [5, 10, 12], 10), r"12 hits of 10 trials at 3"),
    "too few": ("line", measured([1.0, 2.0], [3.0, 4.0]), "2 points for 2 parameters"),
    "one voltage only": ("line", measured([1.0, 1, 1, 1], [3.0, 4, 5, 6]), "at least 3 different ones"),
    "negative": ("noise_edge", ([1, 2], [3, -4]), "a count of -4"),
    "NaN": ("line", ([1, 2], [3, float("nan")]), "1 of 2 points have no finite value"),
    "no noise": ("noise_edge", counted(STEPS, np.full(41, 7.0)), "0 points stand out from the baseline of 7"),
    "no flank": (
        "noise_edge",
        counted(STEPS, 10.0 + 1e4 * np.exp(((STEPS - 1200) / 25) ** 2)),
        "do not fall off as the flank of a Gaussian",
    ),
    "not depleted": ("depletion", counted(VOLTS, np.round(1e4 * np.sqrt(VOLTS))), "no kink stands out"),
    "three voltages": ("depletion", counted([1, 2, 3], [1, 2, 3]), "3 different voltages; at least 6"),
}


@pytest.mark.parametrize("model, points, text", REFUSED.values(), ids=REFUSED)
def test_a_fit_that_cannot_work_says_why(model, points, text):
    with pytest.raises(NoFit, match=text):
        if isinstance(points, tuple):
            points = counted(*points) if len(points) == 2 else tried(*points)
        fit(model, points)


def test_unknown_models_are_named():
    with pytest.raises(ValueError, match="no model 'parabola'; there are s_curve"):
        fit("parabola", monitor(np.random.default_rng(0)))
    assert set(MODELS) == {case[0] for case in CASES.values()}


def test_order_of_points_does_not_matter():
    rng = np.random.default_rng(8)
    points = pulses(rng)
    mixed = rng.permutation(len(points))
    again = fit("s_curve", tried(points.x[mixed], points.y[mixed], 1000))
    assert again["midpoint"] == Value(*vars_of(fit("s_curve", points)["midpoint"]))


def vars_of(value):
    return value.value, value.error


def test_values_read_as_people_write_them_and_go_into_json():
    assert str(Value(1203.2731, 0.1149, "steps")) == "1203.27 ± 0.11 steps"
    assert str(Value(-0.0001, 28.3)) == "0 ± 28"
    assert str(Value(3.25, 0.0, "V")) == "3.25 V"
    found = fit("s_curve", pulses(np.random.default_rng(1)))
    summary = json.loads(json.dumps(found.summary()))
    assert summary["values"]["midpoint"]["unit"] == "steps" and summary["ndf"] == 39
    assert "s_curve: midpoint 1203" in str(found) and "(chi2 " in str(found)
