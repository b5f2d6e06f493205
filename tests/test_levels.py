"""diffusion/levels.py: levels are drawn as often as it says, and count as much as it says."""
import numpy as np
import pytest

from scratchdiff.diffusion.levels import LEVELS, EvenLevels, LowLevels
from scratchdiff.diffusion.schedule import Schedule

SCHEDULE = Schedule.linear()
LOW, EVEN = LowLevels(SCHEDULE), EvenLevels(SCHEDULE)


def test_the_formulas():
    s = np.sqrt(1 - SCHEDULE.alpha_bars)
    for values, power in [(LOW.probabilities, -1 / 2), (LOW.weights, 1 / 4), (LOW.shares, -1 / 4)]:
        assert np.allclose(values / values[0], (s / s[0]) ** power, rtol=1e-12)
    assert np.isclose(LOW.probabilities.sum(), 1) and np.isclose(LOW.shares.sum(), 1)


def test_level_0_is_drawn_six_times_as_often_as_the_docstring_says():
    assert round(50 * LOW.probabilities[0]) == 6


@pytest.mark.parametrize("levels, probabilities",
                         [(LOW, LOW.probabilities), (EVEN, np.full(50, 1 / 50))])
def test_draws_are_as_frequent_as_they_should_be(levels, probabilities):
    n = 100_000
    counts = np.bincount(levels.draw((100, n // 100), np.random.default_rng(0)).ravel(),
                         minlength=50)
    errors = np.sqrt(n * probabilities * (1 - probabilities))
    assert counts.sum() == n and len(counts) == 50
    assert np.abs((counts - n * probabilities) / errors).max() < 4.5    # 50 times, 1 in 3000


@pytest.mark.parametrize("levels", [LOW, EVEN])
def test_the_weighted_mean_of_the_draws_is_the_mean_by_shares(levels):
    """Importance sampling: the loss has the shares that it should have, whatever is drawn."""
    losses = np.linspace(3, 1, 50) ** 2
    t = levels.draw(100_000, np.random.default_rng(1))
    weighted = np.ravel(levels.weight(t)) * losses[t]
    error = weighted.std() / np.sqrt(len(t))
    assert abs(weighted.mean() - levels.shares @ losses) < 4 * error
    assert np.isclose(np.mean(levels.weight(t)), 1, atol=0.01)          # 1 on average


def test_even_draws_are_those_of_rng_integers():
    """So a run of the tutorial's recipe stays bit for bit what it was."""
    assert np.array_equal(EVEN.draw((3, 4), np.random.default_rng(2)),
                          np.random.default_rng(2).integers(50, size=(3, 4)))
    assert EVEN.weight(np.array([3, 4])) == 1


def test_one_weight_for_each_row():
    assert LOW.weight(np.array([0, 49, 0])).shape == (3, 1)
    assert LEVELS == {"even": EvenLevels, "low": LowLevels}
