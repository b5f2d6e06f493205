"""fast/batches.py: training batches a hundred at a time, from any step on."""
from functools import cache
from itertools import islice

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.diffusion.training import train
from scratchdiff.fast.batches import CHUNK, chunk_size, chunked, noisy
from scratchdiff.fast.blocks import walk
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
circle = SHAPES["circle"].draw


def endless(seed=0, batch_size=8, antithetic=False, dtype=np.float64, first=0):
    rng = np.random.default_rng(seed)
    return chunked(noisy(circle, SCHEDULE, batch_size, antithetic, dtype), rng, first)


def batches(n, **settings):
    return list(islice(endless(**settings), n))


def learner(widths=(3, 16, 16, 2)):
    network = MLP(widths, np.random.default_rng(0), SiLU)
    return Denoiser(network, SCHEDULE, "v"), Adam(network.params, network.grads)


def learn(denoiser, adam, steps, stop=None):
    """Train with batches from where adam stands, as a run does."""
    source = endless(batch_size=64, antithetic=True, dtype=np.float32, first=adam.k)
    return list(islice(train(denoiser, adam, source, steps, lambda step: 1e-2), stop))


def test_the_numbers_that_every_kept_run_depends_on():
    """Another CHUNK would give other batches for the same seed: a kept run could not go on."""
    assert CHUNK == 100


@pytest.mark.parametrize("numbers, size", [
    (2, 100), (256 * 2, 100), (41943, 100), (41944, 99), (2 ** 22, 1), (10 ** 9, 1)])
def test_fewer_batches_are_made_at_once_if_they_are_large(numbers, size):
    assert chunk_size(numbers) == size


@pytest.mark.parametrize("first", [0, 2, 3, 7])
def test_chunks_of_another_size_go_on_from_any_step_too(first):
    make = noisy(circle, SCHEDULE, 4)
    whole, rest = (list(islice(chunked(make, np.random.default_rng(0), step, 3), 9))
                   for step in (0, first))
    for want, got in zip(whole[first:], rest):
        assert all(map(np.array_equal, want, got))


@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 7, 8])
def test_a_batch_is_clean_points_with_the_noise_that_comes_with_them(batch_size, antithetic):
    for xt, t, eps in batches(3, batch_size=batch_size, antithetic=antithetic):
        assert xt.shape == eps.shape == (batch_size, 2) and t.shape == (batch_size,)
        alpha_bars = SCHEDULE.alpha_bars[t][:, None]
        x0 = (xt - np.sqrt(1 - alpha_bars) * eps) / np.sqrt(alpha_bars)
        assert np.allclose(np.hypot(*x0.T), 1, rtol=0, atol=1e-12), "on the circle"


def test_pairs_have_opposite_noise_on_the_same_point():
    for xt, t, eps in batches(3, antithetic=True):
        assert np.array_equal(eps[:4], -eps[4:]) and np.array_equal(t[:4], t[4:])
        signal = (xt[:4] + xt[4:]) / 2
        radius = np.sqrt(SCHEDULE.alpha_bars[t[:4]])
        assert np.allclose(np.hypot(*signal.T), radius, rtol=1e-12)


def test_a_run_starts_at_step_0():
    first = next(chunked(noisy(circle, SCHEDULE, 8, dtype=np.float64), np.random.default_rng(0)))
    assert all(map(np.array_equal, first, batches(1)[0]))


def test_pairs_are_made_only_when_asked_for():
    [(xt, _, eps)] = batches(1, batch_size=100)
    assert len(np.unique(np.abs(eps))) == eps.size
    xt, _, eps = next(chunked(noisy(circle, SCHEDULE), np.random.default_rng(0)))
    assert len(np.unique(np.abs(eps))) == 2 * 256 and xt.dtype == np.float32, "the defaults"


@pytest.mark.parametrize("antithetic", [False, True])
def test_levels_are_uniform_and_noise_is_standard_normal(antithetic):
    each = 128 if antithetic else 256                           # the rest of a batch are mirrored
    t, eps = (np.concatenate([array[:each] for array in arrays]) for arrays
              in list(zip(*batches(2 * CHUNK, batch_size=256, antithetic=antithetic)))[1:])
    counts = np.bincount(t, minlength=50)
    assert len(counts) == 50
    assert np.abs(counts / (len(t) / 50) - 1).max() < 5 / np.sqrt(len(t) / 50), "5 standard errors"
    assert np.abs(eps.mean(axis=0)).max() < 4 / np.sqrt(len(t)), "4 standard errors"
    assert np.abs(eps.var(axis=0) - 1).max() < 4 * np.sqrt(2 / len(t)), "4 standard errors"


@pytest.mark.parametrize("antithetic", [False, True])
def test_other_levels_can_be_asked_for(antithetic):
    class Seventh:
        def draw(self, shape, rng):
            return np.full(shape, 7)
    rng = np.random.default_rng(0)
    source = chunked(noisy(circle, SCHEDULE, 8, antithetic, levels=Seventh()), rng)
    assert all((t == 7).all() and t.shape == (8,) for _, t, _ in islice(source, 3))


def test_no_two_steps_share_their_numbers():
    noise = np.concatenate([eps.ravel() for _, _, eps in batches(2 * CHUNK + 1)])
    assert len(np.unique(np.abs(noise))) == noise.size


@pytest.mark.parametrize("first", [1, CHUNK - 1, CHUNK, CHUNK + 3])
def test_a_step_has_the_same_batch_wherever_the_run_started(first):
    whole = batches(2 * CHUNK + 5)
    for want, got in zip(whole[first:], batches(CHUNK + 2, first=first)):
        assert all(map(np.array_equal, want, got))


def test_seed_decides():
    a, b, c = (batches(1, seed=seed)[0][0] for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    for xt, t, eps in batches(2, dtype=dtype, antithetic=True):
        assert xt.dtype == eps.dtype == dtype and t.dtype.kind == "i"


def test_one_generator_serves_training_and_sampling():
    """They draw from different streams of it."""
    first = np.concatenate([eps.ravel() for _, _, eps in batches(CHUNK, batch_size=64)])
    start = next(walk(lambda x, t: x, SCHEDULE, 0, 2, np.random.default_rng(0), dtype=np.float64))
    assert not np.isin(first, start).any()


@cache
def whole_run():
    """160 steps without a stop: the denoiser, and the losses on the way."""
    denoiser, adam = learner()
    return denoiser, learn(denoiser, adam, 160)


@pytest.mark.parametrize("stop", [1, 60, CHUNK, 130])
def test_a_run_that_was_stopped_ends_where_it_would_have(stop):
    whole, losses = whole_run()
    denoiser, adam = learner()
    assert learn(denoiser, adam, 160, stop) + learn(denoiser, adam, 160) == losses
    assert np.array_equal(denoiser.network.params, whole.network.params)


def test_pairs_bring_the_points_nearer_to_the_circle():
    """1000 steps of a small network, as in test_training.py, but with pairs.

    Over eight seeds the loss fell from at least 0.41 to at most 0.35; the floor is 0.324. The
    radius ended within 0.004 of 1, standard deviation at most 0.033.
    """
    denoiser, adam = learner((3, 16, 16, 16, 2))
    source = endless(batch_size=128, antithetic=True, dtype=np.float32)
    losses = [loss for _, loss in train(denoiser, adam, source, 1000,
                                        lambda step: 2e-2 * (1 - step / 1000))]
    rng = np.random.default_rng(0)
    *_, points = reverse_process(denoiser, SCHEDULE, rng.standard_normal((500, 2), np.float32), rng)
    radius = np.hypot(*points.T)
    assert np.mean(losses[-100:]) < 0.36 < 0.39 < np.mean(losses[:10])
    assert abs(radius.mean() - 1) < 0.01 and radius.std() < 0.045


@pytest.mark.parametrize("batch_size", [1, 7, 8])
@pytest.mark.parametrize("antithetic", [False, True])
def test_each_noisy_point_comes_with_its_prompt(batch_size, antithetic):
    """The prompt is the point again: its x, its y and its quarter."""
    def draw(n, rng):
        x0 = circle(n, rng)
        return x0, np.column_stack([x0, x0[:, 0] > 0])

    make = noisy(draw, SCHEDULE, batch_size, antithetic, np.float64)
    plain = endless(batch_size=batch_size, antithetic=antithetic)
    for (xt, t, eps, c), without in islice(zip(chunked(make, np.random.default_rng(0)), plain), 3):
        assert all(map(np.array_equal, (xt, t, eps), without)), "prompts change nothing else"
        assert c.shape == (batch_size, 3) and c.dtype == np.float64
        alpha_bars = SCHEDULE.alpha_bars[t][:, None]
        x0 = (xt - np.sqrt(1 - alpha_bars) * eps) / np.sqrt(alpha_bars)
        assert np.allclose(x0, c[:, :2], rtol=0, atol=1e-12) and ((x0[:, 0] > 0) == c[:, 2]).all()


@pytest.mark.parametrize("batch_size", [0, -1])
def test_an_empty_batch_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch_size must be at least 1, got {batch_size}"):
        batches(1, batch_size=batch_size)


@pytest.mark.parametrize("draw, shape", [
    (lambda n, rng: np.ones((5, 2)), r"\(5, 2\)"),
    (lambda n, rng: np.ones(n), r"\(800,\)"),
    (lambda n, rng: np.ones((n, 2, 1)), r"\(800, 2, 1\)"),
])
def test_a_draw_of_another_shape_is_named(draw, shape):
    message = rf"draw must return points of shape \(800, d\) when asked for so many, got {shape}"
    with pytest.raises(ValueError, match=message):
        next(chunked(noisy(draw, SCHEDULE, 8), np.random.default_rng(0)))
