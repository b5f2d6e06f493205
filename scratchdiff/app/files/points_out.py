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
    """A function that takes points block by block, (m, d), and writes them to a .csv or .npy file.

    No path means standard output, as .csv. There are n points in all, spread by about `scale`
    around `center`, (d,) each; `scale` may be one number. A .csv file begins with the `names` of
    the d columns if there are any. `label` is (place, name, word): the word stands in every row, in
    a column with this name, after the first `place` coordinates. .npy holds the numbers only.
    """
    scales = np.broadcast_to(scale, np.shape(center)).tolist()
    formats = [number_format(*column) for column in zip(np.asarray(center).tolist(), scales)]
    head = list(map(quoted, names or []))
    if label:
        place, name, word = label
        formats.insert(place, quoted(word).replace("%", "%%"))
        head[place:place] = [quoted(name or "")] * bool(names)
    head = ",".join(head) + "\n" * bool(head)
    row = ",".join(formats) + "\n"

    def csv(block):
        return row * len(block) % tuple(block.ravel().tolist())
    if path is None:
        first = iter([head])            # with the first block: there may never be one
        yield lambda block: sys.stdout.write(next(first, "") + csv(block))
        return
    npy = path.lower().endswith(".npy")
    with whole_file(path) as file:
        file.write(npy_header((n, len(scales)), np.float64) if npy else head.encode())
        yield lambda block: file.write(
            np.ascontiguousarray(block, "<f8").tobytes() if npy else csv(block).encode())


def number_format(center, scale):
    """How to write a column, so that (x - center) / scale keeps all that a float32 can hold.

    Around 0 that takes 9 digits, and one more for each power of ten that the center is away. From
    17 on, and in a constant column, it is as many as tell two numbers apart.
    """
    digits = 9 + ceil(log10(1 + min(abs(center) / scale, 1e9))) if scale else 17
    return f"%.{digits}g" if digits < 17 else "%r"


def quoted(word):
    """A word as a cell: in quotes if it would be cut, or taken for a comment (RFC 4180)."""
    return '"' + word.replace('"', '""') + '"' if re.search(r'[",;#\s]|^$', word) else word
