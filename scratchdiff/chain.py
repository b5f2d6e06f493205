"""The chain of trust: why the radius at the end of a run can be believed. Each link is a claim, and how it is measured.

    finite differences -> the reference -> the vectorised network, Adam, the sampler -> the radius that a run prints
    finite differences -> the perfect denoiser -> how good that radius could have been

The links stand in LINKS, at the end. `python -m scratchdiff check` prints them, and the tests require them.

Each is measured by a function that returns (by how much the claim is missed, tables that say where or nothing).
"""
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np

from scratchdiff import reference
from scratchdiff.app.cli import LAYERS
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.experiment.model import ACTIVATIONS, SAMPLING, Model
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.measure.exact import ExactDenoiser, floor_and_excess
from scratchdiff.diffusion.sampling import BLOCK, STREAM, sample
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.fast.streams import stream
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.gradcheck import TOLERANCE, check_gradients
from scratchdiff.nn.layers import Linear
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP

KINDS = list(product(["relu", "silu"], ["eps", "v"]))   # every activation with every meaning of the network's output
REFERENCE_ACTIVATIONS = {"relu": reference.RELU, "silu": reference.SILU}
WIDTHS = (3, 6, 6, 2)                   # oblong and square: a missing or an extra transpose shows in one of them


def reference_gradients():
    reports = [replace(check_gradients(_ReferenceLoss(activation, predicts), _mlp(activation).params),
                       title=f"reference with {activation} that predicts {predicts} (x: its parameters in a row)")
               for activation, predicts in KINDS]
    return _largest(reports), _first_wrong(reports)


def network_is_reference():
    """From the same clean points and the same noise, the loss and its gradient, twice; for each kind."""
    figures = []
    x0, t, eps = _points()
    for activation, predicts in KINDS:
        denoiser = Denoiser(_mlp(activation), Schedule.linear(), predicts)
        mse = MSE()
        loss = mse.forward(denoiser.forward(denoiser.schedule.add_noise(x0, t, eps), t), eps)
        denoiser.backward(mse.backward())
        its = _ReferenceLoss(activation, predicts)
        figures += [abs(loss - its.forward(denoiser.mlp.params)), _distance(denoiser.mlp.grads, its.backward(1.0))]
    return max(figures), ""


def network_gradients():
    by_layer = [list(layer_reports(name)) for name in LAYERS]
    reports = sum(by_layer, [])
    return _largest(reports), _first_wrong(reports) or "\n".join(str(first) for first, *_ in by_layer)


def layer_reports(name):
    """Yield the gradient checker's reports on one of LAYERS, each kind of a network and of a denoiser by itself."""
    rng = np.random.default_rng(0)
    x, W, b, target = (rng.standard_normal(shape) for shape in [(5, 3), (3, 4), (4,), (5, 3)])
    if name == "Linear":
        yield check_gradients(Linear(W, b), x)
    elif name == "MSE":
        yield check_gradients(MSE(), x, target)
    elif name == "MLP":
        for activation, layer in ACTIVATIONS.items():
            yield replace(check_gradients(_mlp(activation), x), title=f"MLP with {layer.__name__}")
    elif name == "Denoiser":
        xt, t, _ = _points()
        for predicts in ("v", "eps"):
            denoiser = Denoiser(_mlp("silu"), Schedule.linear(), predicts)
            yield replace(check_gradients(denoiser, xt, t), title=f"Denoiser that predicts {predicts}")
    else:
        yield check_gradients(ACTIVATIONS[name.lower()](), x)


def adam_is_reference():
    """Twenty steps on the same gradients, of all sizes and signs."""
    rng = np.random.default_rng(0)
    params, grads = rng.standard_normal(50), np.zeros(50)
    adam = Adam(params, grads)
    theirs, m, v = params.tolist(), [0.0] * 50, [0.0] * 50
    for k in range(1, 21):
        grads[:] = rng.standard_normal(50) * 10.0 ** rng.integers(-6, 3, 50)
        adam.step(0.1 / k)
        reference.adam_step(theirs, grads.tolist(), m, v, k, 0.1 / k)
    return _distance(params, theirs), ""


def score_is_gradient():
    """At every level, noisy points around the circle: the score against central differences of the log density."""
    exact = ExactDenoiser(Schedule.linear(), SHAPES["circle"].grid)
    rng = np.random.default_rng(0)
    figures = []
    for t in range(exact.schedule.T):
        x0 = SHAPES["circle"].draw(20, rng)
        xt = exact.schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
        h = 1e-4 * np.sqrt(1 - exact.schedule.alpha_bars[t])    # the density bends over about one width of the noise
        steps = h * np.eye(2)
        differences = np.stack([exact.log_density(xt + step, t) - exact.log_density(xt - step, t) for step in steps], axis=1)
        figures.append(_distance(exact.score(xt, t), differences / (2 * h)))
    return max(figures), ""


def floor_is_loss():
    """The variance that the perfect denoiser leaves to the noise is its mean squared error: for a curve, for clouds, and
    for moons, whose points are not all equally far from the centre (the term q^2 of the weights cancels if they are).
    """
    rng = np.random.default_rng(0)
    figures = []
    for name in ("circle", "gaussians", "moons"):
        shape = SHAPES[name]
        exact = ExactDenoiser(Schedule.linear(), shape.grid, shape.standard_width)
        x0 = shape.draw(5000, rng)
        t, eps = rng.integers(exact.schedule.T, size=len(x0)), rng.standard_normal(x0.shape)
        guess, variance = exact.posterior(exact.schedule.add_noise(x0, t, eps), t)
        misses = np.mean((guess - eps) ** 2, axis=1) - variance
        figures.append(abs(misses.mean()) / (misses.std() / np.sqrt(len(misses))))
    return max(figures), ""


def sampler_is_reference(count=3):
    """The first points of a sample, all 50 steps, again with the reference, from the same noise: those of a trained
    network, and those of a new one of the tutorial's kind.
    """
    new = Model.new(replace(RECIPES["tutorial"], hidden=WIDTHS[1:-1]), 0, shape_data("circle"))
    figures = []
    for model, variance in product([new, trained()], ["beta", "posterior"]):
        denoiser, network = in_double(model)
        schedule = denoiser.schedule
        betas = schedule.betas.tolist()
        alpha_bars = reference.alpha_bars_of(betas)
        rng = model.stream(0, SAMPLING)
        points = next(sample(denoiser, schedule, count, 2, rng, variance, dtype=np.float64))
        draws = stream(rng, STREAM, 0)
        xs = draws.standard_normal((BLOCK, 2))[:count].tolist()
        for t in reversed(range(schedule.T)):
            zs = draws.standard_normal((BLOCK, 2))[:count].tolist()
            for i, (x, z) in enumerate(zip(xs, zs)):
                guess, _, _ = reference.guess_noise(network, REFERENCE_ACTIVATIONS[model.recipe.activation],
                                                    model.recipe.predicts, x, t, alpha_bars)
                xs[i] = reference.reverse_step(x, t, guess, z, betas, alpha_bars, variance)
        figures.append(np.abs(points - xs).max())
    return max(figures), ""


def perfect_radius():
    """Where the sampler ends when every guess is perfect."""
    exact = ExactDenoiser(Schedule.linear(), SHAPES["circle"].grid)
    points = np.concatenate(list(sample(exact, exact.schedule, 500, 2, np.random.default_rng(0), dtype=np.float64)))
    return np.abs(np.hypot(*points.T) - 1).max(), ""


def network_excess():
    model = trained()
    exact = ExactDenoiser(model.denoiser.schedule, SHAPES["circle"].grid)
    _, excess = floor_and_excess(model.denoiser, exact, SHAPES["circle"].draw, np.random.default_rng(0))
    return excess.mean(), ""


def network_radius():
    radius = np.hypot(*np.concatenate(list(trained().sample(500))).T)
    return np.sqrt(np.mean((radius - 1) ** 2)), ""


@cache
def trained():
    """A model of the default recipe, trained on the circle."""
    model = Model.new(RECIPES["default"], 0, shape_data("circle"))
    for _ in model.train():
        pass
    return model


def in_double(model):
    """A model's denoiser again in float64, and its network as the reference wants it."""
    mlp = model.denoiser.mlp
    double = MLP(mlp.widths, np.random.default_rng(0), ACTIVATIONS[model.recipe.activation], np.float64)
    double.params[:] = mlp.params
    return (Denoiser(double, model.denoiser.schedule, model.recipe.predicts),
            reference.unflatten(double.params.tolist(), mlp.widths))


class _ReferenceLoss:
    """The reference's loss as a function of all its parameters, dressed as a layer for the gradient checker."""

    def __init__(self, activation, predicts):
        self.activation, self.predicts = REFERENCE_ACTIVATIONS[activation], predicts
        self.alpha_bars = reference.alpha_bars_of(Schedule.linear().betas.tolist())
        self.batch = [(reference.add_noise(x0, eps, self.alpha_bars[t]), t, eps)
                      for x0, t, eps in zip(*(array.tolist() for array in _points()))]

    def forward(self, params):
        loss, self.gradient = reference.loss_and_gradients(
            reference.unflatten(params.tolist(), WIDTHS), self.activation, self.predicts, self.alpha_bars, self.batch)
        return loss

    def backward(self, dloss):
        return dloss * np.array(self.gradient)


def _mlp(activation):
    """A small network in float64. Its biases are not 0 as those of a new one are: 0 would hide that one is forgotten."""
    rng = np.random.default_rng(1)
    mlp = MLP(WIDTHS, rng, ACTIVATIONS[activation], np.float64)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape)
    return mlp


def _points(n=5):
    """Points of the circle, levels, and noise, in float64: x0 (n, 2), t (n,), eps (n, 2)."""
    rng = np.random.default_rng(2)
    return SHAPES["circle"].draw(n, rng), rng.integers(50, size=n), rng.standard_normal((n, 2))


def _distance(a, b):
    """The largest difference between two arrays, in units of the second's largest entry."""
    return float(np.abs(np.subtract(a, b)).max() / np.abs(b).max())


def _first_wrong(reports):
    """The table of the first report that is wrong, if any: what is made of a wrong part is wrong too, and says no more."""
    return next((str(report) for report in reports if not report.ok), "")


def _largest(reports):
    """The largest error in some gradient reports; infinite if one is wrong in another way than by its numbers."""
    return max(np.inf if report.error <= TOLERANCE and not report.ok else report.error for report in reports)


@dataclass(frozen=True)
class Link:
    """A claim, how it is measured, and by how much it may be missed."""

    claim: str
    measure: Callable
    bound: float


# Rounding is 1e-16 for each operation: 1e-12 and 1e-10 are for many of them. 1e-6 is for differences over steps of 1e-4 noise
# widths, whose truncation is about 1e-8. Chance is more than 4 standard errors off once in 16,000 times. 1e-3 is twenty times
# what the 50 steps cost. The last two bounds are what each of ten seeds has to keep: a loss of 0.006 above the floor; a std of
# 0.016 and a mean off by 0.006, together 0.017.
LINKS = [[Link("the reference's gradients = finite differences", reference_gradients, TOLERANCE)],
         [Link("every layer's gradients = finite differences", network_gradients, TOLERANCE),     # first: its table says where
          Link("the network's gradients = the reference's", network_is_reference, 1e-12)],
         [Link("20 steps of Adam = 20 of the reference's Adam", adam_is_reference, 1e-12)],
         [Link("the perfect denoiser = its density's differences", score_is_gradient, 1e-6),
          Link("the floor = its loss (in standard errors)", floor_is_loss, 4)],
         [Link("the sampler = the reference's, point by point", sampler_is_reference, 1e-10),
          Link("with the perfect denoiser: error of the radius", perfect_radius, 1e-3)],
         [Link("a new network's loss, above the floor", network_excess, 0.006),
          Link("its points: root mean square of radius - 1", network_radius, 0.017)]]
