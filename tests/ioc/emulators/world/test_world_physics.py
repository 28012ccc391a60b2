"""The emulated world does what its formulas say, and the analysis gives its particles back."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hitline.analysis.kernels.cluster import Clusterer
from hitline.ioc.emulators.world.particles import AM241, COSMIC, FE55, PRESETS, SLICE, Source
from hitline.ioc.emulators.world.pixels import FrontEnd
from hitline.ioc.emulators.world.sensor import Sensor
from hitline.ioc.emulators.world.tracks import PAIR_KEV
from hitline.ioc.emulators.world.view import View
from hitline.ioc.emulators.world.world import World

TICKS_PER_S = 640e6
FULL_V = 150.0


def deposited(source, bias_v=FULL_V, seconds=0.05, sensor=None):
    """Energy in keV that the pixels collect of each particle that leaves something, and the particles."""
    # A spot in the middle: nothing is lost over the edges.
    world = World(sources=(source,), spot_mm=(0.0, 0.0, 4.0))
    particles = world.particles(0, int(seconds * TICKS_PER_S))
    deposits = (sensor or Sensor()).deposit(particles, bias_v)
    ids, index = np.unique(deposits.particle, return_inverse=True)
    return np.bincount(index, deposits.electrons) * PAIR_KEV, len(particles), ids


def test_x_rays_leave_their_whole_energy_or_nothing():
    energy, count, _ = deposited(replace(FE55, rate_hz=1e5))
    assert abs(np.median(energy) - 5.9) < 0.1 and np.std(energy) < 0.5, "lines, Fano, and what is cut off"
    assert 0.6 < len(energy) / count <= 1.0


def test_what_x_rays_are_seen_falls_with_their_energy():
    """500 um of silicon: nearly all of 8 keV, few of 60 keV."""
    shares = []
    for kev in (8.0, 20.0, 60.0):
        energy, count, _ = deposited(Source("xray", 1e5, ((kev, 1.0),)))
        shares.append(len(energy) / count)
    assert shares[0] > 0.95 and 0.3 < shares[1] < 0.6 and shares[2] < 0.1


def test_alphas_leave_all_and_muons_what_landau_says():
    energy, count, _ = deposited(replace(AM241, rate_hz=1e4))
    assert len(energy) == count and abs(np.median(energy) / 5480.0 - 1) < 0.02
    energy, count, _ = deposited(replace(COSMIC, rate_hz=1e5, collimated=True, angle_deg=(0.0, 0.1)))
    counts, edges = np.histogram(energy, np.arange(80, 400, 8.0))
    peak = edges[counts.argmax()] + 4
    assert abs(peak - 0.28 * 500) < 10 and energy.mean() > peak + 8, "a tail above the most probable"


@pytest.mark.parametrize("bias_v", [100.0, 150.0, 300.0])
def test_drift_is_the_inverse_of_the_depth_formula(bias_v):
    sensor = Sensor()
    z = np.linspace(1.0, 499.0, 50)
    t = sensor.drift_ns(z, bias_v)
    d, vd, v = 500.0, 60.0, bias_v + 0.5
    back = d / (2 * vd) * (vd + v) * (1 - np.exp(-2 * vd * 45.0 * t / d**2))
    assert np.allclose(back, z) and np.all(np.diff(t) > 0)


def test_depth_and_charge_grow_with_the_root_of_the_bias_up_to_depletion():
    sensor = Sensor()
    assert sensor.depth_um(60.0) == sensor.depth_um(200.0) == 500.0
    assert sensor.depth_um(14.5) == pytest.approx(250.0)
    muons = replace(COSMIC, rate_hz=3e4, collimated=True, angle_deg=(0.0, 0.1))
    half, full = (np.median(deposited(muons, bias_v)[0]) for bias_v in (14.5, FULL_V))
    assert half / full == pytest.approx(0.55, abs=0.06), "half the depth, and what diffuses into it"


def test_less_bias_spreads_the_charge():
    """Diffusion: the width of an electron cloud goes with the root of the drift time."""
    source = Source("xray", 2e4, ((25.0, 1.0),))
    pixels = []
    for bias_v in (70.0, 300.0):
        world = World(sources=(source,))
        deposits = Sensor().deposit(world.particles(0, int(0.1 * TICKS_PER_S)), bias_v)
        pixels.append(len(deposits) / len(np.unique(deposits.particle)))
    assert pixels[0] > 1.2 * pixels[1]


def test_the_curve_of_tot_and_its_inverse():
    front = FrontEnd(seed=3)
    shape = front.curve(front.threshold_e(1750, front.best_trim()))
    energy = np.random.default_rng(1).uniform(6.0, 200.0, (256, 256))
    assert np.allclose(shape.energy_kev(shape.tot(energy)), energy)


def test_noise_comes_as_often_as_the_formula_says():
    front = FrontEnd(seed=5)
    threshold = front.threshold_e(1690, front.best_trim())
    hits = front.noise_hits(0, int(0.05 * TICKS_PER_S), threshold)
    wanted = 0.05 * front.noise_rate_hz(threshold).sum()
    assert abs(len(hits) - wanted) < 6 * wanted**0.5
    assert np.all(hits.particle == -1)


def test_what_is_seen_does_not_depend_on_the_portions():
    parts = []
    world = World(sources=(replace(COSMIC, rate_hz=1e4), FE55))
    whole = View(world).hits(0, 4 * SLICE)
    view = View(world)
    edges = [0, 1000, SLICE - 1, SLICE, 2 * SLICE + 77, 4 * SLICE]
    for start, stop in itertools.pairwise(edges):
        parts.append(view.hits(start, stop))
    for name in ("x", "y", "t", "tot", "particle"):
        assert np.array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name)), name


@pytest.mark.parametrize(
    ("kind", "efficiency", "purity"),
    [
        ("xray", 0.999, 0.999),
        ("electron", 0.997, 0.995),
        ("alpha", 0.999, 0.999),
        ("muon", 0.999, 0.999),
        ("ion", 0.998, 0.998),
    ],
)
def test_clusters_are_recovered_to_the_last_hit(kind, efficiency, purity):
    """As docs/explanation/scene.md states for 10,000 particles a second."""
    view = View(World(sources=(replace(PRESETS[kind], rate_hz=1e4),)), noise=False)
    hits = view.hits(0, int(1.0 * TICKS_PER_S))
    clusterer = Clusterer(256, 256, 128)
    parts = clusterer.feed((hits.t, hits.x, hits.y, hits.tot), 1 << 62), clusterer.flush()
    table = np.concatenate([part.table for part in parts])
    # size, ToT sum, x ToT, y ToT, first time: the same sums of the truth, particle by particle
    found = set(map(tuple, table[:, [0, 1, 2, 3, 5]].tolist()))
    truth = {}
    for x, y, t, tot, particle in zip(hits.x, hits.y, hits.t, hits.tot, hits.particle, strict=True):
        n, q, xq, yq, first = truth.get(particle, (0, 0, 0, 0, int(t)))
        tot = int(tot)
        truth[particle] = (n + 1, q + tot, xq + int(x) * tot, yq + int(y) * tot, first)
    same = sum(row in found for row in truth.values())
    assert same / len(truth) >= efficiency and same / len(table) >= purity
    assert len(truth) > 5000


def test_the_spot_goes_with_the_stage_at_each_moment() -> None:
    """A point of a beam on a stage at 20 mm/s: each particle falls where the stage is when it comes."""
    world = World(sources=(Source("xray", 1e5),), spot_mm=(1.0, 0.0, 0.0))
    world.carriages = lambda at_s: (20.0 * at_s, -5.0 * at_s)
    seen = world.particles(SLICE // 3, 3 * SLICE)
    at_s = seen.t / TICKS_PER_S
    assert len(seen) > 1000
    np.testing.assert_allclose(seen.x, 1.0 - 20.0 * at_s, atol=1e-9)
    np.testing.assert_allclose(seen.y, 5.0 * at_s, atol=1e-9)
