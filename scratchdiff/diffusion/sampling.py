"""Sampling: the walk back, from pure noise to points, one level at a time, all points at once."""
import numpy as np

from scratchdiff.nn.expect import expect


def reverse_process(denoiser, schedule, x, rng, variance="posterior"):
    """Walk the rows of x, (n, d) standard normal noise, back to points; yield them after each step.

    The last x are the generated points. rng, a numpy.random.Generator, draws the fresh noise, and
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

        x_{t-1} = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_t) + sigma_t z

    The noise in x_t is s = sqrt(1 - alpha_bar_t) eps, with variance 1 - alpha_bar_t. Let e be the
    part of it that step t added, with variance beta_t. Given all of the noise, s, the part e is on
    average as large a share of it as of the variance (schedule.posterior_variance says why):
        E[e | s] = beta_t / (1 - alpha_bar_t) s = beta_t / sqrt(1 - alpha_bar_t) eps

    Subtract that, and undo the shrinking by sqrt(alpha_t). The rest of e is unknown; fresh noise
    sigma_t z replaces it, and sigma_t^2 is `schedule.variance(t, variance)`. The step from level 0
    adds none, and leads to the guess at the clean point.
    """
    last = float(schedule.betas[t] / np.sqrt(1 - schedule.alpha_bars[t]))
    shrink = float(np.sqrt(schedule.alphas[t]))
    sigma = float(np.sqrt(schedule.variance(t, variance)))
    return (x - last * eps_hat) / shrink + sigma * z
