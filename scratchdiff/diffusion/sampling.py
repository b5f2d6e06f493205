"""Sampling: the walk back, from pure noise to points, one level at a time, all points at once.

Why not take all of the guessed noise away at once? At level 49 nearly every clean point could have
led to x_t, and the best guess is their average. So even with the perfect denoiser, one jump from
there ends at a mean radius of 0.18, well inside the circle. From level 25 it ends at 0.56, from
level 10 at 0.93. A small step leaves fewer candidates, so the next guess is sharper.

Why does each step put fresh noise back? Without it, the points would lie closer together than
points of their level do, and they would drift to the middle. A filled square of size 1 (the root
mean square distance from its middle) comes out with size 0.35, and with fresh noise 0.97.
"""
import numpy as np

from scratchdiff.nn.expect import expect


def reverse_process(denoiser, schedule, x, rng, variance="posterior"):
    """Turn the rows of x, (n, d) standard normal noise, into points; yield x after each step.

    The last x holds the generated points. rng, a numpy.random.Generator, draws the fresh noise, and
    `variance` is a name of schedule.VARIANCES.

    This is a sampler: a function (denoiser, schedule, x, rng) that yields x after every step. Every
    sampler works with every denoiser(x_t, t) -> eps_hat. Others are in beyond/few_steps.py.
    """
    expect("x", x)
    for t in reversed(range(schedule.T)):
        z = rng.standard_normal(x.shape, x.dtype)
        x = reverse_step(x, t, denoiser(x, t), z, schedule, variance)
        yield x


def reverse_step(x, t, eps_hat, z, schedule, variance="posterior"):
    """x_{t-1} from x_t (Ho et al. 2020, algorithm 2). x, eps_hat, z (n, d), t an int.

        x_{t-1} = (x_t - (beta_t / sqrt(1 - alpha_bar_t)) eps_hat) / sqrt(alpha_t) + sigma_t z

    The noise in x_t is n = sqrt(1 - alpha_bar_t) eps, with variance 1 - alpha_bar_t. Step t added
    the newest part of it, e, with variance beta_t. So e has the share beta_t / (1 - alpha_bar_t) of
    the variance, and on average e is that share of n itself (schedule.posterior_variance says why):
        E[e | n] = (beta_t / (1 - alpha_bar_t)) n = (beta_t / sqrt(1 - alpha_bar_t)) eps
    We do not know eps. Put the guess eps_hat in its place. (The best guess is an average of all eps
    that could be in x_t. The step is linear in eps, so this gives the average step.) Subtract the
    result from x_t, and undo the shrinking by sqrt(alpha_t). The rest of e is unknown. Fresh noise
    sigma_t z replaces it, where sigma_t^2 is `schedule.variance(t, variance)`. The step from level
    0 adds none. There all of the noise is new, so the step leads to the guess at the clean point.

    In numbers: at level 25, x_0 = [1, 0] with eps = [0.5, -1] is x_25 = [1.063, -0.701]. On average
    a tenth of the noise, 0.0511 / 0.492, is new. If the guess is right, subtracting the tenth and
    dividing by sqrt(0.949) gives [1.054, -0.645]. Then comes fresh noise of size 0.22.
    """
    per_eps = float(schedule.betas[t] / np.sqrt(1 - schedule.alpha_bars[t]))
    shrink = float(np.sqrt(schedule.alphas[t]))
    sigma = float(np.sqrt(schedule.variance(t, variance)))
    return (x - per_eps * eps_hat) / shrink + sigma * z
