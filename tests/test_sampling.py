"""diffusion/sampling.py: the reverse process, one step, all steps, and many points."""
import threading

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import BLOCK, STREAM, reverse_process, reverse_step, sample, walk
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.streams import stream
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
VARIANCES = ["posterior", "beta"]


def network(dtype=np.float32, d=2):
    return Denoiser(MLP((d + 1, 8, d), np.random.default_rng(0), SiLU, dtype), SCHEDULE)


def points(n, skip=0, seed=3, denoiser=None, **rest):
    blocks = list(sample(denoiser or network(), SCHEDULE, n, 2, np.random.default_rng(seed), skip=skip, **rest))
    return np.concatenate(blocks) if blocks else np.empty((0, 2))


def test_one_step_by_hand():
    """beta = 0.19 after alpha_bar = 0.8: alpha = 0.81, alpha_bar = 0.648, and sqrt(alpha) = 0.9."""
    schedule = Schedule([0.2, 0.19])
    x, eps_hat, z = np.array([[1.0, -2.0]]), np.array([[0.5, 0.25]]), np.array([[1.0, 2.0]])
    mean = (x - 0.19 / 0.352 ** 0.5 * eps_hat) / 0.9
    assert np.allclose(reverse_step(x, 1, eps_hat, z, schedule, "beta"), mean + 0.19 ** 0.5 * z, rtol=1e-14)
    assert np.allclose(reverse_step(x, 1, eps_hat, z, schedule), mean + (0.19 * 0.2 / 0.352) ** 0.5 * z, rtol=1e-14)


def test_the_last_step_adds_no_noise_and_undoes_the_first():
    """At t = 0, with the true noise as the guess, it ends on the clean point itself."""
    rng = np.random.default_rng(0)
    x0, eps, z = rng.standard_normal((3, 5, 2))
    xt = SCHEDULE.add_noise(x0, 0, eps)
    for variance in VARIANCES:
        assert np.allclose(reverse_step(xt, 0, eps, z, SCHEDULE, variance), x0, rtol=0, atol=1e-13)


@pytest.mark.parametrize("t", [1, 20, 49])
def test_a_step_has_the_mean_of_the_posterior(t):
    """Ho et al. 2020, eq. 7: the mean of x_{t-1} given x_t and x_0, if the guess is the true noise."""
    rng = np.random.default_rng(0)
    x0, eps = rng.standard_normal((2, 5, 2))
    xt = SCHEDULE.add_noise(x0, t, eps)
    beta, alpha, bar, before = SCHEDULE.betas[t], SCHEDULE.alphas[t], SCHEDULE.alpha_bars[t], SCHEDULE.alpha_bars[t - 1]
    mean = np.sqrt(before) * beta / (1 - bar) * x0 + np.sqrt(alpha) * (1 - before) / (1 - bar) * xt
    assert np.allclose(reverse_step(xt, t, eps, 0 * xt, SCHEDULE), mean, rtol=1e-10)


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_process_is_the_steps_from_the_noisiest_level_down(variance):
    denoiser = network(np.float64)
    x = np.random.default_rng(0).standard_normal((4, 2))
    states = list(reverse_process(denoiser, SCHEDULE, x, np.random.default_rng(1), variance))
    rng = np.random.default_rng(1)
    for t, state in zip(reversed(range(50)), states):
        x = reverse_step(x, t, denoiser(x, t), rng.standard_normal((4, 2)), SCHEDULE, variance)
        assert np.array_equal(x, state)
    assert len(states) == 50


def test_the_process_leaves_its_start_alone():
    x = np.ones((4, 2), np.float32)
    list(reverse_process(network(), SCHEDULE, x, np.random.default_rng(1)))
    assert (x == 1).all()


def test_a_block_starts_as_standard_normal_noise_and_is_walked_down():
    states = list(walk(network(), SCHEDULE, 5, 2, np.random.default_rng(3)))
    rng = stream(np.random.default_rng(3), STREAM, 5)
    start = rng.standard_normal((BLOCK, 2), np.float32)
    assert np.array_equal(states[0], start) and len(states) == 51
    assert np.array_equal(states[-1], list(reverse_process(network(), SCHEDULE, start, rng))[-1])


def test_points_are_the_ends_of_the_walks():
    ends = [list(walk(network().inference(BLOCK), SCHEDULE, block, 2, np.random.default_rng(3)))[-1] for block in (0, 1)]
    assert np.array_equal(points(BLOCK + 10), np.concatenate(ends)[:BLOCK + 10])
    slow = list(walk(network(), SCHEDULE, 0, 2, np.random.default_rng(3)))[-1]
    assert np.allclose(points(BLOCK), slow, rtol=0, atol=1e-4), "float32 sums in another order, 50 times"


def test_a_point_depends_on_the_seed_and_its_number_alone():
    whole = points(3 * BLOCK)
    for n in (1, 10, BLOCK, BLOCK + 1):
        assert np.array_equal(points(n), whole[:n])
    for skip, n in [(0, 0), (5, 3), (BLOCK - 1, 2), (BLOCK, BLOCK), (BLOCK + 7, BLOCK), (2 * BLOCK + 1, BLOCK - 1)]:
        assert np.array_equal(points(n, skip), whole[skip:skip + n])
    assert not np.array_equal(points(3 * BLOCK, seed=4), whole)
    assert len(np.unique(whole, axis=0)) == len(whole), "no block repeats another"


def test_what_every_kept_sample_depends_on():
    assert (BLOCK, STREAM) == (2048, 1), "another number would make other points of the same seed"


def test_the_number_of_threads_changes_nothing(monkeypatch):
    whole = points(3 * BLOCK)
    for count in (1, 5, None):
        monkeypatch.setattr("os.cpu_count", lambda: count)
        assert np.array_equal(points(3 * BLOCK), whole)


def test_blocks_come_one_by_one(monkeypatch):
    """A caller that stops early has not waited for the rest: only two more blocks a thread are on their way."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    walked = []

    def denoiser(x, t):
        if t == 49:
            walked.append(threading.get_ident())
        return x
    blocks = sample(denoiser, SCHEDULE, 1000 * BLOCK, 2, np.random.default_rng(0))
    next(blocks)
    blocks.close()
    assert len(walked) == 1 + 2 * 2 and len(set(walked)) == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_denoiser_and_dtype(dtype):
    seen = set()

    def denoiser(x, t):
        seen.add((x.dtype, type(t)))
        return x
    assert points(10, denoiser=denoiser, dtype=dtype).dtype == dtype and seen == {(np.dtype(dtype), int)}
    x = np.ones((3, 4), dtype)
    assert {state.dtype for state in reverse_process(denoiser, SCHEDULE, x, np.random.default_rng(0))} == {np.dtype(dtype)}


def test_an_error_in_a_thread_reaches_the_caller():
    with pytest.raises(ValueError, match="the variance must be"):
        points(10, variance="small")


def test_another_schedule_than_the_denoisers_own_is_refused():
    for other in (Schedule.linear(25), Schedule.linear(last=0.02)):
        with pytest.raises(ValueError, match="schedule must be the one that denoiser was made for, got another"):
            next(sample(network(), other, 5, 2, np.random.default_rng(0)))
        assert len(next(sample(lambda x, t: x, other, 5, 2, np.random.default_rng(0)))) == 5, "a plain function goes with any"


def test_misuse_is_named():
    with pytest.raises(TypeError, match="x must be a NumPy array of floats, got an array of int64"):
        next(reverse_process(network(), SCHEDULE, np.ones((3, 2), int), np.random.default_rng(0)))
    for d in (1, 3):
        with pytest.raises(ValueError, match=rf"xt must have shape \(n, 2\), got \({BLOCK}, {d}\)"):
            next(sample(network(), SCHEDULE, 5, d, np.random.default_rng(0)))
