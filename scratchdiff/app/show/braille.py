"""A scatter plot in characters: a braille sign is two by four dots, and there is one for each of the 256 patterns."""
import os
import sys

import numpy as np

DOT = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])   # the bit of each dot in U+2800 + bits


def picture(points, columns):
    """Lines of braille, at most `columns` wide and half as high as wide, with one scale for both axes."""
    points = plane(points)
    low, high = np.quantile(points, [0.001, 0.999], axis=0, method="nearest")   # a stray point must not rule
    extent = max(*(high - low), 1e-300)     # all in one place is no reason to divide by 0
    rows = (columns + 1) // 2
    cell = extent / (2 * columns - 1)   # from dot to dot, across as upwards
    places = np.floor((points - (low + high) / 2) / cell * [1, -1] + [columns, 2 * rows]).astype(int)
    x, y = places.T
    seen = (0 <= x) & (x < 2 * columns) & (0 <= y) & (y < 4 * rows)
    signs = np.zeros((rows, columns), int)
    np.bitwise_or.at(signs, (y[seen] // 4, x[seen] // 2), DOT[y[seen] % 4, x[seen] % 2])
    lines = ["".join(chr(0x2800 + sign) if sign else " " for sign in row).rstrip() for row in signs.tolist()]
    used = [i for i, line in enumerate(lines) if line]
    return lines[used[0]:used[-1] + 1]


def plane(points):
    """Points as they are drawn: the first two coordinates; of one coordinate, spread out upwards to be told apart."""
    if points.shape[1] > 1:
        return points[:, :2]
    spread = (np.arange(len(points)) * 0.6180339887) % 1 - 0.5      # the golden ratio: even, and never twice the same
    return np.column_stack([points[:, 0], 0.3 * spread * (np.ptp(points) or 1)])


def wanted(stream):
    """Whether a picture can be shown there: on a terminal that is not dumb, knows the signs, and need not stay plain."""
    return (stream.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
            and (stream.encoding or "").lower().replace("-", "") == "utf8")


def show(points):
    """Print the points on standard output, as wide as the terminal but no wider than is nice, if that can be."""
    if wanted(sys.stdout):
        columns = os.get_terminal_size(sys.stdout.fileno()).columns or 80
        print(*picture(points, max(2, min(60, columns - 1))), sep="\n")
