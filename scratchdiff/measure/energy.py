"""How far apart two sets of points are, as distributions."""
import numpy as np

from scratchdiff.nn.expect import expect

CELLS = 2 ** 20         # at most about this many distances in memory at once


def energy_distance(a, b):
    """2 E|a - b| - E|a - a'| - E|b - b'|, for points of each set (Szekely & Rizzo 2013, eq. 5).

    a (n, d), b (m, d) floats -> float, in the unit of the points. It is at least 0, and 0 only if
    the two are the same as distributions. Two finite samples of one distribution are not at 0:
    compare with what two real samples of these sizes give (expected_energy_distance).

    Raises TypeError or ValueError unless there are points, finite, with as many coordinates each.
    """
    expect("a", a, ("n", "d"))
    expect("b", b, ("n", a.shape[1]))
    between, within_a, within_b = mean_distance(a, b), mean_distance(a, a), mean_distance(b, b)
    return max(0.0, 2 * between - within_a - within_b)      # rounding may go below 0


def expected_energy_distance(points):
    """The mean energy distance between two samples of one distribution, both as large as this one.

    Let mu be the mean distance of two different points. It is mu between the samples, and mu within
    them too; but of the n^2 pairs within a sample, n are a point and itself, at distance 0. So
        2 mu - 2 (1 - 1/n) mu = 2 mu / n
    points (n, d) floats, n at least 2 -> float. Raises as energy_distance does.
    """
    expect("points", points, ("n", "d"))
    n = len(points)
    if n < 2:
        raise ValueError(f"points must have shape (n, d) with n at least 2, got {points.shape}")
    mu = mean_distance(points, points) * n / (n - 1)
    return 2 * mu / n


def mean_distance(a, b):
    """The mean of |a_i - b_j| over all i and j, a block of rows at a time.

    Within one set, a is b, |a_i - a_j| = |a_j - a_i|. So there a block is only compared with itself
    and with what comes after it, and that counts twice.
    """
    within = a is b
    if not len(a) or not len(b):
        raise ValueError(f"each set must have at least one point, got {len(a)} and {len(b)}")
    a, b = a.astype(np.float64), b.astype(np.float64)
    rows = max(1, CELLS // len(b))
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):      # checked below
        for start in range(0, len(a), rows):
            block, others = a[start:start + rows], b[start:] if within else b
            squares = np.zeros((len(block), len(others)))
            for column in range(a.shape[1]):
                squares += np.subtract.outer(block[:, column], others[:, column]) ** 2
            distances = np.sqrt(squares)
            total += distances.sum()
            if within:
                total += distances[:, len(block):].sum()
    if not np.isfinite(total):
        raise ValueError("the points must be finite, and the squares of their distances too")
    return float(total / (len(a) * len(b)))
