"""From log blocks to results: exact, the same for any blocks, and the same after any restart."""

import json

import numpy as np
import pytest
from brute import components
from hitline.analysis.blocks.base import make
from hitline.analysis.kernels.features import Clusters
from hitline.analysis.loss import Loss
from hitline.analysis.pipeline import Pipeline
from hitline.bus.formats import katherine_words
from hitline.bus.formats.katherine_setup import Setup
from hitline.bus.formats.katherine_words import Mode
from hitline.bus.log.block import Format, Kind, LossMethod
from hitline.ioc.emulators.scene import Scene
from hitline.ioc.emulators.spidr import Spidr
from hitline.ioc.emulators.spidr import exposures as exposed
from hypothesis import given, settings
from hypothesis import strategies as st
from logged import data, exposures, mark

OURS = ("counts", "image", "spectra")
ENDED = ("exposure_hits", "exposure_clusters", "exposure_tot_sum")


def pipeline(**more):
    return Pipeline(make(OURS), **more)


def comparable(results):
    return {
        name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in results.items()
    }


def facts(line):
    return comparable(line.results()), line.exposure, line.lost, line.late_hits, line.unknown_words, line.run


def run(line, blocks):
    """Feed all blocks; give the exposure number and counts at each end."""
    line.reset("run")
    return [
        (line.exposure, *(line.results()[name] for name in ENDED))
        for header, payload in blocks
        if line.block(header, payload)
    ]


@pytest.fixture(scope="module")
def shots():
    """Seven exposures of known and different numbers of hits, with their truth."""
    counts = (300, 0, 1, 2500, 7, 900, 42)
    return list(exposed(Scene(seed=11, rate_hz=2e6), counts, readout=Spidr(seed=11), gap_s=0.01))


@pytest.mark.parametrize("rate_hz", [5e6, 40e6])
def test_a_million_hits_equal_brute_force(rate_hz):
    scene = Scene(seed=3, rate_hz=rate_hz)
    readout = Spidr(seed=4, tdc_hz=0)
    ((raw, truth),) = exposed(scene, (1_000_000,), readout=readout)
    reference = Clusters(components((truth.t, truth.x, truth.y, truth.tot), 128))
    image = np.bincount(truth.y.astype(np.int64) * 512 + truth.x, minlength=512 * 512).reshape(512, 512)
    wanted = None
    for size in (60_008, 1_000_003, len(raw)):
        line = pipeline()
        run(line, exposures([raw], size))
        results = comparable(line.results())
        wanted = wanted or results
        assert line.late_hits == 0
        assert results["exposure_hits"] == len(truth)
        assert results["exposure_clusters"] == len(reference)
        assert {**results, "hit_rate": 0} == {**wanted, "hit_rate": 0}
    wanted = line.results()
    assert np.array_equal(wanted["image"], image)
    assert np.array_equal(
        wanted["size_spectrum"], np.bincount(np.minimum(reference.size, 255), minlength=256)
    )
    assert np.array_equal(
        wanted["cluster_tot_spectrum"], np.bincount(np.minimum(reference.tot, 4095), minlength=4096)
    )
    assert np.array_equal(wanted["tot_spectrum"], np.bincount(truth.tot, minlength=1024))


@settings(max_examples=12, deadline=None)
@given(size=st.sampled_from([64, 1000, 7777, 10**6]), seed=st.integers(0, 99))
def test_each_exposure_has_its_own_results(shots, size, seed):
    ends = run(pipeline(), exposures([raw for raw, _ in shots], size))
    assert [number for number, *_ in ends] == list(range(1, len(shots) + 1))
    for (_, hits, clusters, tot), (_, truth) in zip(ends, shots, strict=True):
        columns = truth.t, truth.x, truth.y, truth.tot
        assert (hits, clusters, tot) == (len(truth), len(components(columns, 128)), int(truth.tot.sum()))


@settings(max_examples=5, deadline=None)
@given(size=st.sampled_from([256, 5000]), every=st.integers(1, 9))
def test_restored_anywhere_it_goes_on_the_same(shots, size, every):
    blocks = list(exposures([raw for raw, _ in shots], size))
    line, undisturbed = pipeline(), pipeline()
    line.reset("run")
    undisturbed.reset("run")
    for number, (header, payload) in enumerate(blocks):
        assert line.block(header, payload) == undisturbed.block(header, payload)
        if number % every == 0:
            saved = {name: array.copy() for name, array in line.state().items()}
            line = pipeline()
            line.restore(saved)
            assert facts(line) == facts(undisturbed)
    assert facts(line) == facts(undisturbed)
    assert line.blocks == undisturbed.blocks == len(blocks)


def test_a_state_of_other_blocks_is_refused():
    with pytest.raises(ValueError, match="counts, image, spectra, not of counts"):
        Pipeline(make(["counts"])).restore(pipeline().state())


def test_an_exposure_without_end_is_ended_by_the_next_or_by_the_end_of_the_run(shots):
    raw = shots[3][0]
    line = pipeline()
    line.reset("run")
    blocks = [mark(Kind.BEGIN, 1), data(raw), mark(Kind.BEGIN, 2), data(raw), mark(Kind.CLOSE)]
    ends = [line.block(*block) for block in blocks]
    assert ends == [False, False, True, False, True]
    assert (line.exposure, line.results()["exposure_hits"], line.results()["hits"]) == (2, 2500, 5000)


def test_a_new_run_begins_at_zero(shots):
    line = pipeline()
    run(line, exposures([shots[0][0]], 5000))
    first = facts(line)
    line.reset("other")
    assert (line.exposure, line.lost, line.results()["hits"], line.results()["exposure_hits"]) == (0, 0, 0, 0)
    assert not line.results()["image"].any()
    run(line, exposures([shots[0][0]], 5000))
    assert facts(line) == first


def test_results_of_an_exposure_in_progress_are_not_shown(shots):
    line = pipeline()
    run(line, exposures([shots[0][0]], 5000))
    line.block(*mark(Kind.BEGIN, 2))
    line.block(*data(shots[3][0], 2))
    assert line.results()["hits"] == 2800
    assert line.results()["exposure_hits"] == 300
    assert (line.exposing, line.exposure) == (True, 1)


def test_the_window_changes_with_the_next_exposure():
    scene = Scene(seed=1, rate_hz=2e6)
    ((raw, truth),) = exposed(scene, (3000,))
    columns = truth.t, truth.x, truth.y, truth.tot
    line = pipeline(window_ns=200)
    line.reset("run")
    counts = []
    for number, window_ns in enumerate((200, 2, 2), 1):
        line.block(*mark(Kind.BEGIN, number))
        line.window_ns = 2.0
        line.block(*data(raw, number))
        line.block(*mark(Kind.END, number))
        counts.append(
            (line.results()["exposure_clusters"], len(components(columns, int(window_ns / 1.5625))))
        )
    assert [found for found, _ in counts] == [wanted for _, wanted in counts]
    assert counts[0] != counts[1]


@pytest.mark.parametrize(
    "method, lost, dropped, losing, wanted",
    [
        (LossMethod.SOURCE, 5, 0, 0, 15),
        (LossMethod.SOURCE, 0, 2, 0, 6),
        (LossMethod.UNKNOWN, 9, 0, 0, 0),
        (LossMethod.SOURCE, 0, 0, 0.1, "packets"),
        (LossMethod.UNKNOWN, 0, 0, 0.1, "packets"),
        (LossMethod.PACKET_COUNTER, 1, 0, 0.1, 3),
    ],
)
def test_loss(method, lost, dropped, losing, wanted):
    readout = Spidr(seed=2, losing=losing)
    ((raw, _),) = exposed(Scene(seed=2, rate_hz=1e5), (3000,), readout=readout)
    line = pipeline()
    size = -(-len(raw) // 3)
    run(line, exposures([raw], size, method=method, lost=lost, dropped=dropped))
    assert line.lost == (readout.lost_packets if wanted == "packets" else wanted)


@pytest.mark.parametrize(
    ("end", "close", "going", "ended", "closed"),
    [
        ({}, {}, 4, 4, 4),
        (
            {"counts": {"hits_lost": 7}},
            {"hits_lost": 9},
            4,
            7,
            9,
        ),  # what was still in the ring of a full disk
        ({"counts": {"hits_lost": None}}, {"hits_lost": 9}, 4, None, 9),
        ({"counts": {"hits_lost": 7}}, {"lost": None}, 4, 7, None),
        ({}, {"lost": 3, "dropped_hits": 2}, 4, 4, 5),
    ],
)
def test_an_end_settles_the_loss_of_an_exposure_and_a_close_that_of_the_run(end, close, going, ended, closed):
    loss = Loss()
    loss.note(data(bytes(80), lost=3, dropped=1)[0], {})
    assert loss.total([]) == going
    loss.note(mark(Kind.END, 1)[0], end)
    assert loss.total([]) == ended
    restored = Loss()
    restored.restore(loss.state())
    restored.note(mark(Kind.CLOSE)[0], close)
    assert restored.total([]) == closed


def test_loss_is_unknown_when_nobody_counts():
    line = pipeline()
    run(line, exposures([bytes(80)], 80, method=LossMethod.UNKNOWN, format=Format.TPX3_WORDS))
    assert line.lost is None
    assert line.unknown_words == 10


def test_late_hits_are_counted_and_in_the_image():
    early, late = Scene(seed=1, rate_hz=1e6), Scene(seed=2, rate_hz=1e6)
    readout = Spidr(tdc_hz=0, global_s=0, disorder_s=0)
    first, second = late.hits(100, start=640_000 * 50), early.hits(70)
    line = pipeline()
    line.reset("run")
    for block in (
        mark(Kind.BEGIN, 1),
        data(readout.encode(first, 0, 1)),
        data(readout.encode(second, 0, 1)),
        mark(Kind.END, 1),
    ):
        line.block(*block)
    results = line.results()
    assert line.late_hits == 70
    assert results["hits"] == results["image"].sum() == results["tot_spectrum"].sum() == 170
    assert results["exposure_clusters"] == len(components((first.t, first.x, first.y, first.tot), 128))


def test_katherine_frames_follow_one_another():
    """Each frame begins at time 0 again; hits of two frames are never in one cluster."""
    words = [katherine_words.Header.NEW_FRAME << 44]
    frame = words + [
        katherine_words.Header.PIXEL << 44 | 7 << 36 | x << 28 | 100 << 14 | 20 << 4 for x in (3, 4, 9)
    ]
    raw = b"".join(word.to_bytes(6, "little") for word in frame * 3)
    line = pipeline()
    run(line, exposures([raw], 31, format=Format.KATHERINE))
    results = line.results()
    assert (results["hits"], results["clusters"], results["tot_sum"], line.late_hits) == (9, 6, 180, 0)
    assert (results["image_width"], results["image_height"]) == (256, 256)
    assert results["image"][7, [3, 4, 9]].tolist() == [3, 3, 3]
    assert (results["image_total"], results["image_max"]) == (9, 3)
    assert (results["image_max_x"], results["image_max_y"]) == (3, 7)
    fresh = pipeline()
    fresh.restore(line.state())
    assert facts(fresh) == facts(line)


def katherine(*exposed):
    """Blocks of a Katherine run: (facts of BEGIN, words, counts of END) by exposure."""
    yield mark(Kind.OPEN)
    for number, (begin, words, counts) in enumerate(exposed, 1):
        yield mark(Kind.BEGIN, number)[0], json.dumps(begin).encode()
        raw = katherine_words.to_bytes(np.array(words, np.uint64))
        yield data(raw, number, format=Format.KATHERINE, method=LossMethod.FRAME_COUNT)
        yield mark(Kind.END, number)[0], json.dumps({"counts": counts}).encode()


def pixel(x, y, high, middle, low=0):
    return katherine_words.Header.PIXEL << 44 | y << 36 | x << 28 | high << 14 | middle << 4 | low


def test_katherine_words_are_read_by_the_setup_that_the_log_tells():
    """A fine time, or a hit count: only the setup tells; counting pixels have events and no clusters."""
    slow, new = Setup(fast=False), katherine_words.Header.NEW_FRAME << 44
    pair = [new, pixel(3, 7, 1000, 20, 15), pixel(4, 7, 1000, 30)]
    blocks = list(
        katherine(
            (slow.facts(), pair, {"hits_lost": 0}),
            (Setup().facts(), pair, {"hits_lost": 0}),
            (Setup(Mode.EVENT_ITOT).facts(), [new, pixel(4, 7, 500, 9), pixel(9, 9, 1, 1)], {"hits_lost": 0}),
        )
    )
    line = pipeline(window_ns=20.0)
    assert run(line, blocks) == [(1, 2, 1, 50), (2, 2, 2, 50), (3, 2, 0, 501)], "15 fine steps are 23.4 ns"
    image = line.results()["image"]
    assert (image[7, 3], image[7, 4], image[9, 9]) == (2, 2 + 9, 1)
    assert line.lost == 0
    for at in range(1, len(blocks)):
        first, second = pipeline(window_ns=20.0), pipeline(window_ns=20.0)
        run(first, blocks[:at])
        second.restore(first.state())
        for block in blocks[at:]:
            second.block(*block)
        assert facts(second) == facts(line), at


def test_the_loss_of_a_frame_without_its_count_is_unknown():
    words = [katherine_words.Header.NEW_FRAME << 44, pixel(1, 1, 5, 5)]
    line = pipeline()
    run(line, katherine((Setup().facts(), words, {"hits_lost": 0})))
    assert line.lost == 0
    run(line, katherine((Setup().facts(), words, {"hits_lost": None}), (Setup().facts(), words, {})))
    assert line.lost is None, "for the whole run"
    run(line, katherine((Setup().facts(), words, {"hits_lost": 0})))
    assert line.lost == 0, "another run"


def test_a_format_without_hits_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="format 77"):
        run(pipeline(), [data(b"", format=77)])


def test_packets_that_overtake_one_another_change_nothing(shots):
    raw, _ = shots[3]
    wanted = pipeline()
    run(wanted, exposures([raw], 5000))
    words, chunks, at = np.frombuffer(raw, "<u8"), [], 0
    while at < words.size:
        end = at + 1 + (int(words[at]) >> 51)
        chunks.append(words[at:end])
        at = end
    order = np.argsort(np.arange(len(chunks)) + np.random.default_rng(1).integers(0, 3, len(chunks)))
    line = pipeline()
    run(line, exposures([b"".join(chunks[k].tobytes() for k in order)], 5000))
    assert not np.array_equal(order, np.sort(order))
    assert facts(line) == facts(wanted)
    assert line.lost == 0
