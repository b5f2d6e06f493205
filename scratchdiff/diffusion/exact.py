"""The perfect denoiser of a known distribution: the best that any network could do, to measure ours against.

The noise-prediction loss E |eps_hat - eps|^2 is smallest for eps_hat = E[eps | x_t], the mean of all the noise that could
have led to x_t. If x_0 is one of K points p_1 ... p_K, each as likely as the others, that mean is known in closed form.
Given p_k, x_t is Gaussian around sqrt(alpha_bar_t) p_k with variance s_t^2 = 1 - alpha_bar_t, so by Bayes' rule

    w_k = softmax_k( -|x_t - sqrt(alpha_bar_t) p_k|^2 / (2 s_t^2) )         how likely x_t came from p_k
    E[x_0 | x_t] = sum_k w_k p_k
    eps*(x_t, t) = (x_t - sqrt(alpha_bar_t) E[x_0 | x_t]) / s_t

A curve is a row of points set closer than the noise is wide. It is enough that they are 0.7 noise widths apart: the sum over
them then differs from the integral by a factor of 1 +- exp(-2 (pi / 0.7)^2), which is 3e-18.

What is learnt from noise and what is known of the density are one thing (Vincent 2011; Song et al. 2021, section 2):

    eps*(x_t, t) = -sqrt(1 - alpha_bar_t) grad log p_t(x_t)

which is how this file is checked: the score below against finite differences of the log density below.
"""
import numpy as np

from scratchdiff.nn.expect import expect_floats, expect_rows

SPACING = 0.7           # of the grid, in units of the noise (see above)
CELLS = 2 ** 20         # at most about so many numbers in a temporary array


class ExactDenoiser:
    """(x_t, t) -> E[eps | x_t], called like any other denoiser.

    Parameters
    ----------
    schedule : Schedule
    points : (K, d) float array, or callable: spacing -> (K, d) float array
        The equally likely values of x_0; as a callable, a grid of at most that spacing, made as fine as each level needs.
    width : float
        If each point is the centre of a round Gaussian cloud rather than a point, the standard deviation of that cloud. Then
        s_t^2 = 1 - alpha_bar_t + alpha_bar_t width^2, and all else is the same, in terms of the score.
    """

    def __init__(self, schedule, points, width=0.0):
        if not callable(points):
            expect_floats("points", points)
            if points.ndim != 2 or not len(points):
                raise ValueError(f"points must have shape (K, d) with K at least 1, got {points.shape}")
        if not 0 <= width < np.inf:
            raise ValueError(f"width must be a number from 0 up, got {width}")
        self.schedule, self.points, self.width = schedule, points, width

    def __call__(self, xt, t):
        """eps*(x_t, t) (n, d), of the dtype of xt; t an int or (n,) ints."""
        noise = np.sqrt(1 - self.schedule.alpha_bars[self.schedule.levels(t, xt.shape[:-1])])
        return (-noise[..., None] * self.score(xt, t)).astype(xt.dtype)

    def score(self, xt, t):
        """grad log p_t(x_t), (n, d) float64: of one Gaussian (q - x_t) / s^2; of a mixture, the w-weighted mean of that."""
        _, mean, _, s2 = self.mixture(xt, t)
        return (mean - xt) / s2

    def log_density(self, xt, t):
        """log p_t(x_t), (n,) float64."""
        return self.mixture(xt, t)[0]

    def noise_variance(self, xt, t):
        """The part of the noise that cannot be known: the variance of eps given x_t, averaged over the d coordinates, (n,).

        Within one Gaussian it is alpha_bar_t width^2 / s_t^2; which Gaussian it was adds the variance of their centres.
        """
        _, _, spread, s2 = self.mixture(xt, t)
        noise2 = 1 - self.schedule.alpha_bars[t]
        return 1 - noise2 / s2[:, 0] + noise2 * spread / s2[:, 0] ** 2 / xt.shape[1]

    def mixture(self, xt, t):
        """p_t is a mixture of Gaussians of variance s_t^2 around q_k = sqrt(alpha_bar_t) p_k. For each row of xt:

        log p_t(x_t) (n,); sum_k w_k q_k (n, d); sum_k w_k |q_k - that|^2 (n,); s_t^2 (n, 1).
        """
        expect_rows("xt", xt, self.grid(1.0).shape[1], xt.dtype)
        t = np.broadcast_to(self.schedule.levels(t, xt.shape[:-1]), len(xt))
        log_p, mean, spread, s2 = np.empty(len(xt)), np.empty(xt.shape), np.empty(len(xt)), np.empty((len(xt), 1))
        for level in np.unique(t):
            alpha_bar = self.schedule.alpha_bars[level]
            s2_level = 1 - alpha_bar + alpha_bar * self.width ** 2
            q = np.sqrt(alpha_bar) * self.grid(np.sqrt(s2_level / alpha_bar))
            rows = np.flatnonzero(t == level)
            s2[rows] = s2_level
            for some in np.array_split(rows, -(-len(rows) * len(q) // CELLS)):
                log_p[some], mean[some], spread[some] = _mixture(xt[some].astype(np.float64), q, s2_level)
        return log_p, mean, spread, s2

    def grid(self, noise_width):
        """The points, (K, d) float64; for a callable, as close as noise of that width needs them."""
        points = self.points(min(SPACING * noise_width, 0.1)) if callable(self.points) else self.points
        return np.asarray(points, np.float64)


def _mixture(x, q, s2):
    """What ExactDenoiser.mixture says, for Gaussians of variance s2 around the rows of q; x (n, d), q (K, d)."""
    q2 = np.sum(q * q, axis=1)
    w = (x @ q.T - q2 / 2) / s2             # -|x - q|^2 / (2 s2), less -|x|^2 / (2 s2), which is the same for all q
    top = w.max(axis=1, keepdims=True)      # taken out, so that the largest exp is 1 and none overflows
    w = np.exp(w - top)
    total = w.sum(axis=1, keepdims=True)
    w /= total                                                              # (n, K)
    mean = w @ q
    spread = np.maximum(w @ q2 - np.sum(mean * mean, axis=1), 0)
    log_p = (top + np.log(total))[:, 0] - np.sum(x * x, axis=1) / (2 * s2) \
        - np.log(len(q)) - x.shape[1] / 2 * np.log(2 * np.pi * s2)
    return log_p, mean, spread


def loss_floor(exact, draw, rng, n=1000):
    """The smallest noise-prediction loss that any denoiser can reach, at each level: (T,).

    E |eps - E[eps | x_t]|^2 / d is the mean over x_t of the variance of eps given x_t: with that variance in closed form, n
    noisy points a level say it far more exactly than n squared differences would. draw(n, rng) -> x_0 (n, d).
    """
    return np.array([exact.noise_variance(xt, t).mean() for t, xt in _noisy(exact.schedule, draw, rng, n)])


def excess_loss(denoiser, exact, draw, rng, n=1000, dtype=np.float32):
    """How far above the floor a denoiser is, at each level: E |eps_hat - eps*|^2 / d, (T,).

    eps - eps* has mean 0 whatever x_t is, so E |eps_hat - eps|^2 = E |eps_hat - eps*|^2 + E |eps - eps*|^2: the loss is the
    excess plus the floor. Measured as the first term alone, it is free of the noise in the second.
    """
    return np.array([np.mean((denoiser(xt.astype(dtype), t) - exact(xt, t)) ** 2)
                     for t, xt in _noisy(exact.schedule, draw, rng, n)])


def _noisy(schedule, draw, rng, n):
    """For each level, (t, n fresh points with that level's noise)."""
    for t in range(schedule.T):
        x0 = draw(n, rng).astype(np.float64)
        yield t, schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
