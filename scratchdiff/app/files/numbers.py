"""A cell is read as a number, strictly, or rejected with the reason.

A cell is a piece of text such as "1.5", "1,5", "NA", "1,234.5" or "upper". If it is not plainly a
number, the message says what it is. A wrong guess would spoil the points, and nobody would see it.
"""
import re
from contextlib import suppress

MINUS = dict.fromkeys(map(ord, "\u2212\u2010\u2011\u2013\ufe63\uff0d"), "-")    # typeset signs
NUMBER = {                              # by its decimal mark
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?")}
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}([,.'’ \u00a0\u2009\u202f]\d{3})+([,.]\d*)?"
                       r"|[+-]?\d+(_\d+)+([,.]\d*)?")
ORDINARY = re.compile(r"[-+.,\deE ]*", re.ASCII)
NO_DIGIT_AT_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
LONGEST = 200                           # characters of a number
MISSING, WORD = "a missing value", "which is not a number"

WHY_NOT = [(re.compile(pattern, re.IGNORECASE | re.DOTALL), why) for pattern, why in [
    (r"|[-.?*]+|#?n/?a|nan|n\.a\.|<na>|null|none|nil|missing", MISSING),
    (r"[+-]?(inf|infinity|∞)|#div/0!", "which is not finite"),
    (THOUSANDS.pattern, "which has thousands separators, or another decimal mark than the rest"),
    (r"[+-]?\d*[,.]\d*(e[+-]?\d+)?", "which has another decimal mark than the rest"),
    (r"[+-]?0[xob][0-9a-f]+", "which is not a decimal number"),
    (r"[+-]?[\d,.]+d[+-]?\d+", "which has Fortran's exponent (write e for d)"),
    (r"[+-]?[\d,.]+\s*[^\w\s]+|[^\w\s]+\s*[\d,.]+", "which has a symbol beside the number"),
    (".*", WORD)]]


def plain(cell):
    """A cell in the form that the patterns read. A cell too long for a number becomes a word."""
    return cell.strip().translate(MINUS) if len(cell) <= LONGEST else "long"


def why_not(cell):
    """Why a cell is not a number, as the end of a sentence."""
    text = plain(cell)
    return next(why for pattern, why in WHY_NOT if pattern.fullmatch(text))


def looks_numeric(cell):
    """Whether a cell holds a number, with any decimal mark and perhaps thousands separators."""
    text = plain(cell)
    return any(pattern.fullmatch(text) for pattern in (*NUMBER.values(), THOUSANDS))


def is_word(cell):
    """Whether a cell holds a word: nothing like a number, and no sign for a missing value."""
    return why_not(cell) == WORD and not looks_numeric(cell)


def decimal_mark(cells):
    """The decimal mark of these cells: a comma or a point.

    It is a comma if more numbers hold a comma than a point. But if every comma may separate
    thousands, as in 1,234, the mark is a point.
    """
    cells = [plain(cell) for cell in cells]
    commas = [cell for cell in cells if "," in cell and NUMBER[","].fullmatch(cell)]
    points = [cell for cell in cells if "." in cell and NUMBER["."].fullmatch(cell)]
    if len(commas) > len(points) and not all(map(THOUSANDS.fullmatch, commas)):
        return ","
    return "."


def numbers(cells, mark):
    """The numbers in cells, with this decimal mark. ValueError if a cell holds none."""
    text = " ".join(cells)
    if ORDINARY.fullmatch(text):        # the fast way; float() alone would also take 1_000 and nan
        with suppress(ValueError):
            if mark == ".":
                return list(map(float, cells))
            if "." not in text and not NO_DIGIT_AT_COMMA.search(text):
                return [float(cell.replace(",", ".")) for cell in cells]
    return [number(cell, mark) for cell in cells]


def number(cell, mark):
    """The number in one cell. ValueError says what the cell holds, and why it is not a number."""
    text = plain(cell)
    if not NUMBER[mark].fullmatch(text):
        raise ValueError(f"{shown(cell)}, {why_not(cell)}")
    return float(text.replace(",", "."))


def shown(word, longest=40):
    """A word for a message, in quotes and cut to `longest` characters."""
    word = " ".join(word.split())
    cut = "..." if len(word) > longest else ""
    return repr(word[:longest]) + cut if word else "nothing"
