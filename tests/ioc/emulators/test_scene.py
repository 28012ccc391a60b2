"""The scene: exact counts, same again with the same seed, clusters that hang together."""

import numpy as np
import pytest
from hitline.ioc.emulators.scene import DRIFT, TICKS_PER_S, Scene


@pytest.mark.parametrize("count", [0, 1, 2, 1000, 54_321])
@pytest.mark.parametrize("side", [256, 512])
def test_exact_count_on_the_picture(count: int, side: int) -> None:
    truth = Scene(side=side).hits(count, start=5000)
    assert len(truth) == count
    if count:
        assert truth.x.max() < side and truth.y.max() < side
        assert truth.tot.min() >= 1 and truth.tot.max() <= 1022
        assert np.all(np.diff(truth.t) >= 0) and truth.t[0] >= 5000
        assert truth.t[-1] < Scene(side=side).end(count, 5000)


def test_seed_and_part() -> None:
    one, again, other, part = (
        Scene(3).hits(500),
        Scene(3).hits(500),
        Scene(4).hits(500),
        Scene(3).hits(500, part=1),
    )
    assert np.array_equal(one.x, again.x) and np.array_equal(one.t, again.t)
    assert not np.array_equal(one.t, other.t) and not np.array_equal(one.t, part.t)


@pytest.mark.parametrize("rate_hz", [1e4, 5e6, 40e6])
def test_rate(rate_hz: float) -> None:
    truth = Scene(rate_hz=rate_hz).hits(100_000)
    assert (truth.t[-1] - truth.t[0]) / TICKS_PER_S == pytest.approx(100_000 / rate_hz, rel=0.02)


def test_a_particle_is_one_cluster() -> None:
    """Its pixels are all different, touch one another by side or corner, and come within the drift time."""
    truth = Scene(seed=2).hits(3000)
    sizes = []
    for particle in range(int(truth.particle.max())):
        mine = truth.particle == particle
        pixels = {(int(x), int(y)) for x, y in zip(truth.x[mine], truth.y[mine], strict=True)}
        assert len(pixels) == mine.sum()
        assert np.ptp(truth.t[mine]) <= DRIFT + 2
        reached, edge = set(), {next(iter(pixels))}
        while edge:
            reached |= edge
            edge = {
                (x + i, y + j) for x, y in edge for i in (-1, 0, 1) for j in (-1, 0, 1)
            } & pixels - reached
        assert reached == pixels
        sizes.append(len(pixels))
    assert min(sizes) == 1 and max(sizes) > 15, "blobs and tracks of all sizes"


@pytest.mark.parametrize(
    ("options", "text"),
    [({"rate_hz": 0}, "rate of 0"), ({"side": 100}, "side of 100"), ({"tracks": 2.0}, "share of tracks 2")],
)
def test_bad_options(options: dict, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Scene(**options)
