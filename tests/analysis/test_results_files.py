"""Results as files: HDF5 that other programs understand, pictures, and a run analysed from disk."""

import h5py
import numpy as np
import pytest
from hitline.analysis.plot import plot
from hitline.analysis.reader import analyse
from hitline.analysis.writer import write
from matplotlib.image import imread
from readout import Readout, shots
from test_follower import counts_of, truth

COUNTS = (400, 0, 900, 31)


@pytest.fixture
def run(tmp_path):
    """Folder of a run of four exposures."""
    readout = Readout("det", tmp_path)
    readout.writer.open("run1")
    for number, raw in enumerate(shots(COUNTS), 1):
        readout.expose(number, raw)
    readout.writer.close()
    return tmp_path / "run1"


def test_a_run_is_analysed_from_disk_as_by_a_worker(run):
    sizes = []
    found = analyse(run, progress=sizes.append)
    wanted = truth(COUNTS)
    assert [counts_of(row) for row in found.exposures] == [counts_of(results) for results in wanted]
    assert [row["exposure"] for row in found.exposures] == [1, 2, 3, 4]
    assert (found.results["image"] == wanted[-1]["image"]).all()
    assert (found.run, found.source, found.lost, found.late_hits, found.damaged) == (
        "run1",
        "det",
        0,
        0,
        False,
    )
    assert sum(sizes) == sum(path.stat().st_size for path in (run / "det").glob("*.seg"))
    assert 0 < found.opened_ns <= found.closed_ns


def test_a_log_that_ends_inside_an_exposure_counts_as_far_as_it_goes(run):
    (segment,) = (run / "det").glob("*.seg")
    whole = segment.read_bytes()
    found = analyse(run)
    for keep in (len(whole) - 700, len(whole) // 2):
        segment.write_bytes(whole[:keep])
        part = analyse(run)
        assert (
            part.results["hits"]
            == sum(row["exposure_hits"] for row in part.exposures)
            <= found.results["hits"]
        )
        assert part.results["hits"] == part.results["size_spectrum"] @ np.arange(256)


def test_the_file_has_units_axes_and_every_result(run, tmp_path):
    found = analyse(run)
    path = write(
        tmp_path / "out" / "run1.h5",
        found.results,
        run=found.run,
        source=found.source,
        exposures=found.exposures,
        parameters={"window_ns": 200.0, "update_hz": 10.0, "note": "test"},
        opened_ns=found.opened_ns,
        closed_ns=found.closed_ns,
    )
    with h5py.File(path) as file:
        entry = file[file.attrs["default"]]
        assert entry.attrs["NX_class"] == "NXentry"
        for name, value in found.results.items():
            if not isinstance(value, np.ndarray):
                assert entry["counts"][name][()] == value
                continue
            group = entry[name]
            assert (group[group.attrs["signal"]][()] == value).all()
            assert [group[axis].size for axis in group.attrs["axes"]] == list(value.shape)
            assert all("units" in group[axis].attrs for axis in group.attrs["axes"])
        assert entry["tot_spectrum/tot"].attrs["units"] == "ns"
        assert entry["tot_spectrum/tot"][2] == 50.0
        assert entry["exposures/exposure_hits"][()].tolist() == list(COUNTS)
        assert entry["process/window_ns"].attrs["units"] == "ns"
        assert entry["process/update_hz"].attrs["units"] == "Hz"
        assert entry["counts/hits"].attrs["long_name"] == "Hits of this run."
        assert entry["start_time"][()].decode().endswith("+00:00")


def test_a_file_that_cannot_be_written_leaves_the_old_one(run, tmp_path):
    found = analyse(run)
    path = write(tmp_path / "r.h5", found.results, run="run1", source="det")
    before = path.read_bytes()
    with pytest.raises(TypeError):
        write(path, found.results, run="run1", source="det", parameters={"bad": object()})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.glob("*.h5*")] == ["r.h5"]


@pytest.mark.parametrize("empty", [False, True])
def test_pictures(run, tmp_path, empty):
    results = analyse(run).results
    if empty:
        results = {name: value * 0 for name, value in results.items()}
    drawn = plot(tmp_path / "pictures", results, title="run1")
    assert [path.name for path in drawn] == ["image.png", "tot_spectrum.png", "size_spectrum.png"]
    for path in drawn:
        assert imread(path).shape[:2] == (672, 840)
