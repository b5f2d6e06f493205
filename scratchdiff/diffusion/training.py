"""Learning: destroy points with known noise, ask for the noise, correct the network; again and again."""
from itertools import count, islice

import numpy as np

from scratchdiff.fast.streams import stream
from scratchdiff.nn.loss import MSE

CHUNK = 100     # steps whose random numbers are drawn at once: one call for a hundred batches, not a hundred calls
STREAM = 0      # training's share of a generator; sampling has another, so that one generator can be given to both


def noisy_batches(draw, schedule, rng, batch_size, antithetic=False, dtype=np.float32, first=0):
    """Yield (xt, t, eps) for step `first` and every step after it, without end.

    xt, eps (batch_size, d) of `dtype`, t (batch_size,) ints, uniform over the levels. Step k draws from a stream of
    rng (a generator derived from it: streams.py) that only k // CHUNK decides, so its batch is the same whichever
    step the run started at.

    `antithetic` puts each noisy point in twice, with noise eps and -eps (Hammersley & Morton 1956): whatever in
    the gradient changes its sign with the noise cancels within a pair, and the average over a batch is less noisy.

    ValueError for a batch_size below 1, or if draw(n, rng) does not return n points.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    half = -(-batch_size // 2) if antithetic else batch_size    # half of it, rounded up
    for chunk in count(first // CHUNK):
        chunk_rng = stream(rng, STREAM, chunk)
        x0 = draw(CHUNK * half, chunk_rng).astype(dtype, copy=False)
        if x0.ndim != 2 or len(x0) != CHUNK * half:
            raise ValueError(f"draw must return points of shape ({CHUNK * half}, d) when asked for so many, got {x0.shape}")
        x0 = x0.reshape(CHUNK, half, -1)
        t = chunk_rng.integers(schedule.T, size=(CHUNK, half))
        eps = chunk_rng.standard_normal(x0.shape, dtype)
        if antithetic:
            x0, t, eps = (np.concatenate(pair, axis=1)[:, :batch_size] for pair in [(x0, x0), (t, t), (eps, -eps)])
        xt = schedule.add_noise(x0, t, eps)
        yield from islice(zip(xt, t, eps), first % CHUNK, None)
        first = 0


def train(denoiser, adam, draw, rng, steps, lr, batch_size=256, antithetic=False):
    """Take Adam's steps adam.k, adam.k + 1, ..., steps - 1, counted from 0; yield (step, loss) after each.

    denoiser : Denoiser
    adam : Adam over denoiser.mlp's params and grads. With adam.k > 0 the run goes on where it was stopped.
    draw : callable (n, rng) -> x0 (n, d), fresh points of the distribution to learn
    rng : numpy.random.Generator
    lr : callable, step -> size of Adam's step

    Raises ValueError if adam is some other network's, and as noisy_batches does.
    """
    if adam.params is not denoiser.mlp.params or adam.grads is not denoiser.mlp.grads:
        raise ValueError("adam must be over denoiser.mlp.params and denoiser.mlp.grads, got other arrays")
    mse = MSE()
    batches = noisy_batches(draw, denoiser.schedule, rng, batch_size, antithetic, adam.params.dtype, adam.k)
    for step, (xt, t, eps) in zip(range(adam.k, steps), batches):
        loss = mse.forward(denoiser.forward(xt, t), eps)
        denoiser.backward(mse.backward())
        adam.step(lr(step))
        yield step, loss
