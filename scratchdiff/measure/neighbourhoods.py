"""The perfect denoiser, faster: leave out the points that are too far away to matter.

Not a lesson: without this file, exact.py would give the same results more slowly.
"""
from math import ceil

import numpy as np

from scratchdiff.measure.nearest import CELLS, nearest

SCOUTS = 200            # this many q_k say roughly how far away the nearest q_k is


def neighbourhoods(x, q, S2):
    """Yield (rows, near): some rows of x (n, d), and all rows of q (K, d) that matter to them.

    Gaussians of variance S2 = S^2 lie around the q_k. Let the nearest q_k be at distance D from x.
    Its weight in Bayes' rule is the largest. The weight of a q_k at distance D + 10 S is less, by
    a factor of
        exp(-((D + 10 S)^2 - D^2) / (2 S^2)) <= exp(-50)
    A sum of float64 does not notice such a weight. So leave out every q_k that is farther away,
    even if only along the first axis. D is at most the distance to the nearest of a few q_k, the
    scouts. If x and q are small, nothing is left out.
    """
    if len(x) * len(q) <= CELLS:
        yield slice(None), q
        return
    q = q[np.argsort(q[:, 0])]
    at_most = nearest(x, q[::ceil(len(q) / SCOUTS)])                # (n,): D is no larger
    pieces = min(len(x), ceil(len(x) * len(q) / (4 * CELLS)))       # before anything is left out
    for rows in np.array_split(np.argsort(x[:, 0]), pieces):
        reach = at_most[rows].max() + 10 * np.sqrt(S2)
        first = np.searchsorted(q[:, 0], x[rows[0], 0] - reach)
        end = np.searchsorted(q[:, 0], x[rows[-1], 0] + reach)
        yield rows, q[first:end]
