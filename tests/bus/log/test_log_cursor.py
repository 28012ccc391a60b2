"""A saved state comes back whole or not at all."""

import numpy as np
import pytest
from hitline.bus.log.cursor import Cursor, load_state, save_state


def test_state_comes_back_with_its_cursor(tmp_path):
    path = tmp_path / "worker.state"
    assert load_state(path) is None
    arrays = {
        "image": np.arange(12, dtype="<i4").reshape(3, 4),
        "empty": np.zeros(0),
        "file": np.float64(2.5),
        "bits": np.array([True, False]),
        "table": np.zeros(2, dtype=[("t", "<i8"), ("x", "<u2")]),
    }
    save_state(path, Cursor("r1", 1600, 9), arrays, {"strikes": 2})
    save_state(path, Cursor("r1", 3200, 10), arrays, {"strikes": 3})
    state = load_state(path)
    assert state.cursor == Cursor("r1", 3200, 10) and state.facts == {"strikes": 3}
    assert set(state.arrays) == set(arrays)
    for name, array in arrays.items():
        assert state.arrays[name].dtype == np.asarray(array).dtype
        assert np.array_equal(state.arrays[name].reshape(np.shape(array)), array)
    with np.load(path, allow_pickle=False) as archive:
        assert "image" in archive
    assert [p.name for p in tmp_path.iterdir()] == ["worker.state"]


def test_objects_are_refused_and_the_old_state_stays(tmp_path):
    path = tmp_path / "worker.state"
    save_state(path, Cursor("r1"), {}, {})
    with pytest.raises(ValueError, match="Object arrays"):
        save_state(path, Cursor("r2"), {"bad": np.array([object()])}, {})
    assert load_state(path).cursor == Cursor("r1")


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: b"",
        lambda d: d[:100],
        lambda d: d[:-30],
        lambda d: b"x" * 500,
        lambda d: d.replace(b"\x00\x00\x00\x07", b"\x00\x00\x00\x08"),
        lambda d: d.replace(b'"version":1', b'"version":2'),
    ],
)
def test_a_damaged_file_is_an_error_with_the_next_step(tmp_path, damage):
    path = tmp_path / "worker.state"
    save_state(path, Cursor("r1", 7, 7), {"a": np.full(10, 7, dtype=">i4")}, {})
    raw = path.read_bytes()
    assert damage(raw) != raw
    path.write_bytes(damage(raw))
    with pytest.raises(ValueError, match="remove it"):
        load_state(path)
