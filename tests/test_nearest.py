"""measure/nearest.py: distances to the nearest of other points."""
import numpy as np
import pytest

from scratchdiff.measure import nearest as module
from scratchdiff.measure.nearest import nearest

rng = np.random.default_rng(0)
A, B = rng.standard_normal((41, 3)), rng.standard_normal((30, 3))


def by_definition(a, b, others=False):
    return [min(np.sqrt(np.sum((x - y) ** 2)) for j, y in enumerate(b) if not (others and i == j))
            for i, x in enumerate(a)]


@pytest.mark.parametrize("cells", [1, 100, 2 ** 18])
def test_by_definition_in_blocks_of_any_size(monkeypatch, cells):
    monkeypatch.setattr(module, "CELLS", cells)
    assert np.allclose(nearest(A, B), by_definition(A, B), rtol=1e-12, atol=0)
    others = nearest(A, A, leave_out_itself=True)
    assert np.allclose(others, by_definition(A, A, others=True), rtol=1e-12)


def test_points_that_coincide_are_at_0_and_not_below():
    assert np.all(nearest(A, A) < 1e-7), "the square root of a rounding error of 1e-15"
    assert nearest(np.ones((2, 2)), np.ones((1, 2))).tolist() == [0, 0]


def test_float32_points():
    assert np.allclose(nearest(A.astype(np.float32), B), by_definition(A, B), rtol=1e-5)
    assert nearest(A.astype(np.float32), B.astype(np.float32)).dtype == np.float64
