"""How far each point is from the nearest point of another set."""
import numpy as np

CELLS = 2 ** 18         # about as many numbers as fit in the processor's cache


def nearest(a, b, leave_out_itself=False):
    """The distance from each row of a (n, d) to the nearest row of b (m, d): (n,) float64.

    With leave_out_itself=True, b is a, and a row is not its own neighbour.

    |a - b|^2 = |a|^2 - 2 a.b + |b|^2, and a single matrix product gives a.b for many points. If a
    and b nearly coincide, this is a small difference of large numbers. So distances below 1e-7
    times the size of the points are not exact.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    b2 = np.sum(b * b, axis=1)
    squared = np.empty(len(a))
    rows = max(1, CELLS // len(b))
    for start in range(0, len(a), rows):
        block = a[start:start + rows]
        squares = b2 - 2 * block @ b.T                  # (rows, m), without |a|^2
        if leave_out_itself:
            np.fill_diagonal(squares[:, start:], np.inf)
        squared[start:start + rows] = squares.min(axis=1) + np.sum(block * block, axis=1)
    return np.sqrt(np.maximum(squared, 0))              # rounding may go below 0
