"""Points to a file as they are made, so that memory does not grow with their number."""
import re
import sys
from contextlib import contextmanager
from math import ceil, log10

import numpy as np

from scratchdiff.app.files.npy import npy_header
from scratchdiff.app.files.whole import whole_file


@contextmanager
def points_file(path, n, center, scale, names=None, label=None):
    """A function that writes points to a .csv or .npy file, block by block, (m, d) each.

    Without a path the points go to standard output, as .csv. There are n points in all, spread by
    about `scale` around `center`, (d,) each. `scale` may also be one number. A .csv file begins
    with the `names` of the d columns, if there are names. `label` is (place, name, word). The word
    is written in every row, in a column of that name, after the first `place` coordinates. A .npy
    file holds the numbers only.
    """
    scales = np.broadcast_to(scale, np.shape(center)).tolist()
    formats = [number_format(*column) for column in zip(np.asarray(center).tolist(), scales)]
    head = list(map(quoted, names or []))
    if label:
        place, name, word = label
        formats.insert(place, quoted(word).replace("%", "%%"))
        if names:
            head.insert(place, quoted(name or ""))
    head = ",".join(head) + "\n" if head else ""
    row = ",".join(formats) + "\n"

    def csv(block):
        return row * len(block) % tuple(block.ravel().tolist())
    if path is None:
        first = iter([head])            # the header waits for the first block, which may not come
        yield lambda block: sys.stdout.write(next(first, "") + csv(block))
        return
    npy = path.lower().endswith(".npy")
    with whole_file(path) as file:
        file.write(npy_header((n, len(scales)), np.float64) if npy else head.encode())
        yield lambda block: file.write(
            np.ascontiguousarray(block, "<f8").tobytes() if npy else csv(block).encode())


def number_format(center, scale):
    """The format of a column: enough digits for (x - center) / scale to keep its float32 precision.

    Around 0 that takes 9 digits. It takes one more for each power of ten by which the center is
    larger than the scale. From 17 digits on, and in a constant column, each number gets the fewest
    digits that identify it as a float64.
    """
    digits = 9 + ceil(log10(1 + min(abs(center) / scale, 1e9))) if scale else 17
    return f"%.{digits}g" if digits < 17 else "%r"


def quoted(word):
    """A word as a cell, in quotes if it could be split or read as a comment (RFC 4180)."""
    return '"' + word.replace('"', '""') + '"' if re.search(r'[",;#\s]|^$', word) else word
