"""A scatter plot in characters. A braille character has two by four dots, in every pattern."""
import os
import sys

import numpy as np

from scratchdiff.app.show.plane import box, plane
from scratchdiff.app.show.progress import terminal_size

DOT = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])    # bits of U+2800 + bits
WIDEST = 60             # columns


def picture(points, columns):
    """Points (n, d) as at most (columns + 1) // 2 lines of braille, `columns` wide; see `plane`."""
    points = plane(points)
    low, high = np.quantile(points, [0.001, 0.999], axis=0, method="nearest")   # no stray points
    center, half, alike = box(low, high)
    if alike:
        half = half.max()
    rows = (columns + 1) // 2
    cell = 2 * half / (2 * columns - 1)     # from dot to dot
    x, y = np.floor((points - center) / cell * [1, -1] + [columns, 2 * rows]).T
    seen = (0 <= x) & (x < 2 * columns) & (0 <= y) & (y < 4 * rows)
    x, y = x[seen].astype(int), y[seen].astype(int)
    signs = np.zeros((rows, columns), int)
    np.bitwise_or.at(signs, (y // 4, x // 2), DOT[y % 4, x % 2])
    lines = ["".join(chr(0x2800 + sign) if sign else " " for sign in row).rstrip()
             for row in signs.tolist()]
    used = [i for i, line in enumerate(lines) if line]
    return lines[used[0]:used[-1] + 1]


def wanted(stream):
    """Whether to draw on this stream: a terminal with braille, whose user has not set NO_COLOR."""
    return (stream.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
            and (stream.encoding or "").lower().replace("-", "") == "utf8")


def show(points):
    """Print the points on the terminal, as large as its screen allows, if it can show braille."""
    if wanted(sys.stdout):
        columns, lines = terminal_size(sys.stdout)
        print(*picture(points, max(2, min(WIDEST, columns - 1, 2 * lines - 4))), sep="\n")
