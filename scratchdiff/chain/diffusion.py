"""Links of lesson 2: noisy points, batches, the reverse step, the sampler, the perfect denoiser."""
from dataclasses import replace
from itertools import product
from types import SimpleNamespace

import numpy as np

from scratchdiff import reference
from scratchdiff.chain.layers import WIDTHS, small_mlp
from scratchdiff.chain.link import PATH, Measured, distance, worst
from scratchdiff.chain.trained import trained
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.levels import LowLevels
from scratchdiff.diffusion.sampling import reverse_process, reverse_step
from scratchdiff.diffusion.schedule import VARIANCES, Schedule
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.batches import CHUNK, chunked, noisy
from scratchdiff.fast.blocks import BLOCK, sample, walk
from scratchdiff.measure.exact import ExactDenoiser, floor_and_excess
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.nn.layers import ACTIVATIONS
from scratchdiff.nn.network import MLP



def schedule_is_reference():
    """alpha_bar_t at every level, against the reference."""
    schedule = Schedule.linear()
    theirs = reference.alpha_bars_of(np.linspace(1e-4, 0.1, 50).tolist())
    return worst({f"level {t}": abs(a - b) / b
                  for t, (a, b) in enumerate(zip(schedule.alpha_bars, theirs, strict=True))})


def levels_are_weighted():
    """Where levels are drawn unevenly: how often each is, and what it then counts in the loss.

    Both by their definition in diffusion/levels.py. The product of the two must be the share.
    """
    schedule = Schedule.linear()
    levels, noise = LowLevels(schedule), np.sqrt(1 - schedule.alpha_bars)
    weights = levels.weight(np.arange(schedule.T))[:, 0]
    n = 200_000
    drawn = np.bincount(levels.draw(n, np.random.default_rng(1)), minlength=schedule.T) / n
    misses = {}
    for t, (p, share) in enumerate(zip(noise ** -0.5 / np.sum(noise ** -0.5),
                                       noise ** -0.25 / np.sum(noise ** -0.25))):
        misses[f"level {t}, how often it is drawn"] = abs(drawn[t] - p) / np.sqrt(p * (1 - p) / n)
        misses[f"level {t}, its share in the loss"] = abs(p * weights[t] - share) / share * 1e9
        misses[f"level {t}, its share as it is said"] = abs(levels.shares[t] - share) / share * 1e9
    return worst(misses)


def guess_is_exact():
    """No twin: if the network says what it should, the denoiser says the noise, at every level.

    It should say eps, or sqrt(alpha_bar_t) eps - sqrt(1 - alpha_bar_t) x_0, which is v.
    """
    schedule, rng = Schedule.linear(), np.random.default_rng(0)
    x0, eps = rng.standard_normal((2, schedule.T, 2))
    t = np.arange(schedule.T)
    signal, noise = np.sqrt(schedule.alpha_bars)[:, None], np.sqrt(1 - schedule.alpha_bars)[:, None]
    should_say = {"eps": eps, "v": signal * eps - noise * x0}
    misses = {}
    for predicts, F in should_say.items():
        denoiser = Denoiser(small_mlp("silu"), schedule, predicts)
        denoiser.network = SimpleNamespace(forward=lambda inputs: F)
        misses[f"it predicts {predicts}"] = distance(denoiser(signal * x0 + noise * eps, t), eps)
    return worst(misses)


def noise_is_reference():
    """add_noise at every level, against the reference."""
    schedule, rng = Schedule.linear(), np.random.default_rng(0)
    alpha_bars = reference.alpha_bars_of(schedule.betas.tolist())
    misses = {}
    for t in range(schedule.T):
        x0, eps = rng.standard_normal((2, 3))
        theirs = reference.add_noise(x0.tolist(), eps.tolist(), alpha_bars[t])
        misses[f"level {t}"] = distance(schedule.add_noise(x0, t, eps), theirs)
    return worst(misses)


def batches_are_fair():
    """Two chunks of training batches, in standard errors: noise, levels, pairs, and points."""
    schedule, batch_size = Schedule.linear(), 64
    make = noisy(SHAPES["circle"].draw, schedule, batch_size, antithetic=True, dtype=np.float64)
    batches = chunked(make, np.random.default_rng(0))
    xt, t, eps = map(np.array, zip(*(next(batches) for _ in range(2 * CHUNK))))
    alpha_bars = schedule.alpha_bars[t][..., None]
    x0 = (xt - np.sqrt(1 - alpha_bars) * eps) / np.sqrt(alpha_bars)
    pairs, two = np.split(eps, 2, axis=1), (0, 1)           # the first and the second of each pair
    first, t, points = pairs[0], t[:, :batch_size // 2], x0[:, :batch_size // 2]
    n = t.size
    levels = np.bincount(t.ravel(), minlength=schedule.T)
    each = n / schedule.T                                   # expected
    return worst({
        "the mean of the noise": np.abs(first.mean(axis=two)).max() * np.sqrt(n),
        "the variance of the noise": np.abs(first.var(axis=two) - 1).max() * np.sqrt(n / 2),
        "the kurtosis of the noise, 3 for a Gaussian":
            np.abs(np.mean(first ** 4, axis=two) / first.var(axis=two) ** 2 - 3).max()
            * np.sqrt(n / 24),
        "the noise of two coordinates, which should differ":
            abs(np.mean(first[..., 0] * first[..., 1])) * np.sqrt(n),
        "two noises of a pair, which should be opposite": np.abs(sum(pairs)).max() * np.sqrt(n),
        "the noise of two chunks, which should differ":
            np.abs(np.mean(first[:CHUNK] * first[CHUNK:], axis=two)).max() * np.sqrt(n / 2),
        "how often each level is drawn": np.abs(levels - each).max() / np.sqrt(each),
        "the levels in a batch, which should differ": sameness(t),
        "the noises in a batch, which should differ": sameness(first),
        "the points in a batch, which should differ": sameness(points),
        "what is left of x_t without the noise": np.abs(np.hypot(*x0.T) - 1).max() * 1e9,
    })


def sameness(numbers):
    """How far the variance of the batches' means is from that of independent numbers."""
    expected = numbers.var(axis=(0, 1)) / numbers.shape[1]
    means = numbers.mean(axis=1)
    return np.abs(means.var(axis=0) / expected - 1).max() * np.sqrt(len(means) / 2)


def step_is_posterior():
    """No twin: with the exact noise, a reverse step is the mean and the variance of x_{t-1}.

    In one dimension, by definition: p(x_{t-1} | x_t, x_0) is the product of two Gaussians,
    p(x_{t-1} | x_0) and p(x_t | x_{t-1}), laid out on a fine grid and normalised. The mean and the
    variance of x_{t-1} given x_0 follow step by step from the betas.
    """
    schedule, x0, eps = Schedule.linear(), 0.8, -1.3
    misses = {}
    mean, variance = x0, 0.0                                # of x_{t-1}, given x_0
    for t, beta in enumerate(schedule.betas):
        after, after_variance = np.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        xt = np.array([[after + np.sqrt(after_variance) * eps]])
        ours = reverse_step(xt, t, np.array([[eps]]), np.zeros((1, 1)), schedule)[0, 0]
        noisy, beta_noisy = (
            reverse_step(xt, t, np.array([[eps]]), np.ones((1, 1)), schedule, kind)[0, 0]
            for kind in ("posterior", "beta"))
        if t == 0:
            misses["level 0, which should lead to x_0"] = abs(ours - x0) + abs(noisy - x0)
        else:
            x = mean + np.sqrt(variance) * np.linspace(-12, 12, 2001)     # the grid of x_{t-1}
            from_x0 = (x - mean) ** 2 / (2 * variance)
            to_xt = (xt[0, 0] - np.sqrt(1 - beta) * x) ** 2 / (2 * beta)
            log_p = -from_x0 - to_xt
            p = np.exp(log_p - log_p.max())
            p /= p.sum()
            expected = p @ x
            misses[f"level {t}, the mean"] = abs(ours - expected)
            misses[f"level {t}, sigma of beta"] = abs(beta_noisy - ours - np.sqrt(beta))
            misses[f"level {t}, sigma"] = abs(noisy - ours - np.sqrt(p @ (x - expected) ** 2))
        mean, variance = after, after_variance
    return worst(misses)


def score_is_gradient():
    """Noisy points around the circle: the score against central differences of the log density."""
    exact = ExactDenoiser(Schedule.linear(), SHAPES["circle"].grid)
    rng = np.random.default_rng(0)
    misses = {}
    for t in range(exact.schedule.T):
        x0 = SHAPES["circle"].draw(20, rng)
        xt = exact.schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
        h = 1e-4 * np.sqrt(1 - exact.schedule.alpha_bars[t])    # in noise widths
        differences = np.stack([exact.log_density(xt + step, t) - exact.log_density(xt - step, t)
                                for step in h * np.eye(2)], axis=1) / (2 * h)
        misses[f"level {t}"] = distance(exact.score(xt, t), differences)
    return worst(misses)


def floor_is_loss():
    """The variance that the perfect denoiser leaves to the noise is its mean squared error.

    For a curve, for clouds, and for moons, whose points are not all equally far from the centre:
    if they are, the term q^2 of Bayes' rule cancels, and would not be checked. And for one cloud
    that is as wide as the most noise: the width of the others hardly counts.
    """
    schedule, rng = Schedule.linear(), np.random.default_rng(0)
    cases = {"one wide cloud": (ExactDenoiser(schedule, np.zeros((1, 2)), width=1.0),
                                lambda n, rng: rng.standard_normal((n, 2)))}
    for name in ("circle", "gaussians", "moons"):
        shape = SHAPES[name]
        cases[name] = ExactDenoiser(schedule, shape.grid, shape.standard_width), shape.draw
    misses = {}
    for name, (exact, draw) in cases.items():
        x0 = draw(5000, rng)
        t, eps = rng.integers(schedule.T, size=len(x0)), rng.standard_normal(x0.shape)
        guess, variance = exact.posterior(schedule.add_noise(x0, t, eps), t)
        squares = np.mean((guess - eps) ** 2, axis=1) - variance
        misses[name] = abs(squares.mean()) / (squares.std() / np.sqrt(len(squares)))
    return worst(misses)


def sampler_is_reference(count=2):
    """A few points walk back twice, with the same noise: by the sampler and by the reference.

    They ask a new network of the tutorial's kind, with each variance, and a trained one.
    """
    new = Model.new(replace(RECIPES["tutorial"], hidden=WIDTHS[1:-1]), 0, shape_data("circle"))
    figure, where = 0.0, ""
    for model, variance in [*product([new], VARIANCES), (trained(), trained().recipe.variance)]:
        denoiser, network = in_double(model)
        schedule, recipe = denoiser.schedule, model.recipe
        activation = reference.ACTIVATIONS[recipe.activation]
        betas = schedule.betas.tolist()
        alpha_bars = reference.alpha_bars_of(betas)
        x = np.random.default_rng(0).standard_normal((count, 2))
        states = list(reverse_process(denoiser, schedule, x, np.random.default_rng(1), variance))
        if len(states) != schedule.T:
            return Measured(np.inf, f"the walk takes {len(states)} steps, not {schedule.T}")
        theirs, rng = x.tolist(), np.random.default_rng(1)
        for t, state in zip(reversed(range(schedule.T)), states):
            zs = rng.standard_normal((count, 2)).tolist()
            for i, (point, z) in enumerate(zip(theirs, zs)):
                guess, _, _ = reference.guess_noise(network, activation, recipe.predicts,
                                                    point, t, alpha_bars)
                theirs[i] = reference.reverse_step(point, t, guess, z, betas, alpha_bars, variance)
            miss = distance(state, theirs)
            if not miss <= figure:
                figure = miss if miss == miss else np.inf
                where = where or (f"they first differ at level {t}, with variance {variance}"
                                  if not miss <= PATH else "")
    return Measured(figure, where)


def blocks_are_the_walk():
    """The fast sampler, with its blocks and its forward pass in place, against the plain walk.

    Of the first network, the last two points of block 0 and the first three of block 1.
    """
    misses = {}
    new = Model.new(replace(RECIPES["tutorial"], hidden=WIDTHS[1:-1]), 0, shape_data("circle"))
    for name, model, skip in [("relu", new, BLOCK - 2), ("silu", trained(), 0)]:
        denoiser, _ = in_double(model)
        schedule, rng = denoiser.schedule, np.random.default_rng(0)
        fast = np.concatenate(list(sample(denoiser, schedule, 5, 2, rng, skip=skip,
                                          dtype=np.float64)))
        ends = [list(walk(denoiser, schedule, block, 2, rng, dtype=np.float64))[-1]
                for block in range((skip + 4) // BLOCK + 1)]
        if fast.shape != (5, 2):
            return Measured(np.inf, f"5 points have shape {fast.shape}")
        misses[f"a network with {name}"] = distance(fast, np.concatenate(ends)[skip:skip + 5])
        if skip:
            misses["two blocks, which should differ"] = float(np.array_equal(*ends))
    return worst(misses)


def in_double(model):
    """A model's denoiser again in float64, and its network as the reference wants it."""
    recipe, network = model.recipe, model.denoiser.network
    double = MLP(network.widths, np.random.default_rng(0), ACTIVATIONS[recipe.activation],
                 np.float64)
    double.params[:] = network.params
    denoiser = Denoiser(double, model.denoiser.schedule, recipe.predicts)
    return denoiser, reference.unflatten(double.params.tolist(), network.widths)


def perfect_radius():
    """Where the sampler ends when every guess is perfect."""
    exact = ExactDenoiser(Schedule.linear(), SHAPES["circle"].grid)
    points = sample(exact, exact.schedule, 500, 2, np.random.default_rng(0), dtype=np.float64)
    return Measured(np.abs(np.hypot(*np.concatenate(list(points)).T) - 1).max())


def network_excess():
    denoiser, circle = trained().denoiser, SHAPES["circle"]
    exact = ExactDenoiser(denoiser.schedule, circle.grid)
    _, excess = floor_and_excess(denoiser, exact, circle.draw, np.random.default_rng(0))
    return Measured(excess.mean(), f"the worst level is {excess.argmax()}, with {excess.max():.1e}")


def network_radius():
    radius = np.hypot(*np.concatenate(list(trained().sample(500))).T)
    return Measured(np.sqrt(np.mean((radius - 1) ** 2)))
