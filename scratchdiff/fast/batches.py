"""Training batches that are drawn a hundred at a time, and that can start at any step."""
from itertools import count, islice

import numpy as np

from scratchdiff.diffusion.training import noisy_points
from scratchdiff.fast.streams import CHUNKS, stream

CHUNK = 100     # batches drawn at once: NumPy is called once for all of them, not a hundred times


def chunked_batches(draw, schedule, rng, batch_size=256, antithetic=False, dtype=np.float32,
                    first=0, levels=None):
    """Yield the batches (xt, t, eps) of step `first` and of every step after it, without end.

    They are like those of diffusion.training.noisy_batches. xt, eps (batch_size, d) of `dtype`,
    t (batch_size,) ints, drawn by `levels` (diffusion/levels.py), evenly if it is not given. The
    batch of step k depends on rng's seed and on k alone.

    `antithetic` puts each noisy point in twice, with noise eps and -eps (Hammersley & Morton 1956).
    Whatever in the gradient changes sign with the noise cancels in a pair, so the average over a
    batch is less noisy.

    ValueError for a batch_size below 1, or if draw(n, rng) does not return n points.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    each = -(-batch_size // 2) if antithetic else batch_size     # drawn, for a batch
    for chunk in count(first // CHUNK):
        chunk_rng = stream(rng, CHUNKS, chunk)
        x0 = draw(CHUNK * each, chunk_rng).astype(dtype, copy=False)
        if x0.ndim != 2 or len(x0) != CHUNK * each:
            raise ValueError(f"draw must return points of shape ({CHUNK * each}, d) "
                             f"when asked for so many, got {x0.shape}")
        x0 = x0.reshape(CHUNK, each, -1)
        xt, t, eps = noisy_points(x0, schedule, chunk_rng, levels)
        if antithetic:
            mirrored = schedule.add_noise(x0, t, -eps)
            xt, t, eps = (np.concatenate(pair, axis=1)[:, :batch_size]
                          for pair in [(xt, mirrored), (t, t), (eps, -eps)])
        yield from islice(zip(xt, t, eps), first % CHUNK, None)
        first = 0
