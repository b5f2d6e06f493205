"""From points with any number of columns to a picture: which columns to draw, in which box."""
import numpy as np

ALIKE = 4               # both axes have the same scale unless one spread is over 4 times the other


def plane(points):
    """(n, d) -> (n, 2): the first two columns.

    A single column gets a made-up height, so that its points do not hide each other.
    """
    if points.shape[1] > 1:
        return points[:, :2]
    height = np.arange(len(points)) * 0.6180339887 % 1 - 0.5    # golden ratio: even, none twice
    return np.column_stack([points[:, 0], 0.3 * height * (np.ptp(points) or 1)])


def box(low, high):
    """The box from low (2,) to high (2,): (center (2,), half (2,), alike).

    half is half the box's width and height. A column without spread gets some. alike says whether
    both axes should have the same scale, so that a circle is round.
    """
    center, half = low / 2 + high / 2, high / 2 - low / 2       # low + high could overflow
    size = np.abs(center)
    flat = half <= np.maximum(4 * np.finfo(float).eps * size, 1e-300)
    alike = not flat.any() and half.max() <= ALIKE * half.min()
    return center, np.where(flat, np.where(size < 1e-300, 1, size / 10), half), alike
