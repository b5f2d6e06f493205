"""The perfect denoiser of a known distribution: the best that any network could do.

The loss E |eps_hat - eps|^2 is smallest for eps* = E[eps | x_t], the mean of all the noise that
could have led to x_t (floor_and_excess says why). If x_0 is one of K equally likely points p_k, we
know that mean. Given p_k, x_t is Gaussian around q_k = sqrt(alpha_bar_t) p_k, with variance
s^2 = 1 - alpha_bar_t along each axis. Bayes' rule then says how likely each q_k is, given x_t:

    w_k = softmax_k( -|x_t - q_k|^2 / (2 s^2) )         softmax: exp of each, over the sum of all
    E[eps | x_t] = (x_t - sum_k w_k q_k) / s            since x_t = q_k + s eps

A curve is a row of points, closer together than the noise is wide (measure/shapes.py).

The noisy points at level t have a density p_t, the mixture of those K Gaussians. Its score,
grad log p_t, points to where noisy points are more likely. For one Gaussian around q it is
(q - x_t) / s^2, and for a mixture the w-weighted mean of these. Compare with the line above:

    eps*(x_t, t) = -s grad log p_t(x_t)

To guess the noise is to know the density's slope (Vincent 2011; Song et al. 2021, section 2). That
is how this file is checked: its score against finite differences of its log density.
"""
from typing import NamedTuple

import numpy as np

from scratchdiff.measure.nearest import nearest
from scratchdiff.nn.expect import expect, expect_levels

CELLS = 2 ** 18         # numbers in a temporary array, about: so many stay in the cache
SCOUTS = 200            # points that say roughly how far away the nearest one is


class Mixture(NamedTuple):
    """What x (n, d) tells about K equal Gaussians, of variance s2, around the rows of q (K, d)."""

    log_density: np.ndarray             # (n,)    log p(x)
    mean: np.ndarray                    # (n, d)  sum_k w_k q_k
    spread: np.ndarray                  # (n,)    sum_k w_k |q_k - mean|^2
    s2: np.ndarray                      # (n, 1)


def bayes(x, q, s2, K):
    """Bayes' rule: the Mixture for x (n, d), float64, and those of the K rows of q that matter."""
    q2 = np.sum(q * q, axis=1)                              # (K,)
    w = x @ (q.T / s2) - q2 / (2 * s2)                      # -|x - q|^2 / (2 s2) + |x|^2 / (2 s2)
    top = w.max(axis=1, keepdims=True)
    w -= top                                                # the largest exp is 1: none overflows
    np.maximum(w, -700, out=w)                              # exp(-700) is nothing beside 1
    np.exp(w, out=w)                                        # (n, K): w_k times their sum
    sums = w @ np.column_stack([q, q2, np.ones(len(q))])    # (n, d + 2)
    total = sums[:, -1]                                     # (n,)
    mean = sums[:, :-2] / total[:, None]
    spread = np.maximum(sums[:, -2] / total - np.sum(mean * mean, axis=1), 0)
    log_density = top[:, 0] + np.log(total / K) - np.sum(x * x, axis=1) / (2 * s2) \
        - x.shape[1] / 2 * np.log(2 * np.pi * s2)
    return Mixture(log_density, mean, spread, np.full((len(x), 1), s2))


def neighbourhoods(x, q, s2):
    """Yield (rows, near): a few rows of x (n, d), and all of q (K, d) that matters to them.

    Beside the w of the nearest q_k, at distance D, that of a q_k at distance D + 10 s or more is
        exp(-((D + 10 s)^2 - D^2) / (2 s^2)) <= exp(-50),
    too little for a float64. No q_k is needed that is farther away, even along the first axis only.
    Some of q, the scouts, say what D is at most.
    """
    q = q[np.argsort(q[:, 0])]
    farthest = nearest(x, q[::-(-len(q) // SCOUTS)])        # (n,)
    pieces = min(len(x), -(-len(x) * len(q) // (4 * CELLS)))
    for rows in np.array_split(np.argsort(x[:, 0]), pieces):
        reach = farthest[rows].max() + 10 * np.sqrt(s2)
        ends = x[rows[[0, -1]], 0] + [-reach, reach]
        yield rows, q[slice(*np.searchsorted(q[:, 0], ends))]


class ExactDenoiser:
    """(x_t, t) -> E[eps | x_t], called like any other denoiser.

    Parameters
    ----------
    schedule : Schedule
    points : (K, d) float array, or callable: noise width -> (K, d) float array
        The equally likely values of x_0. A callable is asked for a grid that is fine enough for
        noise of that width.
    width : float
        If each point is the centre of a round Gaussian cloud, the standard deviation of the cloud.
        Noisy clouds are Gaussians too, of variance s^2 = 1 - alpha_bar_t + alpha_bar_t width^2.
    """

    def __init__(self, schedule, points, width=0.0):
        if not callable(points):
            expect("points", points, ("K", "d"))
            if not len(points):
                raise ValueError("points must have shape (K, d) with K at least 1, "
                                 f"got {points.shape}")
        if not 0 <= width < np.inf:
            raise ValueError(f"width must be a number from 0 up, got {width}")
        self.schedule, self.points, self.width = schedule, points, width

    def __call__(self, xt, t):
        """eps*(x_t, t) (n, d), of the dtype of xt; t an int or (n,) ints."""
        return self.posterior(xt, t)[0].astype(xt.dtype)

    def posterior(self, xt, t):
        """What x_t tells about the noise: E[eps | x_t] (n, d), and the variance around it (n,).

        The variance is averaged over the coordinates. If x_t came from cloud k, x_t - q_k is the
        sum of two Gaussians: the cloud's, and the noise sqrt(1 - alpha_bar_t) eps. The noise has
        the share r = (1 - alpha_bar_t) / s^2 of the variance. So the noise is r (x_t - q_k) on
        average, and eps has variance 1 - r around its mean (schedule.posterior_variance derives
        both). Not knowing k adds the variance of that mean over k.
        """
        mixture = self.mixture(xt, t)
        noise = np.sqrt(1 - self.schedule.alpha_bars[t]).reshape(-1, 1)     # (n, 1), or (1, 1)
        slope = noise / mixture.s2      # how far E[eps | x_t, k] moves for each unit of x_t
        variance = 1 - slope * noise + slope ** 2 * mixture.spread[:, None] / xt.shape[1]
        return slope * (xt - mixture.mean), variance[:, 0]

    def score(self, xt, t):
        """grad log p_t(x_t), (n, d) float64: the w-weighted mean of (q_k - x_t) / s^2."""
        mixture = self.mixture(xt, t)
        return (mixture.mean - xt) / mixture.s2

    def log_density(self, xt, t):
        """log p_t(x_t), (n,) float64."""
        return self.mixture(xt, t).log_density

    def mixture(self, xt, t):
        """The Mixture of level t for the rows of xt (n, d); t an int or (n,) ints."""
        expect("xt", xt)
        t = expect_levels(t, xt.shape[:-1], self.schedule.T)
        if not np.ndim(t):
            return self.mixture_at(xt, int(t))
        return gathered(((rows, self.mixture_at(xt[rows], level))
                         for level in np.unique(t).tolist() for rows in [t == level]), xt.shape)

    def mixture_at(self, xt, t):
        """The same for one level."""
        alpha_bar = self.schedule.alpha_bars[t]
        s2 = 1 - alpha_bar + alpha_bar * self.width ** 2
        points = self.points(np.sqrt(s2 / alpha_bar)) if callable(self.points) else self.points
        q = np.sqrt(alpha_bar) * np.asarray(points, np.float64)
        expect("xt", xt, ("n", q.shape[1]))
        x = xt.astype(np.float64)
        if len(x) * len(q) <= CELLS:
            return bayes(x, q, s2, len(q))
        return gathered(((rows, bayes(x[rows], near, s2, len(q)))
                         for rows, near in neighbourhoods(x, q, s2)), x.shape)


def gathered(parts, shape):
    """One Mixture for all rows of an array of this shape, from those of some rows: (rows, part)."""
    n = shape[0]
    result = Mixture(np.empty(n), np.empty(shape), np.empty(n), np.empty((n, 1)))
    for rows, part in parts:
        for whole, values in zip(result, part):
            whole[rows] = values
    return result


def floor_and_excess(denoiser, exact, draw, rng, n=1000, dtype=np.float32):
    """The noise-prediction loss of a denoiser at each level, in two parts: (T,), (T,).

    The floor, E |eps* - eps|^2 / d, is the loss of the perfect denoiser: the variance that x_t
    leaves to the noise. The excess, E |eps_hat - eps*|^2 / d, is what our denoiser adds. The two
    add up to the loss: whatever x_t is, eps* - eps has mean 0, so its product with eps_hat - eps*
    has mean 0 too. That is also why no denoiser can do better than eps*.

    Both parts are measured directly, over n noisy points a level, so the noise in the loss does
    not blur them. draw(n, rng) -> x_0 (n, d). The denoiser is given points of `dtype`.
    """
    floor, excess = np.empty(exact.schedule.T), np.empty(exact.schedule.T)
    for t in range(exact.schedule.T):
        x0 = draw(n, rng).astype(np.float64)
        xt = exact.schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
        eps, variance = exact.posterior(xt, t)
        floor[t] = variance.mean()
        excess[t] = np.mean((denoiser(xt.astype(dtype), t) - eps) ** 2)
    return floor, excess
