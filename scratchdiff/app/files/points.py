"""Points from a file, and points to a file."""
import os
import sys
from contextlib import contextmanager

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.whole import npy_header, parse_npy, read_bytes, whole_file
from scratchdiff.measure.shapes import SHAPES

ENDINGS = (".csv", ".tsv", ".txt", ".npy")
LARGEST = 1e100         # far beyond any use, and its square is still a number


def read_points(path):
    """The points in a file, or in standard input for "-": (n, d) float64, n at least 2, finite and not all equal.

    .npy, or text: a point a line, numbers apart by commas, tabs or blanks, `#` for comments, one header line if it
    must be. CommandError names the file, the line and what is wrong.
    """
    if path != "-" and not path.lower().endswith(ENDINGS) and not os.path.isdir(path):
        raise CommandError(f"cannot read {path or repr(path)}: it must be a file whose name ends in {', '.join(ENDINGS)}; "
                           f"or one of the shapes {', '.join(SHAPES)}")
    data = read_bytes(path)
    name = "standard input" if path == "-" else path
    try:
        points, line_of = _from_npy(data) if _is_npy(path, data) else _from_text(data)
        return _checked(points, line_of)
    except ValueError as error:
        raise CommandError(f"cannot use {name}: {error}") from None


def _is_npy(path, data):
    return path.lower().endswith(".npy") or path == "-" and data.startswith(b"\x93NUMPY")


def _from_npy(data):
    points = parse_npy(data)
    if points.dtype.kind not in "fiu":
        raise ValueError(f"it holds {points.dtype} where real numbers are wanted")
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or not points.shape[1]:
        raise ValueError(f"its shape is {points.shape}, it must be (points, coordinates)")
    return points.astype(np.float64), lambda row: f"row {row}"


def _from_text(data):
    try:
        lines = data.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not text (byte {error.start} is not UTF-8)") from None
    if "\0" in data[:4096].decode("latin-1"):
        raise ValueError("it is not text (it holds zero bytes)")
    numbered = [(number, text) for number, line in enumerate(lines, 1) if (text := line.split("#")[0].strip())]
    if not numbered:
        raise ValueError("it is empty" if not data.strip() else "it holds comments only")
    header = not any(map(_is_number, _words(numbered[0][1])))
    if header:
        first, _ = numbered.pop(0)
        if not numbered:
            raise ValueError(f"it holds no points: line {first} is no row of numbers, and nothing comes after it")
    separator = _separator(numbered[0][1])
    try:
        points = np.loadtxt([text for _, text in numbered], delimiter=separator, comments=None, ndmin=2)
    except ValueError:
        points = None
    if points is None or points.shape != (len(numbered), len(numbered[0][1].split(separator))):
        _complain(numbered, separator, f"; line {first} was taken for a header" if header else "")
    return points, lambda row: f"line {numbered[row][0]}"


def _separator(text):
    """What stands between the numbers of a line: a comma, a tab, or (None) blanks."""
    return next((mark for mark in (",", "\t") if mark in text), None)


def _words(text):
    return text.split(_separator(text))


def _is_number(word):
    try:
        float(word)
        return "_" not in word          # which Python allows between digits
    except ValueError:
        return False


def _complain(numbered, separator, header):
    """Raise the ValueError for the first line that is not a row of numbers, as many as in the first line."""
    width = len(numbered[0][1].split(separator))
    for number, text in numbered:
        words = text.split(separator)
        if not all(map(str.strip, words)):
            raise ValueError(f"line {number} has an empty column: is there a comma or a tab too many?")
        if len(words) != width:
            raise ValueError(f"line {number} has {len(words)} column{'s' * (len(words) != 1)}, "
                             f"line {numbered[0][0]} has {width}")
        for word in words:
            if not _is_number(word):
                raise ValueError(f"line {number}: {word.strip()[:40]!r} is not a number "
                                 f"(numbers must be apart by commas, tabs or blanks{header})")
    raise ValueError("its lines cannot be read as numbers")


def _checked(points, line_of):
    if len(points) < 2:
        raise ValueError(f"it holds {len(points)} point{'s' * (len(points) != 1)}, there must be two or more")
    strange = ~np.isfinite(points) | (np.abs(points) > LARGEST)
    if strange.any():
        row, column = np.argwhere(strange)[0]
        raise ValueError(f"{line_of(row)} holds {points[row, column]}: every number must be finite, "
                         f"and no larger than {LARGEST:g}")
    if not np.ptp(points, axis=0).any():
        raise ValueError("all its points are equal")
    return points


@contextmanager
def points_file(path, n, d):
    """A function that takes blocks of points, (m, d), and writes them to a .csv or a .npy file as they come.

    For no path, to standard output, as .csv. n is the number of points in all.
    """
    if path is None:
        yield lambda block: sys.stdout.write(_csv(block))
        return
    npy = path.lower().endswith(".npy")
    with whole_file(path) as file:
        if npy:
            file.write(npy_header((n, d), np.float64))
        yield lambda block: file.write(np.ascontiguousarray(block, "<f8").tobytes() if npy else _csv(block).encode())


def _csv(block):
    """Eight digits: one more than a point has that was made in single precision."""
    row = ",".join(["%.8g"] * block.shape[1]) + "\n"
    return row * len(block) % tuple(block.ravel().tolist())
