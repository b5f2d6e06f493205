"""Links of lesson 2: noisy points, the perfect denoiser, the reverse step, the sampler, a network.

batches.py has the links about training batches.
"""
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from scratchdiff import reference
from scratchdiff.chain.layers import WIDTHS, small_mlp
from scratchdiff.chain.link import PATH, Measured, distance, first, slopes, worst
from scratchdiff.chain.trained import trained
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process, reverse_step
from scratchdiff.diffusion.schedule import VARIANCES, Schedule
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
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


def guess_is_exact():
    """If the network's output F is right, the denoiser returns the true noise, at every level.

    F is right if it is eps, or v = sqrt(alpha_bar_t) eps - sqrt(1 - alpha_bar_t) x_0. This link
    needs no reference, because it adds the noise itself and so knows the right answer.
    """
    schedule, rng = Schedule.linear(), np.random.default_rng(0)
    x0, eps = rng.standard_normal((2, schedule.T, 2))
    t = np.arange(schedule.T)
    signal, noise = np.sqrt(schedule.alpha_bars)[:, None], np.sqrt(1 - schedule.alpha_bars)[:, None]
    right = {"eps": eps, "v": signal * eps - noise * x0}
    misses = {}
    for predicts, F in right.items():
        denoiser = Denoiser(small_mlp("silu"), schedule, predicts)
        denoiser.network = SimpleNamespace(forward=lambda inputs: F)
        misses[f"it predicts {predicts}"] = distance(denoiser(signal * x0 + noise * eps, t), eps)
    return worst(misses)


def score_is_gradient():
    """The score of the circle's noisy points, against central differences of log p."""
    schedule, rng = Schedule.linear(), np.random.default_rng(0)
    exact = ExactDenoiser(schedule, SHAPES["circle"].grid)
    misses = {}
    for t in range(schedule.T):
        noise = np.sqrt(1 - schedule.alpha_bars[t])
        x0 = SHAPES["circle"].draw(20, rng)
        xt = schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
        slope = slopes(lambda x: exact.log_density(x, t), xt, 1e-4 * noise)
        misses[f"level {t}"] = distance(exact.score(xt, t), slope)
    return worst(misses)


def floor_is_loss():
    """The perfect denoiser's computed loss, the floor, against its measured loss.

    The floor is the variance of the noise given x_t. One distribution is not enough:

    the circle       has no width, and every point of it is equally far from the centre. So the
                     term q^2 of Bayes' rule cancels, and a mistake in that term cannot show.
    the moons        have no width either, but their points lie at different distances.
    the gaussians    have a width. It is small, so a mistake in the width hardly shows.
    a wide cloud     is as wide as the noise at the noisiest level.
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
        excess = np.mean((guess - eps) ** 2, axis=1) - variance         # (n,): 0 on average
        misses[name] = abs(excess.mean()) / (excess.std() / np.sqrt(len(excess)))
    return worst(misses)


def step_is_posterior():
    """If the guess is the true noise, a reverse step follows p(x_{t-1} | x_t, x_0).

    One coordinate is enough. The link uses only the betas of the schedule. From the betas it
    computes the mean and variance of x_{t-1} given x_0, step by step.
    """
    schedule, x0, eps = Schedule.linear(), 0.8, -1.3
    misses = {}
    mean, variance = x0, 0.0                                    # of x_{t-1}, given x_0
    for t, beta in enumerate(schedule.betas):
        next_mean = np.sqrt(1 - beta) * mean                    # of x_t, given x_0
        next_variance = (1 - beta) * variance + beta
        xt = next_mean + np.sqrt(next_variance) * eps

        center = step_in_one_dimension(xt, t, eps, 0.0, schedule)
        noisy = step_in_one_dimension(xt, t, eps, 1.0, schedule)            # center + sigma
        noisier = step_in_one_dimension(xt, t, eps, 1.0, schedule, "beta")
        if t == 0:
            misses["level 0, which should lead to x_0"] = abs(center - x0) + abs(noisy - x0)
        else:
            true_mean, true_sigma = posterior_on_a_grid(xt, beta, mean, variance)
            misses[f"level {t}, the mean"] = abs(center - true_mean)
            misses[f"level {t}, sigma"] = abs(noisy - center - true_sigma)
            misses[f"level {t}, sigma of beta"] = abs(noisier - center - np.sqrt(beta))
        mean, variance = next_mean, next_variance
    return worst(misses)


def step_in_one_dimension(xt, t, eps, z, schedule, variance="posterior"):
    """A reverse step of a single number."""
    xt, eps, z = (np.array([[number]]) for number in (xt, eps, z))
    return reverse_step(xt, t, eps, z, schedule, variance)[0, 0]


def posterior_on_a_grid(xt, beta, mean, variance):
    """The mean and standard deviation of x_{t-1} given x_t and x_0, by Bayes' rule.

        p(x_{t-1} | x_t, x_0) is proportional to p(x_{t-1} | x_0) p(x_t | x_{t-1})

    Both factors are Gaussian. `mean` and `variance` are those of x_{t-1} given x_0. We multiply the
    factors on a fine grid of values of x_{t-1}, and divide the products by their sum.
    """
    x = mean + np.sqrt(variance) * np.linspace(-12, 12, 2001)           # the grid
    from_x0 = -(x - mean) ** 2 / (2 * variance)
    to_xt = -(xt - np.sqrt(1 - beta) * x) ** 2 / (2 * beta)
    log_p = from_x0 + to_xt
    p = np.exp(log_p - log_p.max())
    p /= p.sum()
    expected = p @ x
    return expected, np.sqrt(p @ (x - expected) ** 2)


def sampler_is_reference(count=2):
    """The sampler and the reference walk back from the same two points, with the same fresh noise.

    The denoisers are a new network of the tutorial's kind, once with each variance, and a trained
    network with the variance of its recipe.
    """
    new = tutorial_model()
    walks = [("a new network", new, variance) for variance in VARIANCES]
    walks.append(("a trained network", trained(), trained().recipe.variance))
    misses = {}
    for name, model, variance in walks:
        denoiser, network = in_double(model)
        x = np.random.default_rng(0).standard_normal((count, 2))
        rng, same_rng = np.random.default_rng(1), np.random.default_rng(1)
        ours = list(reverse_process(denoiser, denoiser.schedule, x, rng, variance))
        theirs = reference_walk(network, model.recipe, denoiser.schedule, x, same_rng, variance)
        if len(ours) != len(theirs):
            return Measured(np.inf, f"the walk takes {len(ours)} steps, not {len(theirs)}")
        for step, (a, b) in enumerate(zip(ours, theirs), 1):
            level = len(theirs) - step
            misses[f"level {level}, {name} with variance {variance}"] = distance(a, b)
    return first(misses, PATH)


def reference_walk(network, recipe, schedule, x, rng, variance):
    """What `reverse_process` yields, computed by the reference, one point at a time."""
    activation, betas = reference.ACTIVATIONS[recipe.activation], schedule.betas.tolist()
    alpha_bars = reference.alpha_bars_of(betas)
    points, walk = x.tolist(), []
    for t in reversed(range(schedule.T)):
        zs = rng.standard_normal(x.shape).tolist()
        for i, (point, z) in enumerate(zip(points, zs)):
            guess, _, _ = reference.guess_noise(network, activation, recipe.predicts, point, t,
                                                alpha_bars)
            points[i] = reference.reverse_step(point, t, guess, z, betas, alpha_bars, variance)
        walk.append(np.array(points))
    return walk


def blocks_are_the_walk():
    """The fast sampler, with its blocks and its layers that work in place, against the plain walk.

    The first network makes the last two points of block 0 and the first three of block 1. So the
    seam between two blocks is tested.
    """
    misses = {}
    for name, model, skip in [("relu", tutorial_model(), BLOCK - 2), ("silu", trained(), 0)]:
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


def tutorial_model():
    """An untrained model of the tutorial's recipe, with a small network."""
    return Model.new(replace(RECIPES["tutorial"], hidden=WIDTHS[1:-1]), 0, shape_data("circle"))


def in_double(model):
    """A model's denoiser again in float64, and its network in the reference's form."""
    recipe, network = model.recipe, model.denoiser.network
    double = MLP(network.widths, np.random.default_rng(0), ACTIVATIONS[recipe.activation],
                 np.float64)
    double.params[:] = network.params
    denoiser = Denoiser(double, model.denoiser.schedule, recipe.predicts)
    return denoiser, reference.unflatten(double.params.tolist(), network.widths)


def perfect_radius():
    """The largest |radius - 1| among 500 points, if every guess of the walk is perfect."""
    exact = ExactDenoiser(Schedule.linear(), SHAPES["circle"].grid)
    points = sample(exact, exact.schedule, 500, 2, np.random.default_rng(0), dtype=np.float64)
    return Measured(np.abs(np.hypot(*np.concatenate(list(points)).T) - 1).max())


def network_excess():
    """How far a trained network's loss is above the floor, on average over the levels."""
    denoiser, circle = trained().denoiser, SHAPES["circle"]
    exact = ExactDenoiser(denoiser.schedule, circle.grid)
    _, excess = floor_and_excess(denoiser, exact, circle.draw, np.random.default_rng(0))
    return Measured(excess.mean(), f"the worst level is {excess.argmax()}, with {excess.max():.1e}")


def network_radius():
    """The root mean square of radius - 1 among 500 points, made with a trained network."""
    radius = np.hypot(*np.concatenate(list(trained().sample(500))).T)
    return Measured(np.sqrt(np.mean((radius - 1) ** 2)))
