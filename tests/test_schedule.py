"""diffusion/schedule.py: the identities of Ho et al. 2020, section 2."""
import numpy as np
import pytest

from scratchdiff.diffusion.schedule import SCHEDULES, VARIANCES, Schedule

SCHEDULE = Schedule.linear()


def test_the_tutorials_schedule():
    assert SCHEDULE.T == 50
    assert SCHEDULE.betas[0] == 1e-4 and SCHEDULE.betas[-1] == 0.1
    assert np.allclose(np.diff(SCHEDULE.betas), (0.1 - 1e-4) / 49, rtol=1e-12)
    assert np.array_equal(Schedule.linear(3, 0.1, 0.3).betas, [0.1, 0.2, 0.3])


def test_squares_are_evenly_spaced_before_they_are_squared():
    schedule = Schedule.squares()
    assert schedule.T == 50
    assert schedule.betas[[0, -1]] == pytest.approx([4e-4, 0.25], rel=1e-12)
    assert np.allclose(np.diff(np.sqrt(schedule.betas)), (0.5 - 0.02) / 49, rtol=1e-12)
    assert Schedule.squares(3, 0.01, 0.09).betas == pytest.approx([0.01, 0.04, 0.09], rel=1e-12)
    assert np.sqrt(schedule.alpha_bars[-1]) == pytest.approx(0.09, abs=0.005), "as it says"


def test_every_schedule_has_a_name():
    assert {name: make().betas[-1] for name, make in SCHEDULES.items()} == pytest.approx(
        {"linear": 0.1, "squares": 0.25}, rel=1e-12)


def test_alpha_bars_by_hand():
    schedule = Schedule([0.5, 0.2, 0.1])
    assert schedule.T == 3
    assert schedule.alphas == pytest.approx([0.5, 0.8, 0.9], rel=1e-15)
    assert schedule.alpha_bars == pytest.approx([0.5, 0.4, 0.36], rel=1e-15)
    arrays = schedule.betas, schedule.alphas, schedule.alpha_bars
    assert {(array.dtype, array.shape) for array in arrays} == {(np.dtype("f8"), (3,))}


def test_the_noisiest_level_holds_what_the_docstring_says():
    assert np.sqrt(SCHEDULE.alpha_bars[-1]) == pytest.approx(0.27, abs=0.005)


def test_a_schedule_keeps_its_own_betas():
    betas = np.array([0.1, 0.2])
    schedule = Schedule(betas)
    betas[:] = 0.5
    assert schedule.betas.tolist() == [0.1, 0.2]


def test_one_jump_is_all_the_small_steps():
    """Each step is x_t = sqrt(1 - beta_t) x_{t-1} + sqrt(beta_t) eps: follow mean and variance."""
    mean, variance = 1.0, 0.0
    one, zero = np.ones((1, 1)), np.zeros((1, 1))
    for t in range(SCHEDULE.T):
        mean *= np.sqrt(1 - SCHEDULE.betas[t])
        variance = (1 - SCHEDULE.betas[t]) * variance + SCHEDULE.betas[t]
        assert SCHEDULE.add_noise(one, t, zero)[0, 0] == pytest.approx(mean, rel=1e-13)
        assert SCHEDULE.add_noise(zero, t, one)[0, 0] ** 2 == pytest.approx(variance, rel=1e-11)


@pytest.mark.parametrize("t", [0, 10, 49])
def test_variance_of_noisy_points(t):
    n = 40_000
    rng = np.random.default_rng(0)
    xt = SCHEDULE.add_noise(np.full((n, 2), 3.0), t, rng.standard_normal((n, 2)))
    variance = 1 - SCHEDULE.alpha_bars[t]
    mean = 3 * np.sqrt(SCHEDULE.alpha_bars[t])
    assert abs(xt.var() / variance - 1) < 4 * np.sqrt(2 / (2 * n)), "4 standard errors"
    assert abs(xt.mean() - mean) < 4 * np.sqrt(variance / (2 * n)), "4 standard errors"


def test_each_row_gets_its_own_level():
    rng = np.random.default_rng(0)
    x0, eps = rng.standard_normal((2, 4, 2))
    t = np.array([0, 49, 7, 20])
    rows = [SCHEDULE.add_noise(x0[i:i + 1], int(t[i]), eps[i:i + 1]) for i in range(4)]
    assert np.array_equal(SCHEDULE.add_noise(x0, t, eps), np.concatenate(rows))


def test_points_may_have_any_leading_shape():
    """A chunk of batches is (batches, n, d), with levels (batches, n)."""
    rng = np.random.default_rng(0)
    x0, eps = rng.standard_normal((2, 3, 4, 2))
    t = rng.integers(50, size=(3, 4))
    batches = [SCHEDULE.add_noise(*batch) for batch in zip(x0, t, eps)]
    assert np.array_equal(SCHEDULE.add_noise(x0, t, eps), batches)


def test_posterior_variance_is_eq_7():
    """By Bayes' rule, 1 / variance = alpha_t / beta_t + 1 / (1 - alpha_bar_{t-1})."""
    assert list(VARIANCES) == ["posterior", "beta", "mixed"]
    for t in range(1, SCHEDULE.T):
        precision = (SCHEDULE.alphas[t] / SCHEDULE.betas[t]
                     + 1 / (1 - SCHEDULE.alpha_bars[t - 1]))
        posterior = SCHEDULE.variance(t, "posterior")
        assert posterior == pytest.approx(1 / precision, rel=1e-12)
        assert posterior == SCHEDULE.variance(t) < SCHEDULE.variance(t, "beta") == SCHEDULE.betas[t]
    assert SCHEDULE.variance(0, "posterior") == SCHEDULE.variance(0, "beta") == 0


def test_beta_is_the_variance_for_standard_normal_points():
    n, t = 200_000, 20
    beta, rng = SCHEDULE.betas[t], np.random.default_rng(0)
    before, eps = rng.standard_normal((2, n))                   # x_{t-1} is standard normal, too
    xt = np.sqrt(1 - beta) * before + np.sqrt(beta) * eps
    rest = before - np.cov(before, xt)[0, 1] / xt.var() * xt    # what x_t does not say
    assert rest.var() == pytest.approx(SCHEDULE.variance(t, "beta"), rel=5 * np.sqrt(2 / n))


@pytest.mark.parametrize("name, size", [("linear", 0.2), ("squares", 0.13)])
def test_the_mixed_variance_changes_over_above_a_tenth_of_the_levels(name, size):
    schedule = SCHEDULES[name]()
    noise = np.sqrt(1 - schedule.alpha_bars)
    for t in range(schedule.T):
        kind = "posterior" if t < 6 else "beta"         # the sixth level, t = 5, is at a tenth of T
        assert schedule.variance(t, "mixed") == schedule.variance(t, kind)
        assert (noise[t] < size) == (kind == "posterior"), "as it says"


def test_the_fact_about_gaussians_that_it_rests_on():
    """e ~ N(0, b) and r ~ N(0, V - b), s = e + r: E[e | s] = b/V s, var(e | s) = b (1 - b/V)."""
    n, b, V = 100_000, 0.3, 1.2
    rng = np.random.default_rng(0)
    e = np.sqrt(b) * rng.standard_normal(n)
    s = e + np.sqrt(V - b) * rng.standard_normal(n)
    rest = e - b / V * s
    for some in (s > 0.5, s < -0.5, np.abs(s) < 0.5):       # the same, whatever s is
        error = rest[some].std() / np.sqrt(some.sum())
        assert abs(rest[some].mean()) < 4 * error, "4 standard errors"
        assert rest[some].var() / (b * (1 - b / V)) == pytest.approx(
            1, abs=4 * np.sqrt(2 / some.sum())), "4 standard errors"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    x = np.ones((3, 2), dtype)
    assert SCHEDULE.add_noise(x, np.array([1, 2, 3]), x).dtype == dtype
    assert SCHEDULE.add_noise(x, 1, x).dtype == dtype
    for t in (0, 3):                    # a NumPy float64 would turn float32 arrays into float64
        assert {type(SCHEDULE.variance(t, kind)) for kind in VARIANCES} == {float}


@pytest.mark.parametrize("betas", [[], [[0.1]], 0.1, [0.0, 0.1], [0.1, 1.0], [-0.1], [np.nan]])
def test_bad_betas_are_named(betas):
    with pytest.raises(ValueError, match="betas must be a row of numbers above 0 and below 1, got"):
        Schedule(betas)


def test_misuse_is_named():
    x = np.ones((3, 2))
    with pytest.raises(ValueError, match="t must be from 0 to 49, got 0 to 50"):
        SCHEDULE.add_noise(x, np.array([0, 1, 50]), x)
    with pytest.raises(ValueError, match=r"t must be one int or have shape \(3,\), .* got \(2,\)"):
        SCHEDULE.add_noise(x, np.array([0, 1]), x)
    with pytest.raises(TypeError, match="t must be an int or an array of ints, got float64"):
        SCHEDULE.add_noise(x, 0.5, x)
    with pytest.raises(ValueError, match=r"eps must have shape \(3, 2\), got \(1, 2\)"):
        SCHEDULE.add_noise(x, 0, np.ones((1, 2)))
    with pytest.raises(TypeError, match="x0 must be a NumPy array of floats, got an array of int"):
        SCHEDULE.add_noise(np.ones((3, 2), int), 0, x)
    with pytest.raises(TypeError, match="eps must be a NumPy array of floats, got list"):
        SCHEDULE.add_noise(x, 0, x.tolist())
    with pytest.raises(ValueError, match="variance must be .* or \"mixed\", got 'small'"):
        SCHEDULE.variance(3, "small")
    for t in (-1, 50):
        with pytest.raises(ValueError, match=f"t must be from 0 to 49, got {t}"):
            SCHEDULE.variance(t)


def test_a_schedule_of_its_alpha_bars():
    again = Schedule.of_alpha_bars(SCHEDULE.alpha_bars)
    assert np.allclose(again.betas, SCHEDULE.betas, rtol=1e-12), "rounding of quotients near 1"
