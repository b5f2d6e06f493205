"""When a run has gone wrong: how to notice, and what to try.

Nothing here judges how good a result is. The checks only recognise a result that means nothing.
"""
from contextlib import contextmanager
from copy import copy

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.diffusion.training import noisy_points
from scratchdiff.experiment.model import Diverged
from scratchdiff.fast.streams import REPORT
from scratchdiff.nn.lora import merged

FEW = 100               # steps; after fewer, it is normal to have learned nothing
NOISY = 1000            # noisy points on which guesses are compared
FAR = 100               # times the range of the data; farther out, points are no sample of the data


@contextmanager
def advice(model):
    """Turn the model's own error into a CommandError with the flag to change."""
    try:
        yield
    except Diverged as error:
        raise CommandError(f"the network has diverged, {error}: "
                           f"try an --lr smaller than {model.recipe.lr:g}") from None


def expect_learned(model):
    """CommandError if the network has learned nothing, or has forgotten what it learned.

    With a network that always answers 0, the guess is skip_t x_t. The best linear guess has a lower
    loss. A trained network must gain at least a twentieth of that difference. If there is hardly a
    difference, we cannot tell: for a Gaussian in one dimension, a "v" network that answers 0 is
    already perfect.
    """
    if len(model.losses) < FEW:
        return
    loss, silent, linear = losses_on_same_noise(model)
    could_gain = silent - linear
    if could_gain < 0.02 * silent or silent - loss >= could_gain / 20:
        return
    worst = int(np.argmax(model.losses))
    if model.losses[worst] > 10 * silent:
        what = f"the loss shot up to {model.losses[worst]:.3g} at step {worst + 1}"
        try_this = "a smaller --lr, or fewer --hidden units"
    else:
        what = f"the network has learned nothing in {len(model.losses)} steps"
        try_this = "another --lr, or more --steps"
    raise CommandError(f"{what}; at the end, the loss is {loss:.3g}, and without the network "
                       f"it would be {silent:.3g}: try {try_this}")


def losses_on_same_noise(model):
    """The losses of the network, of a network that answers 0, and of the best linear guess.

    A student's target depends on x_t alone. So in place of the linear guess we take the target, and
    its loss is 0.
    """
    rng, denoiser = model.stream(model.seed, REPORT), model.denoiser
    if model.pairs is not None:
        xt, t, target, *given = model.taught(NOISY, rng)
        best = target
    else:
        given = ()
        x0 = model.data.draw(NOISY, rng)
        xt, t, target = noisy_points(x0, denoiser.schedule, rng)
        best = linear_guess(xt, denoiser.schedule.alpha_bars[t, None], np.cov(x0.T))
    silent = copy(denoiser)
    silent.network = merged(denoiser.network)       # with adapters, params at 0 would be the base
    silent.network.params[:] = 0
    guesses = (denoiser(xt, t, *given), silent(xt, t, *given), best)
    return [float(np.mean((guess - target) ** 2)) for guess in guesses]


def linear_guess(xt, alpha_bar, covariance):
    """The best linear guess at the noise. It knows the points' covariance C, not their shape.

        sqrt(1 - alpha_bar) (alpha_bar C + (1 - alpha_bar) I)^-1 x_t

    This is the regression of eps on x_t. The first factor is the covariance of eps and x_t, and the
    second is the inverse covariance of x_t. Along axes in which C is diagonal, c, the inverse is a
    division.

    xt (n, d), alpha_bar (n, 1) -> (n, d).
    """
    c, axes = np.linalg.eigh(np.atleast_2d(covariance))                     # (d,), (d, d)
    return xt @ axes * np.sqrt(1 - alpha_bar) / (alpha_bar * c + 1 - alpha_bar) @ axes.T


def in_range(model, blocks):
    """Yield blocks of points in standard form; CommandError for points far outside the data."""
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
