"""Training: destroy points with known noise, guess that noise, correct the network, repeat."""
import numpy as np

from scratchdiff.diffusion.levels import EvenLevels
from scratchdiff.nn.loss import MSE


def train(denoiser, adam, batches, steps, lr, weight=lambda t: 1.0):
    """The training loop. Yield (step, loss) after each of the steps adam.k, ..., steps - 1.

    denoiser : anything with forward(xt, t, *given) -> eps_hat and backward(deps)
    adam : Adam over the parameters and gradients of the denoiser's network. adam.k is 0 at first.
        If it is more, training goes on at step adam.k.
    batches : iterable of (xt, t, target, *given). The denoiser sees xt, t and given (a prompt, or
        nothing), and should answer with target.
    lr : callable, step -> the learning rate: a number, or one for each parameter. It usually falls
        to 0 during a run: long steps find the place, and short steps settle there.
    weight : callable, t (n,) -> (n, 1), or one number for all rows: how much each row counts in the
        loss (levels.py)
    """
    mse = MSE()
    for step, (xt, t, target, *given) in zip(range(adam.k, steps), batches):
        eps_hat = denoiser.forward(xt, t, *given)
        loss = mse.forward(eps_hat, target, weight(t))
        denoiser.backward(mse.backward())
        adam.step(lr(step))
        yield step, loss


def noisy_batches(draw, schedule, rng, batch_size=256, dtype=np.float32):
    """Yield batches (xt, t, eps) without end, from the clean points (n, d) that draw(n, rng) gives.

    This is the plain form. The command line uses fast/batches.py, which makes a hundred at a time.
    """
    while True:
        yield noisy_points(draw(batch_size, rng).astype(dtype), schedule, rng)


def noisy_points(x0, schedule, rng, levels=None):
    """Add fresh noise of a random level to each of the clean points x0 (..., d).

    `levels` draws the levels (levels.py). Without it, every level is equally likely. Returns
    xt (..., d), t (...) and eps (..., d), the noise that the denoiser has to guess (Ho et al. 2020,
    algorithm 1).
    """
    t = (levels or EvenLevels(schedule)).draw(x0.shape[:-1], rng)
    eps = rng.standard_normal(x0.shape, x0.dtype)
    xt = schedule.add_noise(x0, t, eps)
    return xt, t, eps
