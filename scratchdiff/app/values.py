"""The values that flags take. Each function is a `type` for argparse, or returns one."""
import math
from argparse import ArgumentTypeError

from scratchdiff.app.errors import shortened

MOST_EXACT = 2 ** 53    # up to here, float64 holds every whole number


def whole(least, most=math.inf):
    """The type of whole numbers from `least` to `most`, written as 10000 or 1e4."""
    def convert(text):
        number = whole_number(text)
        if number is None or not least <= number <= most:
            allowed = f", {least} or more" if most == math.inf else f" from {least} to {most}"
            refuse(f"a whole number{allowed}", text)
        return number
    return convert


def whole_number(text):
    """The whole number in the text; None if it holds none."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and abs(number) <= MOST_EXACT else None


def positive(text):
    """A number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        refuse("a number above 0", text)
    return number


def finite(text):
    """A number that is neither infinite nor NaN."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        refuse("a finite number", text)
    return number


def ending(*endings):
    """The type of names of files to write, with one of these endings."""
    def convert(text):
        if not text.lower().endswith(endings):
            refuse(f"a file name that ends in {' or '.join(endings)}", text)
        return text
    return convert


def refuse(wanted, text):
    raise ArgumentTypeError(f"must be {wanted}, got {shortened(repr(text))}")
