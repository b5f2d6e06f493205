"""How far each point is from the nearest of others."""
import numpy as np

CELLS = 2 ** 18         # at most about this many distances in memory at once: they fit in the cache


def nearest(a, b, others=False):
    """The distance from each row of a (n, d) to the nearest row of b (m, d): (n,) float64.

    With others=True, b is a itself, and a row's distance is to the nearest other row.

    |a - b|^2 = |a|^2 - 2 a.b + |b|^2, and for many points the a.b are one matrix product. If a and
    b nearly coincide, the result is a small difference of large numbers: distances of less than
    1e-7 times the size of the points are not exact.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    b2 = np.sum(b * b, axis=1)
    smallest = np.empty(len(a))
    rows = max(1, CELLS // len(b))
    for start in range(0, len(a), rows):
        block = a[start:start + rows]
        squares = b2 - 2 * block @ b.T                  # (rows, m), without |a|^2
        if others:
            np.fill_diagonal(squares[:, start:], np.inf)
        smallest[start:start + rows] = squares.min(axis=1) + np.sum(block * block, axis=1)
    return np.sqrt(np.maximum(smallest, 0))             # rounding may go below 0
