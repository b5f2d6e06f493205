"""The reverse process: from pure noise back to points, one level at a time, all points at once."""
import os
from collections import deque

import numpy as np

from scratchdiff.fast.streams import stream
from scratchdiff.nn.expect import expect_floats

BLOCK = 2048    # points that walk together: few enough to stay in the cache, enough to keep Python's share small
STREAM = 1      # sampling's share of a generator; training has another


def reverse_step(x, t, eps_hat, z, schedule, variance="posterior"):
    """x_{t-1} from x_t: take out the share of the noise that level t put in, then put a little back.

        x_{t-1} = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_t) + sigma_t z

    The noise in x_t, sqrt(1 - alpha_bar_t) eps, is a sum of independent parts, of variance 1 - alpha_bar_t in all. The
    part e that step t put in has beta_t of that; if only the sum is known, e is on average its share of it,
        beta_t / (1 - alpha_bar_t) sqrt(1 - alpha_bar_t) eps = beta_t / sqrt(1 - alpha_bar_t) eps
    Take that out, and undo the shrinking by sqrt(alpha_t) that came before it. What e was besides, nobody knows;
    sigma_t z stands for it (`Schedule.variance`).

    (Ho et al. 2020, algorithm 2; from level 0 it leads to the clean point.) x, eps_hat, z (n, d), t an int; sigma_t^2
    is `schedule.variance(t, variance)`.
    """
    share = float(schedule.betas[t] / np.sqrt(1 - schedule.alpha_bars[t]))
    shrink = float(np.sqrt(schedule.alphas[t]))
    sigma = float(np.sqrt(schedule.variance(t, variance)))
    return (x - share * eps_hat) / shrink + sigma * z


def reverse_process(denoiser, schedule, x, rng, variance="posterior"):
    """Walk the rows of x, (n, d) standard normal noise, down from level T - 1; yield them after each of the T steps.

    denoiser(x_t, t) -> eps_hat may be a trained network or the exact one. rng, a numpy.random.Generator, draws the z.
    The last x that it yields are the generated points.
    """
    expect_floats("x", x)
    for t in reversed(range(schedule.T)):
        z = rng.standard_normal(x.shape, x.dtype)
        x = reverse_step(x, t, denoiser(x, t), z, schedule, variance)
        yield x


def walk(denoiser, schedule, block, d, rng, variance="posterior", dtype=np.float32):
    """Block number `block` of an endless sample: yield its BLOCK points as noise, then after each of the T steps."""
    block_rng = stream(rng, STREAM, block)
    x = block_rng.standard_normal((BLOCK, d), dtype)
    yield x
    yield from reverse_process(denoiser, schedule, x, block_rng, variance)


def sample(denoiser, schedule, n, d, rng, variance="posterior", skip=0, dtype=np.float32):
    """Generate points number skip, skip + 1, ..., skip + n - 1; yield them in order, in arrays of up to BLOCK rows.

    Point i is row i % BLOCK of block i // BLOCK, and a block is always walked whole: so point i depends on rng's seed
    and on i, and not on how many points are asked for or by how many processes. Memory stays flat for any n.

    Each core walks a block of its own. A denoiser with a method `inference(n)` is asked for a faster version of itself
    for n points at a time, one for each block.

    Raises ValueError if the denoiser has a schedule of its own, and it is another one.
    """
    if not np.array_equal(getattr(denoiser, "schedule", schedule).betas, schedule.betas):
        raise ValueError("schedule must be the one that denoiser was made for, got another: see denoiser.schedule")
    fast = getattr(denoiser, "inference", lambda n: denoiser)

    def last(block):
        for x in walk(fast(BLOCK), schedule, block, d, rng, variance, dtype):
            pass
        start = block * BLOCK
        return x[max(skip - start, 0):skip + n - start]

    blocks = range(skip // BLOCK, -(-(skip + n) // BLOCK))      # the end is rounded up
    if len(blocks) == 1:
        yield last(blocks[0])
        return
    from concurrent.futures import ThreadPoolExecutor       # takes longer to import than one block takes to walk
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        pending = deque()
        for block in blocks:
            pending.append(pool.submit(last, block))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
