"""Any number of points, in blocks that all cores share, with memory that does not grow."""
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import numpy as np

from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.fast.inference import faster
from scratchdiff.fast.streams import BLOCKS, stream

BLOCK = 2048    # points that walk together: they fit the cache, and NumPy's overhead stays small


def sample(denoiser, schedule, n, d, rng, sampler=reverse_process, skip=0, dtype=np.float32):
    """Yield the points numbered skip, ..., skip + n - 1, in arrays (m, d) of up to BLOCK rows.

    Point i is row i % BLOCK of block i // BLOCK, and a block always walks as a whole. So point i
    depends on rng's seed and on i alone, not on how many points or threads there are.

    Raises ValueError if n or skip is below 0, or if the denoiser was made for another schedule or
    returns another shape than x has.
    """
    if n < 0 or skip < 0:
        raise ValueError(f"n and skip must be at least 0, got {n} and {skip}")
    if not np.array_equal(getattr(denoiser, "schedule", schedule).betas, schedule.betas):
        raise ValueError("schedule must be the one that denoiser was made for, got another: "
                         "see denoiser.schedule")

    def end_of_walk(block):
        for x in walk(faster(denoiser, BLOCK), schedule, block, d, rng, sampler, dtype):
            pass
        start = block * BLOCK
        return x[max(skip - start, 0):skip + n - start]

    blocks = range(skip // BLOCK, -(-(skip + n) // BLOCK))      # the end is rounded up
    return in_order(end_of_walk, blocks)


def walk(denoiser, schedule, block, d, rng, sampler=reverse_process, dtype=np.float32):
    """One block of a sample: yield its BLOCK points as noise, then after each step of the walk."""
    block_rng = stream(rng, BLOCKS, block)
    x = block_rng.standard_normal((BLOCK, d), dtype)
    yield x

    def same_shape(xt, t):
        eps_hat = denoiser(xt, t)
        if getattr(eps_hat, "shape", ()) != xt.shape:   # NumPy would stretch (m, 1) to (m, d)
            raise ValueError(f"denoiser must return an array of the shape of x, {xt.shape}, "
                             f"got {np.shape(eps_hat)}")
        return eps_hat

    yield from sampler(same_shape, schedule, x, block_rng)


def in_order(function, inputs):
    """Like map(function, inputs), but on all cores, and never far ahead of whoever reads it."""
    workers = startable(min(os.cpu_count() or 1, len(inputs)))
    if workers < 2:
        yield from map(function, inputs)
        return
    with ThreadPoolExecutor(workers) as pool:
        pending = deque()
        for value in inputs:
            pending.append(pool.submit(function, value))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def startable(most):
    """How many threads the machine lets us start, up to `most`.

    A container may allow fewer threads than it has cores. So start them, count them, and let them
    end.
    """
    done, threads = Event(), []
    try:
        for _ in range(most if most > 1 else 0):
            threads.append(Thread(target=done.wait))
            threads[-1].start()
    except RuntimeError:                # "can't start new thread"
        threads.pop()
    done.set()
    for thread in threads:
        thread.join()
    return len(threads)
