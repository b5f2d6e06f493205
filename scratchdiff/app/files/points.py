"""Points from a file, with a line on what was decided while reading."""
import os
from array import array
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

import numpy as np

from scratchdiff.app.errors import CommandError, one_line
from scratchdiff.app.files.checks import check_points, remarks
from scratchdiff.app.files.columns import (
    Labels, called, complaint, counts, index_columns, label_column, maybe_index)
from scratchdiff.app.files.npy import parse_npy
from scratchdiff.app.files.numbers import numbers
from scratchdiff.app.files.table import are_names, check_width, counted, misfit, read_table
from scratchdiff.app.files.text import is_utf8, text_lines
from scratchdiff.app.files.whole import opened
from scratchdiff.measure.shapes import SHAPES

ENDINGS = (".csv", ".tsv", ".txt", ".npy")
CHUNK = 2 ** 16                         # bytes to read at a time
ROWS = 1000                             # rows of text to turn into numbers at a time
MOST_NUMBERS, MOST_IN_TEXT = 10 ** 7, 5 * 10 ** 6     # 80 MB in memory; 4 s to read as text


@dataclass(frozen=True)
class Points:
    """Points from a file."""

    points: np.ndarray                  # (n, d) float64
    names: tuple                        # of the d columns; or None
    titles: tuple                       # the columns' names in messages: `column 2 (y)`
    labels: list                        # a word for each point; or None
    label_place: int                    # how many of the d columns precede the label's; or None
    label_name: str                     # the name of the label's column; or None
    lines: array                        # the line of each point in the file; None for .npy
    said: str                           # a line on what was read, and how

    def where(self, row):
        """The place of a point in the file, in words."""
        return where(self.lines, row)


def where(lines, row):
    """The place of a point in the file: its line, or in a .npy file its row, counted from 0."""
    return f"row {row}" if lines is None else f"line {lines[row]}"


def read_points(path, label=None):
    """The Points in a file, or in standard input if the path is "-".

    The file is .npy, or text with a point on each line. `label` is the name of the column of
    labels, or its number, counted from 1. CommandError names the file, the line and the mistake.
    """
    if path != "-" and not path.lower().endswith(ENDINGS) and not os.path.isdir(path):
        raise CommandError(f"cannot read {path or repr(path)}: it must be a file whose name ends "
                           f"in {', '.join(ENDINGS)}; or one of the shapes {', '.join(SHAPES)}")
    name = "standard input" if path == "-" else path
    with opened(path) as file:
        head = file.read(CHUNK)
        chunks = chain([head], iter(partial(file.read, CHUNK), b""))
        npy = path.lower().endswith(".npy") or (path == "-" and head.startswith(b"\x93NUMPY"))
        try:
            return (from_npy if npy else from_text)(chunks, label, name)
        except ValueError as error:
            raise CommandError(f"cannot use {name}: {error}") from None


def from_text(chunks, label, name):
    """The Points in the bytes of a text file."""
    table = read_table(text_lines(chunks))
    place = label_column(label, table.names, table.width)
    labels = None if place is None else Labels(called(place, table.names))
    floats, lines = array("d"), array("q")
    while rows := list(islice(table.rows, ROWS)):
        for line, cells in rows:
            if len(cells) != table.width:
                raise ValueError(f"line {line} has {counted(len(cells), 'column')}, "
                                 f"line {table.sample[0][0]} has {table.width}")
            if labels:
                labels.add(cells.pop(place), f"line {line}")
            lines.append(line)
        try:
            floats.extend(numbers([cell for _, cells in rows for cell in cells], table.mark))
        except ValueError:
            raise complaint(table, place, rows) from None
        if len(floats) > MOST_IN_TEXT:
            raise ValueError(f"it holds more than {MOST_IN_TEXT} numbers: save them as .npy, "
                             f"which may hold {MOST_NUMBERS}")
    points = np.frombuffer(floats).reshape(len(lines), -1)
    if table.row_names and (place == 0 or not counts(points[:, 0])):
        raise misfit(table.header, table.names[1:], lines[0], table.width)
    notes = table.notes()
    if labels and not all(map(is_utf8, labels.words)):
        notes.append("its labels are read as Windows-1252")
    return finished(points, table.names, place, labels, lines, notes, name)


def from_npy(chunks, label, name):
    """The Points in the bytes of a .npy file."""
    data = bytearray()
    for chunk in chunks:
        data += chunk
        expect_few((len(data) - CHUNK) // 8)
    points = parse_npy(data)
    if points.dtype.kind not in "fiu":
        raise ValueError(f"it holds {points.dtype}, not real numbers")
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or not points.shape[1]:
        raise ValueError(f"its shape is {points.shape}, it must be (points, coordinates)")
    check_width("it", points.shape[1], len(points))
    expect_few(points.size)
    place = label_column(label, None, points.shape[1])
    labels = None
    if place is not None:
        labels = Labels(called(place, None))
        for row, number in enumerate(points[:, place].tolist()):
            labels.add(f"{number:.9g}", where(None, row))
        points = np.delete(points, place, axis=1)
    return finished(points.astype(np.float64, copy=False), None, place, labels, None, [], name)


def expect_few(n):
    """Raise ValueError for more than 10 million numbers."""
    if n > MOST_NUMBERS:
        raise ValueError(f"it holds more than {MOST_NUMBERS} numbers")


def finished(points, names, place, labels, lines, notes, name):
    """The Points, checked and without an index.

    `names` are those of all columns, and `place` is the place of the label's column.
    """
    if labels:
        labels.finish()
    columns = [column for column in range(points.shape[1] + bool(labels)) if column != place]
    first = index_columns(points, columns, names)
    notes += [f"column {column + 1}, an index, is left out" for column in columns[:first]]
    points, columns = points[:, first:], columns[first:]
    own_names = names and tuple(names[column] for column in columns)
    titles = tuple(called(column, names) for column in columns)
    check_points(points, titles, partial(where, lines))
    if labels:
        notes.append(f"{called(place, names)} is the label")
    if maybe_index(points, own_names):
        notes.append(f"{titles[0]} is kept, but may be an index")
    notes += remarks(points, titles)
    said = (f"read {counted(len(points), 'point')} of {counted(len(columns), 'coordinate')} "
            f"from {one_line(name)}")
    if notes:
        said += f" ({'; '.join(notes)})"
    label_place = labels and sum(column < place for column in columns)
    label_name = labels and names and names[place]
    if names and not are_names([*own_names, *filter(None, [label_name])]):
        own_names = label_name = None   # 0, 1, 2, ... at the top of a file would look like a point
    return Points(points, own_names, titles, labels and labels.of_rows, label_place, label_name,
                  lines, said)
