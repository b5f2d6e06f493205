"""beyond/few_steps.py: DDIM, DPM-Solver++ and their levels, by identities and by their orders."""
from functools import cache, partial

import numpy as np
import pytest

from scratchdiff.beyond.few_steps import (SAMPLERS, SPACINGS, ddim, ddim_step, dpm, few_levels,
                                          few_steps)
from scratchdiff.diffusion.sampling import reverse_process, reverse_step
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.blocks import BLOCK, sample
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.shapes import SHAPES

SCHEDULE = Schedule.linear()
CENTRES = np.random.default_rng(5).standard_normal((7, 2))
CLOUDS = ExactDenoiser(SCHEDULE, CENTRES, width=0.3)
X, X0, EPS, Z = np.random.default_rng(0).standard_normal((4, 6, 2))
PAIRS = [(t, to) for t in range(SCHEDULE.T) for to in range(-1, SCHEDULE.T) if t != to]


def end(sampler, x=X, denoiser=CLOUDS, seed=0):
    for x in sampler(denoiser, denoiser.schedule, x, np.random.default_rng(seed)):
        pass
    return x


def noisy(t):
    """X0 with the noise EPS at level t; -1 is the clean point."""
    return X0 if t == -1 else SCHEDULE.add_noise(X0, t, EPS)


def fine_clouds(T):
    """The perfect denoiser of CENTRES with T levels, evenly spaced in the log-SNR: 4.6 to -1.3."""
    alpha_bars = 1 / (1 + np.exp(-2 * np.linspace(4.6, -1.3, T)))
    schedule = Schedule(1 - alpha_bars / np.append(1, alpha_bars[:-1]))
    return ExactDenoiser(schedule, CENTRES, width=0.3)


def order(errors):
    """By which power of the step an error falls, if each entry has half the step of the last."""
    return np.log2(errors[-2] / errors[-1])


def test_a_step_by_hand():
    """alpha_bars 0.8 and 0.8 * 0.45 = 0.36: a = 0.6, s = 0.8, a' = sqrt(0.8), s' = sqrt(0.2)."""
    schedule = Schedule([0.2, 0.55])
    x, eps_hat, z = 2.0, 0.5, -1.0
    x0_hat = (2.0 - 0.8 * 0.5) / 0.6
    sigma2 = 0.25 * 0.2 / 0.64 * (1 - 0.36 / 0.8)                       # eta = 1/2
    expected = 0.8 ** 0.5 * x0_hat + (0.2 - sigma2) ** 0.5 * eps_hat + sigma2 ** 0.5 * z
    step = ddim_step(x, 1, 0, eps_hat, z, schedule, eta=0.5)
    assert step == pytest.approx(expected, rel=1e-14)


def test_with_the_true_noise_a_step_leads_to_the_same_point_at_the_other_level():
    for t, to in PAIRS[::3]:
        assert np.allclose(ddim_step(noisy(t), t, to, EPS, 0.0, SCHEDULE), noisy(to),
                           rtol=0, atol=1e-12), f"from level {t} to level {to}"


def test_fresh_noise_replaces_as_much_of_the_old_noise():
    """The two variances add up to that of the level, whatever eta."""
    for t, to in [(49, 48), (49, 20), (10, 3), (1, 0), (30, -1)]:
        for eta in (0.3, 1.0):
            a, s = np.sqrt(SCHEDULE.alpha_bars[t]), np.sqrt(1 - SCHEDULE.alpha_bars[t])
            old = ddim_step(s, t, to, 1.0, 0.0, SCHEDULE, eta)          # x_0 = 0, all noise
            fresh = ddim_step(a, t, to, 0.0, 1.0, SCHEDULE, eta)        # x_0 = 1, no noise
            fresh -= ddim_step(a, t, to, 0.0, 0.0, SCHEDULE, eta)
            variance = 0.0 if to == -1 else 1 - SCHEDULE.alpha_bars[to]
            assert old ** 2 + fresh ** 2 == pytest.approx(variance, abs=1e-14)
            assert (fresh > 0) == (to >= 0)


def test_eta_1_over_all_levels_is_the_tutorials_step():
    for t in range(SCHEDULE.T):
        ours = ddim_step(X, t, t - 1, EPS, Z, SCHEDULE, eta=1.0)
        theirs = reverse_step(X, t, EPS, Z, SCHEDULE, "posterior")
        assert np.allclose(ours, theirs, rtol=0, atol=1e-12), f"at level {t}"


def test_eta_1_over_all_levels_is_the_tutorials_walk():
    walks = (sampler(CLOUDS, SCHEDULE, X, np.random.default_rng(1))
             for sampler in (partial(ddim, eta=1.0), reverse_process))
    for ours, theirs in zip(*walks, strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-11)            # 50 steps, not one


def test_with_one_guess_dpm_is_ddim():
    """A step down to any level, and then the last one: no line is drawn through two guesses."""
    for t, to in PAIRS[::11]:
        levels = [t, to] if to == -1 else [t, to, -1]
        walks = (sampler(CLOUDS, SCHEDULE, X, None, levels) for sampler in (ddim, dpm))
        for ours, theirs in zip(*walks, strict=True):
            assert np.allclose(ours, theirs, rtol=0, atol=1e-12), f"levels {levels}"


def test_dpm_is_the_algorithm_of_the_paper():
    """Lu et al. 2022, algorithm 2, in their letters: lambda, h and r, and coefficients of D."""
    levels = few_levels(SCHEDULE, 8)
    alpha, sigma = np.sqrt(SCHEDULE.alpha_bars), np.sqrt(1 - SCHEDULE.alpha_bars)
    lam = np.log(alpha / sigma)
    x, states = X, list(dpm(CLOUDS, SCHEDULE, X, None, levels))
    buffer = []
    for i, (t, to) in enumerate(zip(levels, levels[1:-1])):
        buffer.append((x - sigma[t] * CLOUDS(x, t)) / alpha[t])
        D, h = buffer[-1], lam[to] - lam[t]
        if i:
            r = (lam[t] - lam[levels[i - 1]]) / h
            D = (1 + 1 / (2 * r)) * buffer[-1] - 1 / (2 * r) * buffer[-2]
        x = sigma[to] / sigma[t] * x - alpha[to] * (np.exp(-h) - 1) * D
        assert np.allclose(states[i], x, rtol=0, atol=1e-12), f"step {i}"
    assert np.allclose(states[-1], (x - sigma[0] * CLOUDS(x, 0)) / alpha[0], rtol=0, atol=1e-12)


@cache
def true_ends():
    """A hundred points of noise, and where 800 steps of dpm lead them."""
    x = np.random.default_rng(0).standard_normal((100, 2))
    return x, end(dpm, x, fine_clouds(801))


@pytest.mark.parametrize("sampler, expected", [(ddim, 1), (dpm, 2)])
def test_the_error_falls_with_the_samplers_order(sampler, expected):
    """Against eight times as many steps of dpm, whose own error is 64 times smaller than dpm's.

    The measured orders are 1.02 and 2.00. A mistake in the second guess makes the second 1.
    """
    x, true = true_ends()
    errors = [np.sqrt(np.mean((end(sampler, x, fine_clouds(K + 1)) - true) ** 2))
              for K in (50, 100)]
    assert order(errors) == pytest.approx(expected, abs=0.05), errors


@pytest.mark.parametrize("sampler, expected", [(ddim, 1), (dpm, 2)])
def test_without_eta_a_walk_is_a_map_and_can_be_walked_back(sampler, expected):
    """Down to level 0 and up again: the noise comes back, to the sampler's order."""
    x = np.random.default_rng(0).standard_normal((100, 2))
    errors = []
    for K in (50, 100):
        denoiser = fine_clouds(K + 1)
        down = list(range(K + 1))[::-1]
        points = end(partial(sampler, levels=down), x, denoiser, seed=1)
        assert np.array_equal(points, end(partial(sampler, levels=down), x, denoiser, seed=2))
        again = end(partial(sampler, levels=down[::-1]), points, denoiser)
        errors.append(np.sqrt(np.mean((again - x) ** 2)))
    assert order(errors) == pytest.approx(expected, abs=0.1), errors    # 0.99 and 1.96


def test_ten_steps_are_best_on_the_spacing_of_the_table():
    """Of the samplers' own error: how far ten steps end from fifty, with the perfect denoiser."""
    shape = SHAPES["gaussians"]
    gaussians = ExactDenoiser(SCHEDULE, shape.grid, shape.standard_width)
    x = np.random.default_rng(0).standard_normal((500, 2))
    true = end(dpm, x, gaussians)
    for sampler, best in SAMPLERS.values():
        errors = {name: np.abs(end(partial(sampler, levels=few_levels(SCHEDULE, 10, name)), x,
                                   gaussians) - true).mean() for name in SPACINGS}
        assert min(errors, key=errors.get) == best, errors


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("T", [1, 2, 3, 50])
def test_k_levels_from_the_noisiest_to_level_0_and_then_the_clean_point(T, spacing):
    schedule = Schedule.linear(T)
    for K in range(1, T + 1):
        levels = few_levels(schedule, K, spacing)
        assert {type(t) for t in levels} == {int} and len(levels) == K + 1
        assert levels[0] == T - 1 and levels[-1] == -1 and (K == 1 or levels[-2] == 0)
        assert all(to < t for t, to in zip(levels, levels[1:])), f"K = {K}"


@pytest.mark.parametrize("spacing, evenly", [
    ("even", lambda t, u: t), ("quadratic", lambda t, u: np.sqrt(t)), ("log-snr", lambda t, u: u)])
def test_a_spacing_is_even_in_what_it_says(spacing, evenly):
    """On a fine schedule with small first steps, where rounding to a whole level costs little."""
    schedule = Schedule.linear(20_000, 1e-7, 1e-3)
    u = np.log(schedule.alpha_bars / (1 - schedule.alpha_bars)) / 2
    t = np.array(few_levels(schedule, 9, spacing)[:-1])
    gaps = np.diff(evenly(t, u[t]))
    assert np.allclose(gaps, gaps.mean(), rtol=0.02)


def test_levels_that_round_to_the_same_number_make_room_for_each_other():
    assert few_levels(SCHEDULE, 10) == [49, 37, 24, 14, 7, 4, 3, 2, 1, 0, -1]
    assert few_levels(SCHEDULE, 5, "quadratic") == [49, 28, 12, 3, 0, -1]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_asks_once_at_each_level_and_keeps_the_dtype(name):
    for K in (1, 2, 10, 50):
        asked = []

        def denoiser(x, t):
            asked.append(t)
            return x / 2

        x = np.ones((4, 3), np.float32)
        states = list(few_steps(name, SCHEDULE, K)(denoiser, SCHEDULE, x, None))
        assert asked == few_levels(SCHEDULE, K, SAMPLERS[name][1])[:-1] and len(states) == K
        assert {state.dtype for state in states} == {np.dtype(np.float32)}
        assert (x == 1).all(), "it leaves its start alone"


@pytest.mark.parametrize("sampler", [ddim, dpm, partial(ddim, eta=1.0)])
def test_all_levels_unless_told_otherwise_and_dtype_of_the_points(sampler):
    states = list(sampler(lambda x, t: x / 2, SCHEDULE, X.astype(np.float32),
                          np.random.default_rng(0)))
    assert len(states) == SCHEDULE.T and states[-1].dtype == np.float32


def test_many_points_take_few_steps_too():
    points = list(sample(CLOUDS, SCHEDULE, BLOCK + 10, 2, np.random.default_rng(0),
                         few_steps("dpm", SCHEDULE, 5)))
    assert sum(map(len, points)) == BLOCK + 10
    nearest = np.hypot(*(points[0][:, None] - CENTRES).T).min(axis=0)
    assert np.mean(nearest < 0.6) > 0.5, "half of them within two widths of a centre"


def test_misuse_is_named():
    for K in (0, 51):
        with pytest.raises(ValueError, match=f"K must be from 1 to 50, .*, got {K}"):
            few_levels(SCHEDULE, K)
    with pytest.raises(ValueError, match='spacing must be "log-snr" or "quadratic" or "even"'):
        few_levels(SCHEDULE, 10, "odd")
