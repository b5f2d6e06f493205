"""Training: destroy points with known noise, guess that noise, correct the network, repeat."""
import numpy as np

from scratchdiff.diffusion.levels import EvenLevels
from scratchdiff.nn.loss import MSE


def train(denoiser, adam, batches, steps, lr, weight=lambda t: 1.0):
    """The training loop. Yield (step, loss) after every step, from number adam.k to steps - 1.

    denoiser : anything with forward(xt, t, *given) -> eps_hat and backward(deps)
    adam : Adam over the parameters and gradients of its network. With adam.k > 0 the run goes on
        where it was stopped.
    batches : iterable of (xt, t, target, *given): what the denoiser sees, and what it should say
    lr : callable, step -> the length of Adam's step: a number, or one for each parameter
    weight : callable, t (n,) -> (n, 1), how much each row counts in the loss: see levels.py
    """
    mse = MSE()
    for step, (xt, t, target, *given) in zip(range(adam.k, steps), batches):
        eps_hat = denoiser.forward(xt, t, *given)
        loss = mse.forward(eps_hat, target, weight(t))
        denoiser.backward(mse.backward())
        adam.step(lr(step))
        yield step, loss


def noisy_batches(draw, schedule, rng, batch_size=256, dtype=np.float32):
    """Yield batches (xt, t, eps) without end: noisy versions of the points draw(n, rng), (n, d).

    This is the plain form. A run takes its batches from fast/batches.py, a hundred at a time.
    """
    while True:
        yield noisy_points(draw(batch_size, rng).astype(dtype), schedule, rng)


def noisy_points(x0, schedule, rng, levels=None):
    """Clean points x0 (n, d), each with fresh noise of a random level.

    `levels` draws the levels (levels.py); without it, each is as likely as the others. Returns
    xt (n, d), t (n,) and eps (n, d), the noise that the denoiser has to guess (Ho et al. 2020,
    algorithm 1).
    """
    t = (levels or EvenLevels(schedule)).draw(x0.shape[:-1], rng)
    eps = rng.standard_normal(x0.shape, x0.dtype)
    xt = schedule.add_noise(x0, t, eps)
    return xt, t, eps
