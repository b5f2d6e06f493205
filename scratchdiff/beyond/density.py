"""The density of generated points, by backpropagation through the denoiser's input."""
import numpy as np

from scratchdiff.beyond.few_steps import ddim_step


def log_density(denoiser, schedule, x):
    """log p(x) (n,): the density that the denoiser gives to points x (n, d) at level 0.

    Without fresh noise the walk is a map, and one can walk it the other way: from points x to noise
    f(x). A small patch around x becomes one around f(x), |det f'(x)| times as large, with the same
    probability. Among the noise the density is N, the standard normal, so
        log p(x) = log N(f(x)) + log |det f'(x)|
    (Chen et al. 2018; Song et al. 2021, "Score-based generative modeling", section 4.3.)

    To compute f'(x), let d tangents v walk along with x: first the unit vectors, in the end the
    columns of f'(x). If x moves by a tiny h v, eps_hat moves by h J v. Row i of J (d, d) is the
    gradient of eps_hat[i] with respect to x: a backward pass from the unit vector e_i. A step is
        x' = A x + B eps_hat        and so        v' = A v + B J v
    Both are ddim_step. In the code x and its tangents move together, as one array.

    A step of Heun's method goes to the next level, asks the denoiser there too, and then starts
    again with the mean of the two guesses. Twice as many steps divide its error by four.

    The points have the noise of level 0 in them, because a clean curve has no density. With the
    perfect denoiser, log p is off by less than 0.01 bits per coordinate on average (one bit is
    log 2). A network's is too low, by 0.02 bits (circle) to 0.07 (checkerboard). It cannot be too
    high: averaged over true points, no log density is above the true one.

    denoiser : called as denoiser(x_t, t) -> eps_hat, and then backward(deps) -> dxt. (That also
        writes the network's gradients, which nobody needs here.)
    """
    moving = np.stack([x, *unit_vectors(x)])                                # (1 + d, n, d)
    for t in range(schedule.T - 1):
        here = guesses(denoiser, moving, t)
        guess = ddim_step(moving, t, t + 1, here, 0.0, schedule)
        there = guesses(denoiser, guess, t + 1)
        moving = ddim_step(moving, t, t + 1, (here + there) / 2, 0.0, schedule)
    noise, *tangents = moving.astype(np.float64)
    log_normal = -np.sum(noise ** 2, axis=1) / 2 - x.shape[1] / 2 * np.log(2 * np.pi)
    return log_normal + np.linalg.slogdet(np.stack(tangents, axis=2))[1]


def guesses(denoiser, moving, t):
    """eps_hat for the points, and J v for each of their tangents: (1 + d, n, d), like `moving`."""
    x, *tangents = moving
    eps_hat = denoiser(x, t)
    J = np.stack([denoiser.backward(e) for e in unit_vectors(x)], axis=1)   # (n, d, d)
    return np.stack([eps_hat, *(np.einsum("nij,nj->ni", J, v) for v in tangents)])


def unit_vectors(x):
    """Each of the d unit vectors, repeated for all n rows of x: d arrays (n, d)."""
    return [np.broadcast_to(e, x.shape) for e in np.eye(x.shape[1], dtype=x.dtype)]


class Probed:
    """The perfect denoiser (measure/exact.py) with a backward pass, by finite differences.

    Its eps_hat is a gradient, times a number. So J is made of second derivatives, and symmetric:
    deps J, which backward returns, is J deps, how eps_hat changes along deps.
    """

    def __init__(self, exact):
        self.exact, self.schedule = exact, exact.schedule

    def __call__(self, xt, t):
        self.xt, self.t = xt, t
        return self.exact(xt, t)

    def backward(self, deps):
        step = 1e-4 * np.sqrt(1 - self.schedule.alpha_bars[self.t])         # in noise widths
        after, before = (self.exact(self.xt + h * deps, self.t) for h in (step, -step))
        return (after - before) / (2 * step)
