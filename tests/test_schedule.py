"""diffusion/schedule.py: the identities of Ho et al. 2020, section 2."""
import numpy as np
import pytest

from scratchdiff.diffusion.schedule import Schedule

SCHEDULE = Schedule.linear()


def test_the_tutorials_schedule():
    assert SCHEDULE.T == 50
    assert SCHEDULE.betas[0] == 1e-4 and SCHEDULE.betas[-1] == 0.1
    assert np.allclose(np.diff(SCHEDULE.betas), (0.1 - 1e-4) / 49, rtol=1e-12)
    assert np.array_equal(Schedule.linear(3, 0.1, 0.3).betas, [0.1, 0.2, 0.3])


def test_alpha_bars_by_hand():
    schedule = Schedule([0.5, 0.2, 0.1])
    assert schedule.alphas == pytest.approx([0.5, 0.8, 0.9], rel=1e-15)
    assert schedule.alpha_bars == pytest.approx([0.5, 0.4, 0.36], rel=1e-15)


def test_one_jump_is_all_the_small_steps():
    """x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps, from t = 0 on: mean and variance of x_t, in closed form."""
    mean, variance = 1.0, 0.0
    for t in range(SCHEDULE.T):
        mean *= np.sqrt(1 - SCHEDULE.betas[t])
        variance = (1 - SCHEDULE.betas[t]) * variance + SCHEDULE.betas[t]
        x0 = np.ones((1, 1))
        assert SCHEDULE.add_noise(x0, t, np.zeros((1, 1)))[0, 0] == pytest.approx(mean, rel=1e-13)
        assert SCHEDULE.add_noise(0 * x0, t, np.ones((1, 1)))[0, 0] ** 2 == pytest.approx(variance, rel=1e-11)


@pytest.mark.parametrize("t", [0, 10, 49])
def test_variance_of_noisy_points(t):
    n = 40_000
    rng = np.random.default_rng(0)
    xt = SCHEDULE.add_noise(np.full((n, 2), 3.0), t, rng.standard_normal((n, 2)))
    want = 1 - SCHEDULE.alpha_bars[t]
    assert abs(xt.var() / want - 1) < 4 * np.sqrt(2 / (2 * n)), "4 standard errors"
    assert abs(xt.mean() - 3 * np.sqrt(SCHEDULE.alpha_bars[t])) < 4 * np.sqrt(want / (2 * n)), "4 standard errors"


def test_each_row_gets_its_own_level():
    rng = np.random.default_rng(0)
    x0, eps, t = rng.standard_normal((4, 2)), rng.standard_normal((4, 2)), np.array([0, 49, 7, 20])
    rows = [SCHEDULE.add_noise(x0[i:i + 1], int(t[i]), eps[i:i + 1]) for i in range(4)]
    assert np.array_equal(SCHEDULE.add_noise(x0, t, eps), np.concatenate(rows))


def test_posterior_variance_is_eq_7():
    """By Bayes' rule: 1 / variance of x_{t-1} given x_t and x_0 = alpha_t / beta_t + 1 / (1 - alpha_bar_{t-1})."""
    for t in range(1, SCHEDULE.T):
        precision = SCHEDULE.alphas[t] / SCHEDULE.betas[t] + 1 / (1 - SCHEDULE.alpha_bars[t - 1])
        assert SCHEDULE.variance(t, "posterior") == pytest.approx(1 / precision, rel=1e-12)
        assert SCHEDULE.variance(t) == SCHEDULE.variance(t, "posterior") < SCHEDULE.variance(t, "beta") == SCHEDULE.betas[t]
    assert SCHEDULE.variance(0, "posterior") == SCHEDULE.variance(0, "beta") == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = np.ones((3, 2), dtype)
    assert SCHEDULE.add_noise(x, np.array([1, 2, 3]), x).dtype == SCHEDULE.add_noise(x, 1, x).dtype == dtype
    assert type(SCHEDULE.variance(3)) is type(SCHEDULE.variance(3, "beta")) is float, "a NumPy scalar would make float32 float64"


@pytest.mark.parametrize("betas", [[], [[0.1]], [0.0, 0.1], [0.1, 1.0], [-0.1], [np.nan]])
def test_bad_betas_are_named(betas):
    with pytest.raises(ValueError, match="betas must be a row of numbers above 0 and below 1, got"):
        Schedule(betas)


def test_misuse_is_named():
    x = np.ones((3, 2))
    for t in (-1, 50, np.array([0, 1, 50]), np.array([0, -1, 3])):
        with pytest.raises(ValueError, match="t must be from 0 to 49, got"):
            SCHEDULE.add_noise(x, t, x)
    with pytest.raises(ValueError, match=r"t must be one int or have shape \(3,\), one for each point, got \(2,\)"):
        SCHEDULE.add_noise(x, np.array([0, 1]), x)
    with pytest.raises(TypeError, match="t must be an int or an array of ints, got float64"):
        SCHEDULE.add_noise(x, 0.5, x)
    with pytest.raises(ValueError, match=r"eps must have shape \(3, 2\), got \(2, 2\)"):
        SCHEDULE.add_noise(x, 0, np.ones((2, 2)))
    with pytest.raises(TypeError, match="x0 must be a NumPy array of floats, got an array of int64"):
        SCHEDULE.add_noise(np.ones((3, 2), int), 0, x)
    with pytest.raises(ValueError, match="the variance must be \"beta\" or \"posterior\", got 'small'"):
        SCHEDULE.variance(3, "small")
    for t in (-1, 50):
        with pytest.raises(ValueError, match=f"t must be from 0 to 49, got {t}"):
            SCHEDULE.variance(t)
