"""How far apart two sets of points are, as distributions."""
import numpy as np

from scratchdiff.nn.expect import expect

CELLS = 2 ** 20         # about as many distances as may be in memory at once


def energy_distance(a, b):
    """2 E|a - b| - E|a - a'| - E|b - b'|, between two sets of points (Szekely & Rizzo 2013, eq. 5).

    E is the mean, a and a' are drawn from one set, b and b' from the other, all independently. So
    the distances between the sets are compared with the distances within the sets. For {0} and {1}
    this is 2 - 0 - 0 = 2. For {0, 2} and {0, 2} it is 2 - 1 - 1 = 0.

    The energy distance is at least 0, and 0 only for equal distributions. On a line it is twice the
    integral of (F - G)^2, where F and G are the distribution functions (section 2). In more
    dimensions, project all points on a line. The mean length of the projection of a - b, over lines
    of all directions, is |a - b| times a constant. So the mean energy distance of the projections
    is the energy distance times the same constant, and a mean of numbers from 0 up is at least 0.

    Two finite samples of one distribution are still a little apart. expected_energy_distance says
    by how much.

    a (n, d), b (m, d) floats -> float, in the unit of the points. Raises TypeError or ValueError
    unless both sets have points, all finite, with the same number of coordinates.
    """
    expect("a", a, ("n", "d"))
    expect("b", b, ("n", a.shape[1]))
    between, within_a, within_b = mean_distance(a, b), mean_distance(a, a), mean_distance(b, b)
    return max(0.0, 2 * between - within_a - within_b)      # rounding may go below 0


def expected_energy_distance(points):
    """The mean energy distance between two samples of one distribution, both as large as this one.

    Let mu be the mean distance of two different points. Between the samples the mean distance is
    mu. Within a sample it is (1 - 1/n) mu, because n of the n^2 pairs are a point and itself. So
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

    If a is b, |a_i - a_j| = |a_j - a_i|. Then a block is compared only with itself and with the
    rows after the block. The distances to these rows count twice.
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
                total += distances[:, len(block):].sum()        # the same pairs the other way round
    if not np.isfinite(total):
        raise ValueError("the points must be finite, and the squares of their distances too")
    return float(total / (len(a) * len(b)))
