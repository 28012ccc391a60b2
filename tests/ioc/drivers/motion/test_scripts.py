"""Whatever is done to an axis: no step past a limit, done only at rest, and no hang once it is healed."""

import pytest
import virtual
from motion_bench import KINDS
from scripts import play

STEPS = 6


@pytest.mark.parametrize("kind", KINDS)
def test_random_scripts(tmp_path, kind):
    assert virtual.run(play(tmp_path, kind, range(34), STEPS)) == []


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(3))
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_random_scripts(tmp_path, kind, part):
    assert virtual.run(play(tmp_path, kind, range(1000 + part * 1112, 2112 + part * 1112), STEPS)) == []
