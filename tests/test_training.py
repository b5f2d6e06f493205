"""diffusion/training.py: the loop, and the plain batches that it learns from."""
from itertools import islice

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.diffusion.training import noisy_batches, noisy_points, train
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
circle = SHAPES["circle"].draw


def batches(seed=0, batch_size=8, dtype=np.float64):
    return noisy_batches(circle, SCHEDULE, np.random.default_rng(seed), batch_size, dtype)


def learner(dtype=np.float64, widths=(3, 16, 16, 2), columns=0):
    network = MLP(widths, np.random.default_rng(0), SiLU, dtype)
    return Denoiser(network, SCHEDULE, "v", columns=columns), Adam(network.params, network.grads)


def run(steps, seed=0, dtype=np.float64):
    denoiser, adam = learner(dtype)
    lr = lambda step: 1e-2 * (1 - step / steps)                                 # noqa: E731
    losses = list(train(denoiser, adam, batches(seed, dtype=dtype), steps, lr))
    return denoiser, adam, losses


def clean(xt, t, eps):
    """The x_0 that add_noise made xt from, if eps is the noise in it."""
    alpha_bars = SCHEDULE.alpha_bars[t][..., None]
    return (xt - np.sqrt(1 - alpha_bars) * eps) / np.sqrt(alpha_bars)


@pytest.mark.parametrize("shape", [(20, 2), (3, 4, 2), (20, 5), (1, 1)])
def test_noisy_points_are_clean_points_with_the_noise_that_comes_with_them(shape):
    x0 = np.random.default_rng(1).standard_normal(shape)
    xt, t, eps = noisy_points(x0, SCHEDULE, np.random.default_rng(0))
    assert xt.shape == eps.shape == shape and t.shape == shape[:-1]
    assert np.allclose(clean(xt, t, eps), x0, rtol=0, atol=1e-12)


def test_levels_are_uniform_and_noise_is_standard_normal():
    n = 50_000
    _, t, eps = noisy_points(np.zeros((n, 2)), SCHEDULE, np.random.default_rng(0))
    counts = np.bincount(t, minlength=50)
    assert len(counts) == 50 and t.dtype.kind == "i"
    assert np.abs(counts / (n / 50) - 1).max() < 5 / np.sqrt(n / 50), "5 standard errors"
    assert np.abs(eps.mean(axis=0)).max() < 4 / np.sqrt(n), "4 standard errors"
    assert np.abs(eps.var(axis=0) - 1).max() < 4 * np.sqrt(2 / n), "4 standard errors"
    assert abs(np.mean(eps[:, 0] * eps[:, 1])) < 4 / np.sqrt(n), "4 standard errors"
    assert abs(np.corrcoef(t, np.abs(eps[:, 0]))[0, 1]) < 4 / np.sqrt(n), "4 standard errors"


def test_plain_batches_are_noisy_points_without_end():
    some = list(islice(batches(batch_size=7), 300))
    for xt, t, eps in some:
        assert xt.shape == eps.shape == (7, 2) and t.shape == (7,)
        assert np.allclose(np.hypot(*clean(xt, t, eps).T), 1, rtol=0, atol=1e-12), "on the circle"
    noise = np.concatenate([eps.ravel() for _, _, eps in some])
    assert len(np.unique(np.abs(noise))) == noise.size, "no two are equal or opposite"
    assert len({tuple(t) for _, t, _ in some}) == 300


def test_plain_batches_are_of_256_in_float32_by_default():
    xt, t, eps = next(noisy_batches(circle, SCHEDULE, np.random.default_rng(0)))
    assert len(xt) == 256 and xt.dtype == eps.dtype == np.float32


def test_yields_each_step_with_its_loss():
    _, adam, losses = run(7)
    assert [step for step, _ in losses] == list(range(7)) and adam.k == 7
    assert all(type(loss) is float for _, loss in losses)


def test_one_step_is_forward_backward_adam():
    """The first step, taken apart by hand."""
    denoiser, _, [(_, loss)] = run(1)
    xt, t, eps = next(batches())
    twin, twin_adam = learner()
    eps_hat = twin.forward(xt, t)
    assert loss == pytest.approx(np.mean((eps_hat - eps) ** 2), rel=1e-12)
    twin.backward(2 * (eps_hat - eps) / eps_hat.size)
    twin_adam.step(1e-2)
    assert np.allclose(denoiser.network.params, twin.network.params, rtol=0, atol=1e-12)


def test_lr_is_asked_for_each_step():
    asked = []
    denoiser, adam = learner()
    before = denoiser.network.params.copy()
    lr = lambda step: asked.append(step) or 10.0 ** -step                       # noqa: E731
    lengths = []
    for _ in train(denoiser, adam, batches(), 4, lr):
        lengths.append(np.abs(denoiser.network.params - before).max())
        before = denoiser.network.params.copy()
    assert asked == [0, 1, 2, 3]
    assert np.allclose(np.log10(lengths), [0, -1, -2, -3], atol=0.3), "a step is about lr long"


def test_each_row_has_its_weight():
    """Levels of weight 0 count for nothing: their noise may be anything."""
    def run_with(spoil):
        denoiser, adam = learner()
        spoilt = ((xt, t, np.where(t[:, None] >= 25, spoil, eps)) for xt, t, eps in batches())
        weight = lambda t: (t[:, None] < 25) * 2.0                              # noqa: E731
        losses = list(train(denoiser, adam, spoilt, 5, lambda step: 1e-2, weight))
        return losses, denoiser.network.params
    (losses, params), (other_losses, other_params) = run_with(0.0), run_with(1e6)
    assert losses == other_losses and np.array_equal(params, other_params)


def test_a_step_is_taken_when_it_is_asked_for():
    """The caller decides when to look, and when to stop."""
    denoiser, adam = learner()
    steps = train(denoiser, adam, batches(), 100, lambda step: 1e-2)
    assert adam.k == 0
    for k in range(1, 4):
        next(steps)
        assert adam.k == k
    steps.close()
    assert adam.k == 3


def test_a_run_goes_on_where_its_adam_stands():
    """The same steps with the same batches, whether it was stopped on the way or not."""
    whole, _, all_losses = run(20)
    denoiser, adam = learner()
    lr, source = (lambda step: 1e-2 * (1 - step / 20)), batches()
    first = list(islice(train(denoiser, adam, source, 20, lr), 8))
    rest = list(train(denoiser, adam, islice(batches(), 8, None), 20, lr))
    assert [step for step, _ in rest] == list(range(8, 20))
    assert first + rest == all_losses
    assert np.array_equal(denoiser.network.params, whole.network.params)
    assert list(train(denoiser, adam, batches(), 20, lr)) == [], "nothing is left to do"


def test_the_last_batch_ends_the_run():
    denoiser, adam = learner()
    assert len(list(train(denoiser, adam, islice(batches(), 3), 100, lambda step: 1e-2))) == 3


def test_not_one_batch_more_is_taken_than_needed():
    """A batch may be dear, or the next run may want it."""
    denoiser, adam = learner()
    source = batches()
    list(train(denoiser, adam, source, 3, lambda step: 1e-2))
    assert np.array_equal(next(source)[0], next(islice(batches(), 3, None))[0])


def test_further_columns_reach_the_denoiser():
    """Batches may hold more than (x_t, t, target): a prompt. Here the target is in it."""
    denoiser, adam = learner(widths=(5, 16, 2), columns=2)
    rng = np.random.default_rng(0)

    def given_batches():
        while True:
            xt, t, _ = noisy_points(rng.standard_normal((64, 2)), SCHEDULE, rng)
            c = rng.standard_normal((64, 2))
            yield xt, t, np.column_stack([c[:, 0], -c[:, 0]]), c
    losses = [loss for _, loss in train(denoiser, adam, given_batches(), 300, lambda step: 1e-2)]
    assert losses[0] > 1 and np.mean(losses[-10:]) < 0.2, "without that column it is at least 1"


def test_any_denoiser_with_a_backward_learns():
    class Shift:
        """Guesses one number for all points."""

        params, grads = np.zeros(1), np.zeros(1)

        def forward(self, xt, t):
            return np.full_like(xt, self.params[0])

        def backward(self, deps):
            self.grads[:] = deps.sum()
    shift = Shift()
    ones = ((xt, t, np.ones_like(xt)) for xt, t, _ in batches())
    for _ in train(shift, Adam(shift.params, shift.grads), ones, 500, lambda step: 1e-2):
        pass
    assert shift.params == pytest.approx([1], abs=1e-3)


def test_seed_decides():
    a, b, c = (run(3, seed)[0].network.params for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    xt, _, eps = next(batches(dtype=dtype))
    denoiser, adam, _ = run(3, dtype=dtype)
    arrays = xt, eps, denoiser.network.params, denoiser.network.grads, adam.m, adam.v
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_the_loss_falls_and_the_points_gather_on_the_circle():
    """1000 steps of a small network.

    Over eight seeds the loss fell from at least 0.44 to at most 0.344; the floor is 0.324. The
    radius went from at least 1.08, standard deviation at least 0.58, to within 0.008 of 1, standard
    deviation at most 0.051.
    """
    denoiser, adam = learner(np.float32, (3, 16, 16, 16, 2))
    source = batches(batch_size=128, dtype=np.float32)
    losses = [loss for _, loss in train(denoiser, adam, source, 1000,
                                        lambda step: 2e-2 * (1 - step / 1000))]
    rng = np.random.default_rng(0)
    *_, points = reverse_process(denoiser, SCHEDULE, rng.standard_normal((500, 2), np.float32), rng)
    radius = np.hypot(*points.T)
    assert np.mean(losses[-100:]) < 0.36 < 0.39 < np.mean(losses[:10])
    assert abs(radius.mean() - 1) < 0.01 and radius.std() < 0.06
