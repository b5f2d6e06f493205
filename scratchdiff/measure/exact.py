"""The perfect denoiser of a known distribution: the best that any network could do.

Let E be the mean over all x_0 and eps. The loss E |eps_hat - eps|^2 is smallest for the mean of all
noise that could have led to x_t, eps* = E[eps | x_t]. floor_and_excess says why.

We can compute eps* if x_0 is one of K equally likely points p_k. With noise, p_k becomes
x_t = q_k + s eps, where q_k = sqrt(alpha_bar_t) p_k and s^2 = 1 - alpha_bar_t. So x_t is Gaussian
around q_k. How likely is it that a given x_t came from p_k? All p_k are equally likely at first. So
by Bayes' rule the probability is the density of the Gaussian around q_k at x_t, divided by the sum
of these densities over all K points:

    w_k = exp(-|x_t - q_k|^2 / (2 s^2)), divided by the sum of these over all k         (softmax)

If x_t came from p_k, the noise in x_t is (x_t - q_k) / s. Average this over all k:

    eps* = sum_k w_k (x_t - q_k) / s = (x_t - sum_k w_k q_k) / s

For example, take two points on a line, +1 and -1, at level 25 of Schedule.linear(). There the q_k
are 0.713 and -0.713, and s is 0.701. At x_t = 0.7 the weights are 0.884 and 0.116, and the weighted
mean of the q_k is 0.547. So eps* is (0.7 - 0.547) / 0.701 = 0.218. At x_t = 0 both points are
equally likely, and eps* is 0.

For a curve, take a row of points on it, closer together than the noise is wide (shapes.py).

The score, grad log p_t, is the slope of the log density of x_t. It points to where x_t is more
likely. The density is the mean of K Gaussians, p_t = sum_k N_k / K, and w_k is N_k / sum_j N_j.
Since grad N_k = N_k grad log N_k, because (log f)' = f'/f, the score is the weighted mean of the
Gaussians' slopes:

    grad log p_t = sum_k grad N_k / sum_j N_j = sum_k w_k grad log N_k = sum_k w_k (q_k - x_t) / s^2

Compare this with eps*: it is -s grad log p_t. To guess the noise is to know the score
(Vincent 2011; Song et al. 2021, "Score-based generative modeling", section 2).
"""
from typing import NamedTuple

import numpy as np

from scratchdiff.measure.neighbourhoods import neighbourhoods
from scratchdiff.nn.expect import expect, expect_levels


class Mixture(NamedTuple):
    """What x (n, d) tells about the Gaussian that it came from: one of K, of variance S2."""

    log_density: np.ndarray             # (n,)    log p(x)
    mean: np.ndarray                    # (n, d)  sum_k w_k q_k
    spread: np.ndarray                  # (n,)    sum_k w_k |q_k - mean|^2
    S2: np.ndarray                      # (n, 1)


def bayes(x, q, S2, K):
    """Bayes' rule: the Mixture for x (n, d) float64. q has those of the K centres that matter."""
    q2 = np.sum(q * q, axis=1)
    # log w_k, up to terms that are the same for all k: |x - q|^2 = |x|^2 - 2 x q + |q|^2.
    log_w = x @ (q.T / S2) - q2 / (2 * S2)                          # (n, K)
    # exp(log_w) may be infinite, or 0 for all q. So first subtract the largest: its exp is then 1.
    # The softmax stays the same, and the logarithm of the sum gets `top` back (log-sum-exp).
    top = log_w.max(axis=1, keepdims=True)                          # (n, 1)
    log_w -= top
    np.maximum(log_w, -700, out=log_w)      # float64 is a hundred times slower below exp(-708)
    w = np.exp(log_w, out=log_w)                                    # not yet divided by their sum
    total = w.sum(axis=1, keepdims=True)                            # (n, 1)
    mean = w @ q / total                                            # w / total is the softmax
    mean_q2 = w @ q2 / total[:, 0]
    # sum_k w_k |q_k - mean|^2 is the mean of |q|^2 minus |mean|^2. Rounding may go below 0.
    spread = np.maximum(mean_q2 - np.sum(mean * mean, axis=1), 0)
    log_sum = (top + np.log(total))[:, 0] - np.sum(x * x, axis=1) / (2 * S2)
    log_density = log_sum - np.log(K) - x.shape[1] / 2 * np.log(2 * np.pi * S2)
    return Mixture(log_density, mean, spread, np.full((len(x), 1), S2))


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
        Then a noisy point has the variance S^2 = s^2 + alpha_bar_t width^2 around its q_k.
    """

    def __init__(self, schedule, points, width=0.0):
        if not callable(points):
            expect("points", points, ("K", "d"))
            if not len(points):
                raise ValueError("points must have shape (K, d) with K at least 1, "
                                 f"got {points.shape}")
        if not 0 <= width < np.inf:
            raise ValueError(f"width must be finite and not negative, got {width}")
        self.schedule, self.points, self.width = schedule, points, width

    def __call__(self, xt, t):
        """eps*(x_t, t) (n, d), of the dtype of xt; t an int or (n,) ints."""
        return self.posterior(xt, t)[0].astype(xt.dtype)

    def posterior(self, xt, t):
        """What x_t tells about the noise: E[eps | x_t] (n, d), and how eps varies around it (n,).

        If x_t came from cloud k, then x_t - q_k is a sum of two Gaussians: one from the cloud, and
        s eps. The noise s eps has the share r = s^2 / S^2 of the variance (1 for width 0). So it is
        r (x_t - q_k) on average, with variance s^2 (1 - r): schedule.posterior_variance says why.
        Divide by s: eps is r (x_t - q_k) / s on average, with variance 1 - r.

        We do not know k, and r (x_t - q_k) / s differs from k to k. Its variance is (r / s)^2 times
        the variance of q_k, so add that. `spread` is the variance of q_k summed over the d
        coordinates, so divide it by d.
        """
        mixture = self.mixture(xt, t)
        s = np.sqrt(1 - self.schedule.alpha_bars[t]).reshape(-1, 1)         # (n, 1), or (1, 1)
        r = s ** 2 / mixture.S2                                             # (n, 1)
        eps = r * (xt - mixture.mean) / s
        variance = 1 - r + (r / s) ** 2 * mixture.spread[:, None] / xt.shape[1]
        return eps, variance[:, 0]

    def score(self, xt, t):
        """grad log p_t(x_t), (n, d) float64: the w-weighted mean of (q_k - x_t) / S^2."""
        mixture = self.mixture(xt, t)
        return (mixture.mean - xt) / mixture.S2

    def log_density(self, xt, t):
        """log p_t(x_t), (n,) float64."""
        return self.mixture(xt, t).log_density

    def mixture(self, xt, t):
        """The Mixture for the rows of xt (n, d); t an int or (n,) ints."""
        expect("xt", xt)
        t = expect_levels(t, xt.shape[:-1], self.schedule.T)
        if np.ndim(t) == 0:
            return self.mixture_at(xt, int(t))
        parts = []
        for level in np.unique(t).tolist():
            rows = t == level
            parts.append((rows, self.mixture_at(xt[rows], level)))
        return gathered(parts, xt.shape)

    def mixture_at(self, xt, t):
        """The Mixture for the rows of xt (n, d), all at level t."""
        alpha_bar = self.schedule.alpha_bars[t]
        S2 = 1 - alpha_bar + alpha_bar * self.width ** 2
        points = self.points(np.sqrt(S2 / alpha_bar)) if callable(self.points) else self.points
        q = np.sqrt(alpha_bar) * np.asarray(points, np.float64)
        expect("xt", xt, ("n", q.shape[1]))
        x = xt.astype(np.float64)
        parts = []
        for rows, near in neighbourhoods(x, q, S2):         # all rows and all of q, only faster
            parts.append((rows, bayes(x[rows], near, S2, len(q))))
        return gathered(parts, x.shape)


def gathered(parts, shape):
    """One Mixture for x of this shape (n, d), from parts: (which rows of x, their Mixture)."""
    n, d = shape
    whole = Mixture(np.empty(n), np.empty((n, d)), np.empty(n), np.empty((n, 1)))
    for rows, part in parts:
        for array, values in zip(whole, part):
            array[rows] = values
    return whole


def floor_and_excess(denoiser, exact, draw, rng, n=1000, dtype=np.float32):
    """The noise-prediction loss of a denoiser at each level, in two parts: (T,), (T,).

    The floor, E |eps* - eps|^2 / d, is the loss of the perfect denoiser: the variance that x_t
    leaves to the noise. The excess, E |eps_hat - eps*|^2 / d, is what our denoiser adds.

    The two add up to the loss. Write eps_hat - eps = (eps_hat - eps*) + (eps* - eps), and square
    it. For a given x_t, the first difference is fixed, and the second has mean 0. So their product
    has mean 0, and only their squares are left. This is also why no denoiser can be better than
    eps*.

    Both parts are measured directly, over n noisy points a level. Neither compares a guess with
    the eps that was drawn, so both vary less, and need far fewer points than the loss. draw(n, rng)
    -> x_0 (n, d). The denoiser is given points of `dtype`.

    For the circle, split eps* - eps at x_0 into two parts: one across the circle, and one along it.
    The floor is the mean of their mean squares. At level 0 they are 0.00 and 1.00, because noise
    along the circle leads to another of its points. At level 25 they are 0.54 and 0.13: many points
    of the circle could have led to x_t, and their average lies inside the circle, so the guess is
    wrong mostly across it. At level 49, where almost all of x_t is noise, they are 0.08 and 0.00.
    """
    floor, excess = np.empty(exact.schedule.T), np.empty(exact.schedule.T)
    for t in range(exact.schedule.T):
        x0 = draw(n, rng).astype(np.float64)
        xt = exact.schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
        best, variance = exact.posterior(xt, t)
        floor[t] = variance.mean()
        excess[t] = np.mean((denoiser(xt.astype(dtype), t) - best) ** 2)
    return floor, excess
