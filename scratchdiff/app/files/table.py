"""Rows of cells from lines of text: which sign separates cells, and whether there is a header."""
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from scratchdiff.app.files.numbers import MISSING, WORD, decimal_mark, looks_numeric, why_not
from scratchdiff.app.files.text import is_utf8, readable

SEPARATORS = "\t;, "                    # a space stands for any number of spaces
MOST_COLUMNS = 100
SAMPLE = 100                            # lines to look at before deciding anything


@dataclass(frozen=True)
class Table:
    """The rows of a text file, and what its first hundred lines say about them."""

    rows: Iterator                      # of (line number, list of cells), without the header
    sample: list                        # the first rows
    width: int                          # cells in the first row
    header: int                         # the line number of the header; or None
    names: list                         # a name for each column; or None
    row_names: bool                     # the first column has no name, as in tables that R writes
    utf8: bool                          # whether the names are UTF-8
    separator: str
    mark: str                           # the decimal mark

    def notes(self):
        """A list of phrases: what was decided, and where it may be wrong."""
        cells = [cell for _, row in self.sample for cell in row]
        points = any("." in cell for cell in cells)
        notes = [f"line {self.header} is a header"] if self.header else []
        if not self.utf8:
            notes.append("its names are read as Windows-1252")
        if self.mark == ",":
            notes.append("with decimal commas")
        if self.separator == "," and not points and any(
                re.fullmatch("0[0-9]+", cell) for cell in cells):
            notes.append("some numbers begin with a 0: are these decimal commas?")
        if points and self.width > 1 and cells[:self.width] == list(map(str, range(self.width))):
            notes.append(f"line {self.sample[0][0]} is read as a point, not as column numbers")
        return notes


def read_table(lines):
    """The table in these lines, (line number, text). ValueError if the lines hold no table.

    The separator is the sign that turns the largest share of the cells into numbers.
    """
    lines = iter(lines)
    first = beginning(lines)
    separator = max(SEPARATORS, key=lambda sign: share_of_numbers(first, sign))
    sample = until_damaged(split(first, separator))
    rows = split(chain(first, lines), separator)
    header, names = None, []
    if sample and are_names(sample[0][1]):
        header, names = next(rows)
        del sample[0]
    if not sample:
        next(rows, None)                # raises if the first row is damaged
        why = f": nothing comes after line {header}, a header" if header else ""
        raise ValueError(f"it holds no points{why}")
    line, width = sample[0][0], len(sample[0][1])
    check_width(f"line {line}", width, len(sample))
    row_names = 0 < len(names) == width - 1 and separator != ","
    if names and len(names) != width and not row_names:
        commas = separator == "," and width > len(names)
        raise misfit(header, names, line, width, " (decimal commas?)" if commas else "")
    mark = decimal_mark(cell for _, cells in sample for cell in cells)
    utf8 = all(map(is_utf8, names))
    names = [""] * row_names + list(map(readable, names)) if names else None
    return Table(rows, sample, width, header, names, row_names, utf8, separator, mark)


def beginning(lines):
    """Take the first lines off an iterator: enough to decide, but not too many for the memory."""
    first, size = [], 0
    for number, text in lines:
        first.append((number, text))
        size += len(text)
        if len(first) == SAMPLE or size > 1000 * SAMPLE:
            break
    return first


def split(lines, separator):
    """The rows in these lines, (line number, list of cells). ValueError if quotes do not match."""
    lines = iter(lines)
    for number, text in lines:
        if '"' in text:
            yield from quoted(chain([(number, text)], lines), separator)
        elif separator == " ":
            yield number, [cell for cell in text.replace("\t", " ").split(" ") if cell]
        else:
            yield number, text.split(separator)


def quoted(lines, separator):
    """The rows, without the quotes around cells (RFC 4180). A quoted cell may hold a line break."""
    number, last, read = 0, None, 0

    def texts():
        nonlocal number, last
        for number, text in lines:
            last = number - 1 if last is None else last
            yield text + "\n" if separator != " " else text.replace("\t", " ").strip() + "\n"
    reader = csv.reader(texts(), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            if reader.line_num > read + 3:
                raise csv.Error(f"one is closed only in line {number}")
            last, read = number, reader.line_num
            yield number, cells
    except csv.Error as error:
        raise ValueError(f"after line {last}: its quotes do not match ({error})") from None


def until_damaged(rows):
    """The rows before the first row that cannot be split."""
    good = []
    try:
        for row in rows:
            good.append(row)
    except ValueError:
        pass                            # it will be raised again when that row is read
    return good


def share_of_numbers(lines, separator):
    """The share of numbers among the cells below the first line, if this is the separator.

    -1 if it separates nothing. A space in the first line does not count, because a column's name
    may have a space.
    """
    rows = [cells for _, cells in until_damaged(split(lines, separator))]
    below = rows[1:] or rows
    if all(len(cells) == 1 for cells in (below if separator == " " else rows)):
        return -1
    cells = list(chain.from_iterable(below))
    return sum(map(looks_numeric, cells)) / len(cells)


def are_names(cells):
    """Whether a row of cells is a header, and not a row of damaged or missing numbers.

    A name has no digit before its first letter. Cells may be blank. A minority may read as missing
    values, because Na is sodium. A data frame without names writes a blank, then 0, 1, 2, ...
    """
    if len(cells) > 1 and cells == ["", *map(str, range(len(cells) - 1))]:
        return True
    filled = [cell for cell in cells if cell.strip()]
    letters = (re.search(r"[^\W_]", cell) for cell in filled)
    reasons = [why_not(cell) for cell in filled]
    return (set(reasons) <= {WORD, MISSING} and reasons.count(WORD) > reasons.count(MISSING)
            and all(letter is None or letter[0].isalpha() for letter in letters))


def check_width(where, width, rows):
    """Raise ValueError for more columns than can be learned. `rows` rows have been seen."""
    if width > MOST_COLUMNS:
        guess = " (transposed?)" if rows < MOST_COLUMNS // 2 else ""
        raise ValueError(f"{where} has {width} columns, at most {MOST_COLUMNS} are allowed{guess}")


def misfit(header, names, line, width, guess=""):
    """The ValueError for a header that does not fit the columns."""
    return ValueError(f"line {header} has {counted(len(names), 'name')}, "
                      f"line {line} has {counted(width, 'column')}{guess}")


def counted(n, thing):
    """`1 point`, `2 points`."""
    return f"{n} {thing}{'s' * (n != 1)}"
