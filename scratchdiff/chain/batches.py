"""Links about what is drawn at random: noise, points and levels, in standard errors.

A figure computed from random numbers is never exactly right. Its standard error says how far off it
usually is by chance. For n independent standard normal numbers:

    figure      should be   standard error
    mean            0       sqrt(1 / n)
    variance        1       sqrt(2 / n)
    kurtosis        3       sqrt(24 / n)

An error is seldom more than three standard errors. links.py allows five, and says how often chance
alone takes the worst of many figures that far.
"""
from itertools import islice

import numpy as np

from scratchdiff.chain.link import worst
from scratchdiff.diffusion.levels import LowLevels
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.batches import CHUNK, chunked, noisy
from scratchdiff.measure.shapes import SHAPES

EXACT = 1e9             # for what must hold exactly: an error of 5e-9 counts as 5 standard errors
BATCHES = 2 * CHUNK


def batches_are_fair():
    """Two chunks of training batches: the noise, the levels, the points and the pairs.

    The second half of a batch repeats the first half with the opposite noise. So only the numbers
    of the first half are independent of each other.
    """
    schedule, batch_size = Schedule.linear(), 64
    make = noisy(SHAPES["circle"].draw, schedule, batch_size, antithetic=True, dtype=np.float64)
    batches = islice(chunked(make, np.random.default_rng(0)), BATCHES)
    xt, t, eps = map(np.array, zip(*batches))                   # (200, 64, ...) each
    x0 = without_noise(xt, t, eps, schedule)
    first, second = slice(None, batch_size // 2), slice(batch_size // 2, None)
    drawn, levels = eps[:, first], t[:, first]

    counts = np.bincount(levels.ravel(), minlength=schedule.T)
    expected = levels.size / schedule.T                 # nearly the variance of a count, too
    return worst({
        **noise_misses(drawn),
        "how often each level is drawn": np.abs(counts - expected).max() / np.sqrt(expected),
        "the levels in a batch, which should differ": sameness(levels),
        "the noises in a batch, which should differ": sameness(drawn),
        "the points in a batch, which should differ": sameness(x0[:, first]),
        "two noises of a pair, which should be opposite":
            np.abs(drawn + eps[:, second]).max() * EXACT,
        "what is left of x_t without the noise": np.abs(np.hypot(*x0.T) - 1).max() * EXACT,
    })


def noise_misses(eps):
    """{figure: its error in standard errors} of noise (200, n, 2), which should be N(0, I)."""
    n = eps[..., 0].size                                        # numbers in each coordinate
    mean, variance = eps.mean(axis=(0, 1)), eps.var(axis=(0, 1))                # (2,) each
    kurtosis = np.mean(eps ** 4, axis=(0, 1)) / variance ** 2
    across = np.mean(eps[..., 0] * eps[..., 1])                 # of two coordinates
    between = np.mean(eps[:CHUNK] * eps[CHUNK:], axis=(0, 1))   # of two chunks
    return {
        "the mean of the noise": np.abs(mean).max() * np.sqrt(n),
        "the variance of the noise": np.abs(variance - 1).max() * np.sqrt(n / 2),
        "the kurtosis of the noise, 3 for a Gaussian":
            np.abs(kurtosis - 3).max() * np.sqrt(n / 24),
        "the noise of two coordinates, which should differ": abs(across) * np.sqrt(n),
        "the noise of two chunks, which should differ": np.abs(between).max() * np.sqrt(n / 2),
    }


def sameness(x):
    """How far the numbers of a batch are from independent, in standard errors.

    x (m, n, ...) holds m batches of n numbers. If the numbers of a batch are independent, the
    variance of the batch's mean is the variance of one number, divided by n. If numbers repeat, the
    mean varies more. There are m means, so the relative standard error of their variance is
    sqrt(2 / m).
    """
    m, n = x.shape[:2]
    expected = x.var(axis=(0, 1)) / n
    variance = x.mean(axis=1).var(axis=0)
    return np.abs(variance / expected - 1).max() * np.sqrt(m / 2)


def without_noise(xt, t, eps, schedule):
    """The clean points x0 in the noisy points xt: the formula of `add_noise`, solved for x0."""
    alpha_bars = schedule.alpha_bars[t][..., None]
    return (xt - np.sqrt(1 - alpha_bars) * eps) / np.sqrt(alpha_bars)


def levels_are_weighted():
    """LowLevels: how often it draws each level, and the share of each level in the loss.

    The probability of a level, times its weight, must be its share. diffusion/levels.py defines
    probabilities and shares as powers of the noise.
    """
    schedule = Schedule.linear()
    levels, noise = LowLevels(schedule), np.sqrt(1 - schedule.alpha_bars)
    weights = levels.weight(np.arange(schedule.T))[:, 0]
    probabilities = noise ** -0.5 / np.sum(noise ** -0.5)
    shares = noise ** -0.25 / np.sum(noise ** -0.25)
    n = 200_000
    drawn = np.bincount(levels.draw(n, np.random.default_rng(1)), minlength=schedule.T) / n
    misses = {}
    for t, (p, share) in enumerate(zip(probabilities, shares)):
        standard_error = np.sqrt(p * (1 - p) / n)               # of a binomial share
        misses[f"level {t}, how often it is drawn"] = abs(drawn[t] - p) / standard_error
        misses[f"level {t}, its share in the loss"] = abs(p * weights[t] / share - 1) * EXACT
        misses[f"level {t}, its share in `shares`"] = abs(levels.shares[t] / share - 1) * EXACT
    return worst(misses)
