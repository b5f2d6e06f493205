"""Training batches that are made a hundred at a time, and that can start at any step."""
from itertools import count, islice

import numpy as np

from scratchdiff.diffusion.training import noisy_points
from scratchdiff.fast.streams import CHUNKS, stream

CHUNK = 100     # batches made at once: NumPy is called once for all of them, not a hundred times


def chunked(make, rng, first=0, size=CHUNK):
    """Yield the batches of step `first` and of every step after it, without end.

    make(n, rng) makes n batches at once: a tuple of arrays (n, batch_size, ...). It is asked for
    `size` at a time. The batch of step k depends on rng's seed, on `size` and on k alone.
    """
    for chunk in count(first // size):
        batches = zip(*make(size, stream(rng, CHUNKS, chunk)))
        yield from islice(batches, first % size, None)
        first = 0


def chunk_size(numbers):
    """How many batches to make at once, if each has so many numbers: fewer if batches are large.

    No array gets more than 2^22 numbers, unless a single batch has more. A chunk needs about ten
    arrays, which are then 160 MB.
    """
    return min(CHUNK, max(1, 2 ** 22 // numbers))


def noisy(draw, schedule, batch_size=256, antithetic=False, dtype=np.float32, levels=None):
    """A function make(n, rng) for `chunked`: n batches like those of training.noisy_batches.

    It returns xt, eps (n, batch_size, d) of `dtype`, and t (n, batch_size) ints. `levels` draws the
    levels (diffusion/levels.py). Without it, every level is equally likely.

    With `antithetic`, each clean point comes twice, with noise eps and -eps (Hammersley & Morton
    1956). The part of the gradient that changes its sign with the noise cancels in such a pair, so
    the average over a batch is less noisy.

    draw(n, rng) returns points (n, d), or points and their prompts c (n, columns). With prompts,
    make returns xt, t, eps and c, and both points of a pair have the same prompt.

    Raises ValueError if batch_size is below 1, or if draw(n, rng) does not return n points.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    each = -(-batch_size // 2) if antithetic else batch_size     # drawn, for a batch

    def make(n, rng):
        drawn = draw(n * each, rng)
        if not isinstance(drawn, tuple):
            drawn = drawn,
        x0, *c = (array.astype(dtype, copy=False) for array in drawn)
        if x0.ndim != 2 or len(x0) != n * each:
            raise ValueError(f"draw must return points of shape ({n * each}, d) "
                             f"when asked for so many, got {x0.shape}")
        x0 = x0.reshape(n, each, -1)
        c = [prompts.reshape(n, each, -1) for prompts in c]
        xt, t, eps = noisy_points(x0, schedule, rng, levels)
        if not antithetic:
            return xt, t, eps, *c
        mirrored = schedule.add_noise(x0, t, -eps)
        return tuple(np.concatenate(pair, axis=1)[:, :batch_size]
                     for pair in [(xt, mirrored), (t, t), (eps, -eps), *zip(c, c)])

    return make
