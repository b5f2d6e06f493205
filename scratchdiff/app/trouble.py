"""When a run has gone wrong: how to notice, and what to try.

Nothing here judges how good a result is. It only recognises results that mean nothing.
"""
from contextlib import contextmanager

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.diffusion.training import noisy_points
from scratchdiff.experiment.model import Diverged
from scratchdiff.fast.streams import REPORT

FEW = 100               # so few steps may well have taught the network nothing
NOISY = 2000            # noisy points on which two guesses are compared
FAR = 100               # times the range of the data: points out there are no sample of it


@contextmanager
def advice(model):
    """Turn the model's own error into a CommandError with the flag to change."""
    try:
        yield
    except Diverged as error:
        raise CommandError(f"the network has diverged, {error}: "
                           f"try an --lr smaller than {model.recipe.lr:g}") from None


def expect_learned(model):
    """CommandError if training has taught the network nothing, or nothing that it still knows.

    A silent network, F = 0, leaves all of the guess to skip_t x_t. A trained one must guess better:
    by at least a tenth of what the best linear guess gains, which knows the mean and the covariance
    of the points and nothing of their shape.

    If a linear guess gains nothing either, this cannot tell. For a Gaussian in one dimension the
    silent "v" network is already perfect.
    """
    if len(model.losses) < FEW:
        return
    silent, linear = silent_and_linear_loss(model)
    if silent - linear < 0.02 * silent:
        return
    loss, silent_here = losses_on_same_noise(model)
    if silent_here - loss >= (silent - linear) / 10:
        return
    worst = int(np.argmax(model.losses))
    if model.losses[worst] > 10 * silent:
        what = f"the loss shot up to {model.losses[worst]:.3g} at step {worst + 1}"
        try_this = "a smaller --lr, or fewer --hidden units"
    else:
        what = f"the network has learned nothing in {len(model.losses)} steps"
        try_this = "another --lr, or more --steps"
    raise CommandError(f"{what}; at the end, the loss is {loss:.3g}, and without the network "
                       f"it would be {silent_here:.3g}: try {try_this}")


def silent_and_linear_loss(model):
    """The expected losses of a silent network and of the best linear guess, mean over the levels.

    Take axes along which the points' coordinates are uncorrelated, with variances c. Per level and
    axis, with a for alpha_bar_t:
        silent   eps - skip x_t = (1 - skip sqrt(1 - a)) eps - skip sqrt(a) x_0, whose mean square
                 is (1 - skip sqrt(1 - a))^2 + skip^2 a c
        linear   x_t has variance a c + 1 - a, and 1 - a of it is noise. Regression on x_t leaves
                 1 - (1 - a) / (a c + 1 - a) of the variance of eps, which is 1.
    """
    x0 = model.data.draw(NOISY, model.stream(model.seed, REPORT))
    c = np.linalg.eigvalsh(np.atleast_2d(np.cov(x0.T)))                     # (d,)
    a = model.denoiser.schedule.alpha_bars[:, None]                         # (T, 1)
    skip = model.denoiser.skip
    silent = (1 - skip * np.sqrt(1 - a)) ** 2 + skip ** 2 * a * c           # (T, d)
    linear = 1 - (1 - a) / (a * c + 1 - a)
    return silent.mean(), linear.mean()


def losses_on_same_noise(model):
    """The losses of the network and of a silent one, on the same noisy points."""
    rng = model.stream(model.seed, REPORT)
    xt, t, eps = noisy_points(model.data.draw(NOISY, rng), model.denoiser.schedule, rng)
    guesses = model.denoiser(xt, t), model.denoiser.skip[t] * xt
    return [float(np.mean((guess - eps) ** 2)) for guess in guesses]


def in_range(model, blocks):
    """Yield blocks of points in standard form; CommandError for one far out of the data's range."""
    data = model.data
    known = (data.standard.forth(data.points) if data.points is not None
             else data.draw(NOISY, model.stream(model.seed, REPORT)))
    reach = np.abs(known).max()
    for block in blocks:
        largest = np.abs(block).max()
        if largest > FAR * reach:
            raise CommandError(f"the generated points lie {largest / reach:.0e} times as far out "
                               "as the data: try a smaller --lr, or more --steps")
        yield block
