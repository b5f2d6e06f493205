"""How far apart two sets of points are, as distributions."""
import numpy as np

from scratchdiff.nn.expect import expect

CELLS = 2 ** 20         # at most about so many distances in memory at once


def energy_distance(a, b):
    """2 E|a - b| - E|a - a'| - E|b - b'|, of points drawn at random from each set (Szekely & Rizzo 2013, eq. 5).

    a (n, d), b (m, d) floats -> float, at least 0, and 0 if and only if the sets are the same. In the unit of the
    points. Two finite samples of one distribution are not at 0: compare with what two real samples of the same sizes
    give.
    """
    expect("a", a, ("n", "d"))
    expect("b", b, ("n", a.shape[-1]))
    return max(0.0, 2 * _mean_distance(a, b) - _mean_distance(a, a) - _mean_distance(b, b))     # rounding may go below


def expected_energy_distance(points):
    """What energy_distance says on average of two independent samples of one distribution, each as large as this one.

    The mean distance mu of two different points is the same between the samples as within them; but in a sample of n,
    a point drawn twice is the same point once in n times, at distance 0. So it is 2 mu - 2 (1 - 1/n) mu = 2 mu / n.
    points (n, d) floats, n at least 2 -> float.
    """
    expect("points", points)
    n = len(points)
    if n < 2:
        raise ValueError(f"points must have shape (n, d) with n at least 2, got {points.shape}")
    return 2 / n * _mean_distance(points, points) * n / (n - 1)


def _mean_distance(a, b):
    """The mean of |a_i - b_j| over all i and j, a block of rows at a time."""
    rows = max(1, CELLS // len(b))
    total = 0.0
    for start in range(0, len(a), rows):
        squares = np.zeros((len(a[start:start + rows]), len(b)))
        for column in range(a.shape[1]):
            squares += np.subtract.outer(a[start:start + rows, column], b[:, column]) ** 2
        total += np.sqrt(squares).sum()
    return float(total / (len(a) * len(b)))
