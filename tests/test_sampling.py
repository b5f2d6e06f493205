"""diffusion/sampling.py: one step back, and the walk of all steps."""
import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process, reverse_step
from scratchdiff.diffusion.schedule import VARIANCES, Schedule
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()


def network(dtype=np.float64):
    return Denoiser(MLP((3, 8, 2), np.random.default_rng(0), SiLU, dtype), SCHEDULE)


def test_one_step_by_hand():
    """beta = 0.19 after alpha_bar = 0.8: alpha = 0.81, alpha_bar = 0.648, and sqrt(alpha) = 0.9."""
    schedule = Schedule([0.2, 0.19])
    x, eps_hat, z = np.array([[1.0, -2.0]]), np.array([[0.5, 0.25]]), np.array([[1.0, 2.0]])
    mean = (x - 0.19 / 0.352 ** 0.5 * eps_hat) / 0.9
    beta = reverse_step(x, 1, eps_hat, z, schedule, "beta")
    posterior = reverse_step(x, 1, eps_hat, z, schedule)
    assert np.allclose(beta, mean + 0.19 ** 0.5 * z, rtol=1e-14)
    assert np.allclose(posterior, mean + (0.19 * 0.2 / 0.352) ** 0.5 * z, rtol=1e-14)


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_last_step_adds_no_noise_and_undoes_the_first(variance):
    """At t = 0, with the true noise as the guess, it ends on the clean point itself."""
    x0, eps, z = np.random.default_rng(0).standard_normal((3, 5, 2))
    xt = SCHEDULE.add_noise(x0, 0, eps)
    step = reverse_step(xt, 0, eps, z, SCHEDULE, variance)
    assert np.allclose(step, x0, rtol=0, atol=1e-13)


@pytest.mark.parametrize("t", [1, 20, 49])
def test_a_step_has_the_mean_of_the_posterior(t):
    """Ho et al. 2020, eq. 7: with the true noise, the mean of x_{t-1} given x_t and x_0."""
    x0, eps = np.random.default_rng(0).standard_normal((2, 5, 2))
    xt = SCHEDULE.add_noise(x0, t, eps)
    beta, alpha = SCHEDULE.betas[t], SCHEDULE.alphas[t]
    alpha_bar, before = SCHEDULE.alpha_bars[t], SCHEDULE.alpha_bars[t - 1]
    mean = (np.sqrt(before) * beta / (1 - alpha_bar) * x0
            + np.sqrt(alpha) * (1 - before) / (1 - alpha_bar) * xt)
    assert np.allclose(reverse_step(xt, t, eps, 0 * xt, SCHEDULE), mean, rtol=1e-10)


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_process_is_the_steps_from_the_noisiest_level_down(variance):
    denoiser = network()
    x = np.random.default_rng(0).standard_normal((4, 2))
    states = list(reverse_process(denoiser, SCHEDULE, x, np.random.default_rng(1), variance))
    rng = np.random.default_rng(1)
    for t, state in zip(reversed(range(50)), states):
        z = rng.standard_normal((4, 2))
        x = reverse_step(x, t, denoiser(x, t), z, SCHEDULE, variance)
        assert np.array_equal(x, state)
    assert len(states) == 50


def test_the_posterior_variance_is_the_default():
    def walk(*variance):
        rng = np.random.default_rng(1)
        return list(reverse_process(network(), SCHEDULE, np.ones((4, 2)), rng, *variance))
    assert np.array_equal(walk(), walk("posterior")) and not np.allclose(walk(), walk("beta"))


def test_every_state_is_a_new_array():
    """A caller may keep the states; and the start stays as it was."""
    x = np.ones((4, 2))
    states, kept = [x], [x.copy()]
    for state in reverse_process(network(), SCHEDULE, x, np.random.default_rng(1)):
        states.append(state)
        kept.append(state.copy())
    assert np.array_equal(states, kept)


def test_the_walk_has_other_schedules_too():
    schedule = Schedule([0.3, 0.2, 0.6])
    levels = []
    states = list(reverse_process(lambda x, t: levels.append(t) or x, schedule, np.ones((1, 1)),
                                  np.random.default_rng(0)))
    assert len(states) == 3 and levels == [2, 1, 0]


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_function_is_a_denoiser_and_the_dtype_is_kept(dtype, d):
    seen = set()

    def denoiser(x, t):
        seen.add((x.dtype, type(t)))
        return x
    x = np.ones((3, d), dtype)
    for variance in VARIANCES:
        for state in reverse_process(denoiser, SCHEDULE, x, np.random.default_rng(0), variance):
            assert state.dtype == dtype and state.shape == (3, d)
    assert seen == {(np.dtype(dtype), int)}


def test_misuse_is_named():
    rng = np.random.default_rng(0)
    with pytest.raises(TypeError, match="x must be a NumPy array of floats, got an array of int64"):
        next(reverse_process(network(), SCHEDULE, np.ones((3, 2), int), rng))
    with pytest.raises(ValueError, match="variance must be .* or \"mixed\", got 'small'"):
        next(reverse_process(network(), SCHEDULE, np.ones((3, 2)), rng, "small"))
    for d in (1, 3):
        with pytest.raises(ValueError, match=rf"xt must have shape \(n, 2\), got \(4, {d}\)"):
            next(reverse_process(network(), SCHEDULE, np.ones((4, d)), rng))
