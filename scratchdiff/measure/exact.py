"""The perfect denoiser of a known distribution: the best that any network could do, to measure ours against.

The noise-prediction loss E |eps_hat - eps|^2 is smallest for eps_hat = E[eps | x_t], the mean of all the noise that
could have led to x_t (why: see floor_and_excess). If x_0 is one of K points p_1 ... p_K, each as likely as the
others, that mean is known in closed form. Given that x_0 is p_k, x_t is Gaussian around q_k = sqrt(alpha_bar_t) p_k,
of variance s_t^2 = 1 - alpha_bar_t along each axis. So by Bayes' rule (softmax: exp of each, divided by the sum of
all)

    w_k = softmax_k( -|x_t - q_k|^2 / (2 s_t^2) )                           how likely it is that x_t came from p_k
    E[x_0 | x_t] = sum_k w_k p_k
    eps*(x_t, t) = (x_t - sqrt(alpha_bar_t) E[x_0 | x_t]) / s_t

A curve is a row of points set closer than the noise is wide. 0.7 noise widths are close enough: the sum over them
then differs from the integral along a straight line by a fraction of 2 exp(-2 (pi / 0.7)^2), which is 6e-18
(Poisson's summation formula). Where the noise is so wide that the curve bends within it, the points are still set 0.1
apart, in units in which a shape's mean square distance from its centre is 1; on the circle the closed form shows that
this is enough. At the end of a curve, at a corner and at the edge of a region nothing lies beyond, and the sum is no
longer that good: near them eps* is off by up to 0.1 at the lower levels, by 0.001 to 0.003 in the root mean square
over all points and levels, and a floor is up to 5e-4 too low (against grids ten times as fine; for the checkerboard
three times).

Let p_t be the density of all the noisy points at level t: the mixture of those K Gaussians. Its score, grad log p_t,
points to where noisy points are more likely. For one Gaussian around q it is (q - x_t) / s_t^2, for a mixture the
w-weighted mean of these. Compare with eps* above: what is learnt from noise and what is known of the density are one
thing (Vincent 2011; Song et al. 2021, section 2),

    eps*(x_t, t) = -sqrt(1 - alpha_bar_t) grad log p_t(x_t)

This is how the file is checked: the score below against finite differences of the log density below.
"""
import numpy as np

from scratchdiff.nn.expect import expect_floats, expect_rows

SPACING = 0.7           # of the grid, in units of the noise (see above)
COARSEST = 0.1          # the most that it is, in units of the shape
CELLS = 2 ** 18         # at most about so many numbers in a temporary array, so that it stays in the cache


class ExactDenoiser:
    """(x_t, t) -> E[eps | x_t], called like any other denoiser.

    Parameters
    ----------
    schedule : Schedule
    points : (K, d) float array, or callable: spacing -> (K, d) float array
        The equally likely values of x_0; as a callable, a grid of at most that spacing, made as fine as each level
        needs.
    width : float
        If each point is the centre of a round Gaussian cloud rather than a point, the standard deviation of that
        cloud. The clouds shrink by sqrt(alpha_bar_t) as points do, so that s_t^2 = 1 - alpha_bar_t + alpha_bar_t
        width^2; the score is made of s_t as above, and eps* of the score.
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
        return self.posterior(xt, t)[0].astype(xt.dtype)

    def posterior(self, xt, t):
        """What x_t tells of the noise: E[eps | x_t] (n, d), and the variance about it, averaged over coordinates, (n,).

        If x_t came from cloud k, it is q_k plus two Gaussians: the cloud's own, and sqrt(1 - alpha_bar_t) eps, which
        has the share (1 - alpha_bar_t) / s_t^2 of the variance. So eps is sqrt(1 - alpha_bar_t) (x_t - q_k) / s_t^2 on
        average, with variance 1 - (1 - alpha_bar_t) / s_t^2 about that. Not knowing k adds the variance of that mean
        over k: (1 - alpha_bar_t) / s_t^4 times that of the q_k.
        """
        _, mean, spread, s2 = self.mixture(xt, t)
        noise2 = 1 - self.schedule.alpha_bars[t].reshape(-1, 1)                             # (n, 1), or (1, 1)
        variance = 1 - noise2 / s2 + noise2 * spread[:, None] / s2 ** 2 / xt.shape[1]
        return np.sqrt(noise2) * (xt - mean) / s2, variance[:, 0]

    def score(self, xt, t):
        """grad log p_t(x_t), (n, d) float64: of one Gaussian (q - x_t) / s^2; of a mixture, the w-weighted mean of that."""
        _, mean, _, s2 = self.mixture(xt, t)
        return (mean - xt) / s2

    def log_density(self, xt, t):
        """log p_t(x_t), (n,) float64."""
        return self.mixture(xt, t)[0]

    def mixture(self, xt, t):
        """p_t is a mixture of Gaussians of variance s_t^2 around q_k = sqrt(alpha_bar_t) p_k. For each row of xt:

        log p_t(x_t) (n,); sum_k w_k q_k (n, d); sum_k w_k |q_k - that|^2 (n,); s_t^2 (n, 1).
        """
        expect_floats("xt", xt)
        t = self.schedule.levels(t, xt.shape[:-1])
        results = np.empty(len(xt)), np.empty(xt.shape), np.empty(len(xt)), np.empty((len(xt), 1))
        if t.ndim:                      # a level for each row: the rows of each level in turn
            for level in np.unique(t):
                rows = t == level
                for result, part in zip(results, self.mixture(xt[rows], level)):
                    result[rows] = part
            return results
        alpha_bar = self.schedule.alpha_bars[t]
        s2 = 1 - alpha_bar + alpha_bar * self.width ** 2
        q = np.sqrt(alpha_bar) * self.grid(np.sqrt(s2 / alpha_bar))
        expect_rows("xt", xt, q.shape[1], xt.dtype)
        q2 = np.sum(q * q, axis=1)
        rows = max(1, CELLS // len(q))
        for start in range(0, len(xt), rows):
            block = slice(start, start + rows)
            for result, part in zip(results, _mixture(xt[block].astype(np.float64), q, q2, s2)):
                result[block] = part
        results[3][:] = s2
        return results

    def grid(self, noise_width):
        """The points, (K, d) float64; for a callable, as close as noise of that width needs them."""
        points = self.points(min(SPACING * noise_width, COARSEST)) if callable(self.points) else self.points
        return np.asarray(points, np.float64)


def _mixture(x, q, q2, s2):
    """What ExactDenoiser.mixture says, for Gaussians of variance s2 around the rows of q; x (n, d), q (K, d), q2 (K,)."""
    w = x @ (q.T / s2) - q2 / (2 * s2)      # (n, K): -|x - q|^2 / (2 s2), but for a part that is the same for all q
    top = w.max(axis=1, keepdims=True)      # taken out, so that the largest exp is 1 and none overflows
    w -= top
    np.maximum(w, -700, out=w)              # exp(-700) is nothing beside 1; below it exp is no longer fast
    np.exp(w, out=w)
    sums = w @ np.column_stack([q, q2, np.ones(len(q))])                                    # (n, d + 2)
    total = sums[:, -1]
    mean = sums[:, :-2] / total[:, None]
    spread = np.maximum(sums[:, -2] / total - np.sum(mean * mean, axis=1), 0)
    log_p = top[:, 0] + np.log(total) - np.sum(x * x, axis=1) / (2 * s2) \
        - np.log(len(q)) - x.shape[1] / 2 * np.log(2 * np.pi * s2)
    return log_p, mean, spread


def floor_and_excess(denoiser, exact, draw, rng, n=1000, dtype=np.float32):
    """The noise-prediction loss of a denoiser at each level, in two parts: (T,), (T,).

    The floor, E |eps* - eps|^2 / d, is what no denoiser can avoid: the mean of the variance that x_t leaves to the
    noise. The excess, E |eps_hat - eps*|^2 / d, is the denoiser's own error. Their sum is the loss, because eps* - eps
    has mean 0 whatever x_t is, so that its product with eps_hat - eps* has mean 0 too. Each part is measured by
    itself, over n noisy points a level: neither is blurred by the noise in the loss. draw(n, rng) -> x_0 (n, d); the
    denoiser is given points of `dtype`.
    """
    floor, excess = np.empty(exact.schedule.T), np.empty(exact.schedule.T)
    for t in range(exact.schedule.T):
        x0 = draw(n, rng).astype(np.float64)
        xt = exact.schedule.add_noise(x0, t, rng.standard_normal(x0.shape))
        eps, variance = exact.posterior(xt, t)
        floor[t] = variance.mean()
        excess[t] = np.mean((denoiser(xt.astype(dtype), t) - eps) ** 2)
    return floor, excess
