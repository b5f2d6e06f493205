"""What the columns of a file are: coordinates, an index that is left out, or the label."""
import re

import numpy as np

from scratchdiff.app.files.numbers import MISSING, is_word, number, shown, why_not
from scratchdiff.app.files.table import counted
from scratchdiff.app.files.text import readable

MOST_LABELS = 300
UNNAMED = re.compile(r"|unnamed: [\d.]+", re.IGNORECASE)       # as data frames write their index
INDEX = re.compile(r"index|idx|id|no\.?|nr\.?|row|row[ ._]?(id|names?|numbers?)", re.IGNORECASE)


def label_column(label, names, width):
    """The place, from 0, of the column with this name, or with this number counted from 1.

    None if `label` is. ValueError if there is no such column, or if there are two.
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
    """The label of each row. ValueError for what cannot be one."""

    def __init__(self, column):
        self.column = column            # what it is called in a message
        self.of_rows = []
        self.words = {}                 # each different cell, and the word that it is

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
            raise ValueError(f"{self.column} has another label in every row: "
                             "they tell no groups apart")
        if len(self.words) > MOST_LABELS:
            raise ValueError(f"{self.column} has more than {MOST_LABELS} different labels")
        if different == 1:
            raise ValueError(f"{self.column} has one label only, {shown(self.of_rows[0])}: "
                             "it tells nothing apart, leave it out of the file")


def called(column, names):
    """What a column is called in a message: `column 2 (y)`."""
    name = names[column] if names else ""
    return f"column {column + 1}" + f" ({name[:40]})" * bool(name)


def complaint(table, label, rows):
    """The ValueError for the first cell that is no number; rows of (line, cells but the label)."""
    columns = [column for column in range(table.width) if column != label]
    for line, cells in rows:
        for column, cell in zip(columns, cells):
            try:
                number(cell, table.mark)
            except ValueError as error:
                return ValueError(f"line {line}: {called(column, table.names)} holds {error}"
                                  + advice(table, column, label))


def advice(table, column, label):
    """What to do about a column of words; or, for a single word, what was taken for a header."""
    cells = [row[column] for _, row in table.sample if len(row) == table.width]
    if 2 * sum(map(is_word, cells)) <= len(cells):
        return f" (line {table.header} was read as a header)" if table.header else ""
    if label is not None:
        return "; leave that column out of the file"
    return f"; a column of words: --label {column + 1} learns them as prompts"


def index_columns(points, columns, names):
    """How many of the first columns, (n, d), are an index: they only number the rows.

    Whole numbers without a name are one, as data frames write it. So is a column that is named like
    one and counts up from 0 or 1. Without a header no column is. `columns` are the places of the
    coordinates among the `names`. ValueError for a first column without a name that is no index.
    """
    first, most = 0, len(columns) - 1
    while names and first < most and is_index(names[columns[first]], points[:, first]):
        first += 1
    if names and first < most and not names[columns[first]]:
        raise ValueError(f"column {columns[first] + 1} has no name, and is no index since it holds "
                         "more than whole numbers: name it, or leave it out")
    return first


def is_index(name, x):
    """Whether a column, (n,), only numbers the rows."""
    return bool(UNNAMED.fullmatch(name) and is_whole(x) or INDEX.fullmatch(name) and counts(x))


def maybe_index(points, names):
    """Whether the first of several columns, (n, d), looks like an index, though no rule says so."""
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
