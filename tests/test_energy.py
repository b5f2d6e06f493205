"""measure/energy.py: the distance between two samples."""
import tracemalloc

import numpy as np
import pytest

from scratchdiff.measure import energy
from scratchdiff.measure.energy import energy_distance, expected_energy_distance


def test_by_hand():
    a, b = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 1.0]])
    between = (1 + np.sqrt(18)) / 2
    within = (0 + 5 + 5 + 0) / 4
    assert energy_distance(a, b) == pytest.approx(2 * between - within - 0, rel=1e-14)


def test_in_one_dimension_it_is_twice_the_squared_distance_of_the_distribution_functions():
    """Szekely & Rizzo 2013, section 2: 2 times the integral of (F - G)^2."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((30, 1)), rng.standard_normal((50, 1)) + 0.5
    grid = np.sort(np.concatenate([a, b]).ravel())
    F, G = (np.searchsorted(np.sort(x.ravel()), grid, side="right") / len(x) for x in (a, b))
    integral = np.sum((F - G)[:-1] ** 2 * np.diff(grid))
    assert energy_distance(a, b) == pytest.approx(2 * integral, rel=1e-12)


def test_zero_for_the_same_set_and_the_same_both_ways():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 3)), rng.standard_normal((25, 3))
    assert energy_distance(a, a[::-1]) == pytest.approx(0, abs=1e-14)
    assert energy_distance(a, b) == pytest.approx(energy_distance(b, a), rel=1e-12)
    assert energy_distance(a, b) > 0


def test_two_halves_of_one_distribution():
    """It is the average of measured distances, and without bias: from samples of 5 as from 50."""
    rng = np.random.default_rng(0)
    pairs = [energy_distance(rng.standard_normal((50, 2)), rng.standard_normal((50, 2)))
             for _ in range(400)]
    error = np.std(pairs) / np.sqrt(400)
    said = [expected_energy_distance(rng.standard_normal((50, 2))) for _ in range(50)]
    assert abs(np.mean(said) - np.mean(pairs)) < 4 * error
    small = [5 / 50 * expected_energy_distance(rng.standard_normal((5, 2))) for _ in range(2000)]
    assert np.mean(small) == pytest.approx(np.mean(said), rel=0.05)
    assert expected_energy_distance(np.array([[0.0], [3.0]])) == 3.0


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((41, 2)), rng.standard_normal((30, 2))
    whole = energy_distance(a, b)
    for cells in (1, 90, 100):
        monkeypatch.setattr(energy, "CELLS", cells)
        assert energy_distance(a, b) == pytest.approx(whole, rel=1e-12)


def test_blocks_bound_the_memory(monkeypatch):
    points = np.random.default_rng(0).standard_normal((2000, 2))
    monkeypatch.setattr(energy, "CELLS", 20_000)
    tracemalloc.start()
    energy_distance(points, points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 8 * 20_000, "a few arrays of 20,000 floats; all distances are 4,000,000"


def test_rounding_does_not_take_it_below_0():
    points = np.random.default_rng(0).standard_normal((50, 2))
    shuffled = [energy_distance(points, np.random.default_rng(seed).permutation(points))
                for seed in range(20)]
    assert all(0 <= distance < 1e-14 for distance in shuffled), "numbers near 1, in another order"


def test_float32_points_are_compared_in_float64():
    far = np.array([[0.0], [1.0]], np.float32) + np.float32(1e20)       # its square is no float32
    assert energy_distance(far, far + np.float32(1e20)) == pytest.approx(2e20, rel=1e-6)


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("which", [0, 1])
def test_what_is_not_finite_is_no_distance_of_0(strange, which):
    """The square of 1e200 is not finite either."""
    sets = [np.ones((3, 2)), np.ones((3, 2))]
    sets[which][1, 1] = strange
    with pytest.raises(ValueError, match="the points must be finite"):
        energy_distance(*sets)
    with pytest.raises(ValueError, match="the points must be finite"):
        expected_energy_distance(sets[which])


def test_misuse_is_named():
    with pytest.raises(ValueError, match=r"b must have shape \(n, 2\), got \(3, 3\)"):
        energy_distance(np.ones((3, 2)), np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"n at least 2, got \(1, 2\)"):
        expected_energy_distance(np.ones((1, 2)))
    with pytest.raises(ValueError, match="at least one point, got 3 and 0"):
        energy_distance(np.ones((3, 2)), np.ones((0, 2)))
    with pytest.raises(ValueError, match="at least one point, got 0 and 3"):
        energy_distance(np.ones((0, 2)), np.ones((3, 2)))
    with pytest.raises(TypeError, match="a must be a NumPy array of floats, got list"):
        energy_distance([[1.0]], np.ones((3, 1)))
    with pytest.raises(TypeError, match="points must be a NumPy array of floats, got an array"):
        expected_energy_distance(np.ones((3, 2), np.int64))
