"""What each column of a file is: a coordinate, an index to leave out, or the label."""
import re

import numpy as np

from scratchdiff.app.files.numbers import MISSING, is_word, number, shown, why_not
from scratchdiff.app.files.table import counted
from scratchdiff.app.files.text import readable

MOST_LABELS = 300
UNNAMED = re.compile(r"|unnamed: [\d.]+", re.IGNORECASE)       # what a data frame calls its index
INDEX = re.compile(r"index|idx|id|no\.?|nr\.?|row|row[ ._]?(id|names?|numbers?)", re.IGNORECASE)


def label_column(label, names, width):
    """The place of the label's column, counted from 0. `label` is its name, or its number from 1.

    None if `label` is None. ValueError if no column fits, or if several columns do.
    """
    if label is None:
        return None
    if width == 1:
        raise ValueError("its only column cannot be the label")
    label, names = str(label), names or []
    if label and names.count(label) == 1:
        return names.index(label)
    if re.fullmatch("[1-9][0-9]{0,3}", label) and int(label) <= width:
        return int(label) - 1
    if label and label in names:
        raise ValueError(f"{names.count(label)} columns are named {shown(label)}: "
                         "choose the label by the number of its column, from 1")
    known = f"named {shown(', '.join(names), 200)}" if names else "without names"
    raise ValueError(f"it has no column {shown(label)} for the label, "
                     f"but {counted(width, 'column')} {known}")


class Labels:
    """The labels of the rows, one by one. ValueError for a cell that cannot be a label."""

    def __init__(self, column):
        self.column = column            # the column's name in a message
        self.of_rows = []
        self.words = {}                 # {each different cell: the label in it}

    def add(self, cell, where):
        """Take the next row's label."""
        if cell not in self.words:
            if why_not(cell) == MISSING:
                raise ValueError(f"{where}: {self.column} holds {shown(cell)}, {MISSING}")
            self.words[cell] = readable(cell)
        self.of_rows.append(self.words[cell])
        if len(self.words) > MOST_LABELS:
            self.finish()

    def finish(self):
        """Raise ValueError unless there are at least two labels, and few enough to be groups."""
        different = len(set(self.words.values()))
        if different == len(self.of_rows) > 1:
            raise ValueError(f"{self.column} has a different label in every row, "
                             "so the labels form no groups")
        if len(self.words) > MOST_LABELS:
            raise ValueError(f"{self.column} has more than {MOST_LABELS} different labels")
        if different == 1:
            raise ValueError(f"{self.column} has only one label, {shown(self.of_rows[0])}, which "
                             "tells nothing apart: leave it out of the file")


def called(column, names):
    """What a column is called in a message: `column 2 (y)`."""
    name = names[column] if names else ""
    return f"column {column + 1} ({name[:40]})" if name else f"column {column + 1}"


def complaint(table, label, rows):
    """The ValueError for the first cell that is not a number. rows: (line, cells without label)."""
    columns = [column for column in range(table.width) if column != label]
    for line, cells in rows:
        for column, cell in zip(columns, cells):
            try:
                number(cell, table.mark)
            except ValueError as error:
                return ValueError(f"line {line}: {called(column, table.names)} holds {error}"
                                  + advice(table, column, label))


def advice(table, column, label):
    """What to do about a column of words. For a single word: which line was taken for a header."""
    cells = [row[column] for _, row in table.sample if len(row) == table.width]
    if 2 * sum(map(is_word, cells)) <= len(cells):
        return f" (line {table.header} was read as a header)" if table.header else ""
    if label is not None:
        return "; leave that column out of the file"
    return f"; a column of words: --label {column + 1} learns them as prompts"


def index_columns(points, columns, names):
    """How many of the first columns of points (n, d) are an index, which only numbers the rows.

    A column of whole numbers without a name is an index, because data frames write theirs so. A
    column named like an index is one if it counts up from 0 or 1. In a file without a header, no
    column is an index. `columns` are the places of the coordinates among the `names`.

    ValueError if the first column after the index has no name.
    """
    first, most = 0, len(columns) - 1
    while names and first < most and is_index(names[columns[first]], points[:, first]):
        first += 1
    if names and first < most and not names[columns[first]]:
        raise ValueError(f"column {columns[first] + 1} has no name. It is not an index, because "
                         "not all its numbers are whole: name it, or leave it out")
    return first


def is_index(name, x):
    """Whether a column (n,) is an index."""
    if UNNAMED.fullmatch(name):
        return is_whole(x)
    return bool(INDEX.fullmatch(name)) and counts(x)


def maybe_index(points, names):
    """Whether the first of several columns looks like an index, though index_columns kept it."""
    if points.shape[1] == 1 or len(points) < 5:
        return False
    x = points[:, 0]
    return bool(names and INDEX.fullmatch(names[0])) or is_whole(x) and bool((x[1:] > x[:-1]).all())


def is_whole(x):
    """Whether these numbers, (n,), are whole."""
    return bool((x == np.floor(x)).all())


def counts(x):
    """Whether these numbers, (n,), are 0, 1, 2, ... or 1, 2, 3, ..."""
    return x[0] in (0, 1) and bool((x == x[0] + np.arange(len(x))).all())
