"""The verdict of a gradient check: the report, its table, and what is wrong in words.

"ok"            every entry agrees with its finite difference, and a mistake would have shown
"WRONG"         an entry differs from its finite difference by more than rounding can explain
"cannot tell"   no entry differs, but a mistake could hide in the rounding
"""
from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from scratchdiff.nn.checker.ladder import Slope

# For "ok", agreement is not enough: the finite difference must be able to show a mistake. It must
VISIBLE = 500           # resolve 500 tolerances, or 5e-5, of the largest slope of the array,
NOTHING = 1e-3          # or a thousandth of a tolerance, 1e-10, of the steepest of the layer.
WIDTH = 78              # of the table, which leaves room to indent it in 80 columns


@dataclass(frozen=True)
class ArrayReport:
    """What came out for one gradient array."""

    name: str                           # "x": the input; "2 Linear.W": the W of layers[2], a Linear
    shape: tuple
    entries: int                        # how many were compared: all, or none if that is impossible
    kinks: int                          # how many entries have no derivative
    error: float                        # the largest relative error, kinks left out
    worst: tuple                        # the index of the entry with the largest error
    backprop: float                     # what backward says about this entry
    difference: float                   # what the finite difference says about this entry
    fault: str                          # what is wrong, or why one cannot tell; or empty
    edges: int = 0                      # how many of the kinks lie at the edge of forward's domain


@dataclass(frozen=True)
class Report:
    """The outcome of a gradient check. str(report) is a table, at most WIDTH columns wide."""

    title: str
    arrays: tuple                       # of ArrayReport: the arguments first, then the parameters
    faults: tuple = ()                  # of str: what is wrong with the layer as a whole
    notes: tuple = ()                   # of str: what else a reader should know

    @property
    def verdict(self):
        faults = [*self.faults, *(array.fault for array in self.arrays if array.fault)]
        if not faults:
            return "ok"
        return "cannot tell" if all(map(is_doubt, faults)) else "WRONG"

    @property
    def ok(self):
        return self.verdict == "ok"

    @property
    def error(self):
        """The largest relative error of the entries compared; infinite if none was compared."""
        return max((array.error for array in self.arrays), default=np.inf)

    def require(self):
        """Raise AssertionError, with the table as its message, unless all is well."""
        if not self.ok:
            raise AssertionError(str(self))

    def __str__(self):
        lines = [f"{self.title}: {self.verdict}"]
        for fault in self.faults:
            lines += in_words(fault)
        if self.arrays:
            lines.append(f"{'array':<15} {'shape':<7} {'entries':>7} {'kinks':>5} {'error':>7}  "
                         f"{'worst at':<9} {'backprop':>10} {'difference':>10}")
        for array in self.arrays:
            lines += row(array)
        for note in self.notes:
            lines += indented(note)
        return "\n".join(lines)


def row(a):
    """The lines of the table for one array. A long name loses its beginning."""
    shape, worst = "x".join(map(str, a.shape)), ",".join(map(str, a.worst))
    numbers = (f" {shape:<7} {a.entries:>7} {a.kinks:>5} {a.error:>7.0e}  "
               f"{worst:<9} {a.backprop:>10.3e} {a.difference:>10.3e}")
    room = max(WIDTH - len(numbers), 8)
    name = a.name if len(a.name) <= room else "..." + a.name[3 - room:]
    lines = [f"{name:<{room}}{numbers}"]
    if a.fault:
        lines += in_words(a.fault)
    if a.edges:
        lines += indented(f"{a.edges} of the kinks: the edge of forward's domain")
    return lines


def is_doubt(fault):
    return fault.startswith("cannot tell")


def in_words(fault):
    return indented(fault if is_doubt(fault) else f"WRONG: {fault}")


def indented(text):
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ")


def array_reports(claims, measured, inputs, y, tolerance):
    """The ArrayReport of each array.

    claims is {place of an array: Claims} and measured {place: a list of Slopes, one an entry}
    (subject.py, ladder.py). inputs are the arguments of forward, and y is its output.
    """
    steepest = max((slope.steepest for slopes in measured.values() for slope in slopes), default=0)
    # If a gradient is n times too large for one of these n, backward may have forgotten a mean.
    counts = {n for array in (*inputs, y) if isinstance(array, np.ndarray)
              for n in (array.size, *array.shape)}
    return tuple(array_report(place, claims[place], measured[place], tolerance, steepest, y, counts)
                 for place in claims)


def array_report(place, claims, slopes, tolerance, steepest, y, counts):
    """The ArrayReport of one array. steepest is the steepest slope of the whole layer."""
    claim, name, shape = claims.gradient, place.name, place.array().shape
    fault = unfit(claim, shape)
    if fault or not claim.size:
        error = np.inf if fault else 0.0
        return ArrayReport(name, shape, 0, 0, error, (), np.nan, np.nan, fault)
    difference, resolution, jump, _ = np.array(slopes).T.reshape(len(Slope._fields), *shape)

    gap, size = np.abs(claim - difference), np.maximum(np.abs(claim), np.abs(difference))
    edges = np.isnan(difference)
    kinks = edges | (jump > 0) & (gap <= 10 * jump)     # a small kink does not excuse a large gap
    scale = size[~kinks & np.isfinite(size)].max(initial=0)
    visible = resolution <= tolerance * max(VISIBLE * scale, NOTHING * steepest)
    size = np.maximum(np.maximum(size, scale / 100), visible * resolution / tolerance)
    errors = np.where(kinks | (gap == 0), 0, np.where(np.isfinite(gap), gap / size, np.inf))
    wrong = ~kinks & (errors > tolerance) & ~(gap <= resolution)
    hidden = ~kinks & ~wrong & ~visible

    fault, shown = unruly(claims, difference, scale), errors
    if not fault and wrong.any():
        fault = diagnose(claims, difference, kinks, wrong, counts)
    elif not fault and hidden.any():
        fault, shown = doubt(resolution[hidden].max(), scale, np.abs(y).max()), hidden * resolution
    fault = fault or too_many(kinks, edges)
    worst = tuple(map(int, np.unravel_index(np.where(kinks, -1, shown).argmax(), claim.shape)))
    return ArrayReport(name, claim.shape, claim.size, int(kinks.sum()), float(errors[worst]), worst,
                       float(claim[worst]), float(difference[worst]), fault, int(edges.sum()))


def unfit(claim, shape):
    """Why a gradient cannot be compared with finite differences; empty if it can."""
    if claim is None:
        return "there is no gradient: backward must return it"
    if claim.dtype.kind != "f":
        return "the gradient is not an array of floats: what does backward return?"
    if claim.shape != shape or claim.dtype != np.float64:
        return (f"the gradient is {claim.dtype} of shape {claim.shape}, it must be float64 of shape"
                f" {shape} like the array itself"
                + ("; is it transposed?" if claim.shape == shape[::-1] != shape else ""))
    return ""


def unruly(claims, difference, scale):
    """Which rule backward breaks when it is called again, or with another dy; empty if none."""
    def right(claim):
        return np.abs(claim - difference).max() <= 1e-5 * scale

    if claims.again is None:
        return "a second call of backward gives no gradient"
    if not agree(claims.gradient, claims.again):
        if right(claims.again) and not right(claims.gradient):
            return "right only if the input before was the same: is something kept from earlier?"
        return ("a second call of backward gives another gradient: "
                "does it add to the first instead of replacing it?")
    if not agree(-2 * claims.gradient, claims.opposite):
        return "backward does not scale with dy: -2 times the dy must give -2 times the gradient"
    return ""


def agree(a, b):
    return b is not None and np.allclose(a, b, rtol=1e-9, atol=np.finfo(float).tiny, equal_nan=True)


def doubt(resolution, scale, largest):
    """Why one cannot tell, and what would help, in words."""
    share = 100 * resolution / scale
    least = f"less than {share:.2g} % of a slope" if share < 99 else "any slope"
    if largest > 1e4 * scale:
        return (f"cannot tell: the output, up to {largest:.0e}, is too large to resolve {least}; "
                "take the constant out of it")
    return f"cannot tell: rounding is too coarse to resolve {least}; check at another input"


def too_many(kinks, edges):
    """Why one cannot tell, if more than one entry and more than a tenth of all were left out."""
    if not kinks.all() and kinks.sum() <= max(1, kinks.size / 10):
        return ""
    place = "the edge of the domain" if edges.any() else "a kink"
    return (f"cannot tell: {kinks.sum()} of {kinks.size} entries lie on {place}: "
            "check at another, random input")


def diagnose(claims, difference, kinks, wrong, counts):
    """In words, how a gradient differs from the finite differences, kinks left out.

    `counts` are sizes of arrays. A gradient is off by one of these factors if it is a sum where it
    should be a mean, or the other way round.
    """
    claim, difference = np.where(kinks, 0, claims.gradient), np.where(kinks, 0, difference)

    def same(a, b):
        return np.abs(a - b).max() < 1e-5 * np.abs(difference).max()

    if not np.isfinite(claim).all():
        return f"{np.sum(~np.isfinite(claim))} of {claim.size} entries are nan or infinite"
    if not claim.any():
        return "all zero: is it computed, and written to the right place?"
    factor = np.sum(claim * difference) / np.sum(difference ** 2)      # nan if all is 0
    if abs(factor - 1) > 1e-5 and same(claim, factor * difference):
        if np.isclose(factor, -1):
            return "the sign is flipped"
        for n in counts - {0, 1}:
            if np.isclose(factor, n):
                return (f"{n} times too large: summed over {n} entries or rows "
                        "where it should be averaged?")
            if np.isclose(factor, 1 / n):
                return (f"{n} times too small: averaged over {n} entries or rows "
                        "where it should be summed?")
        return f"off by a constant factor: {factor:.6g} times what it should be"
    square = claim.shape == claim.shape[::-1]
    if square and same(claim.T, difference) and not same(claim, difference):
        return "transposed"
    same_before = np.array_equal(claims.gradient, claims.earlier)
    return (f"{wrong.sum()} of {wrong.size} entries differ from the finite difference"
            + "; it does not change with the input, as only a linear layer's may" * same_before)
