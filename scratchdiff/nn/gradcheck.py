"""Is a backward pass right? Every entry of every gradient against finite differences, and a verdict in words.

A derivative is a limit, and a limit can be approached: move one number by h, run the forward pass, see how far the
output went. That needs no calculus and no backward pass, so it can tell whether the calculus was right. It is slow (two
forward passes for every single number), which is why there is backpropagation; and it is how we know that ours works.

    print(check_gradients(layer, x))            # a table: each array, its largest error, and where that is
    check_gradients(layer, x).require()         # in a test: AssertionError with the table if anything is wrong

Whatever has forward(x, ...) -> y and backward(dy) -> dx can be checked: a layer, a network, a loss, your own class.

How it works. backward(dy) returns the slopes of the single number L = sum(dy * y), since dL/dy is then dy. For a
random dy, each entry of each gradient is compared with (L(x + h) - L(x - h)) / 2h, the central difference.

The step h. The central difference is wrong in two ways: it cuts off the Taylor series, an error of h^2 L''' / 6, which
falls as h does; and L itself is rounded, an error of about u |L| / h, which grows, where u = 2.2e-16 is the spacing of
float64 at 1. If L and its derivatives are all about as large as 1, the sum of the two is smallest near h = u^(1/3) =
6e-6. Then the first is about 6e-12 and the second 4e-11. For an entry x with |x| > 1 the step is h |x|, since float64
keeps the same number of digits whatever the size of x. In single precision the errors would be near 1e-5, too close to
the size of a real mistake: float32 is refused.

Kinks. At ReLU's corner there is no derivative: the slopes to the left and to the right differ, however small the step.
Such an entry is counted as a kink, not as an error. If the corner is near but not at x, a smaller step gets clear of
it. So an entry that does not agree is tried again with a step of a sixteenth, and then of a 256th.
"""
from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-7                        # 2500 times the 4e-11 above, and far below any mistake in a formula
EPS = np.finfo(np.float64).eps          # the u above
DY_SEED = 9                             # not the 0 that x is often drawn with: if dy were x, x.T @ dy would be symmetric
STEPS = [EPS ** (1 / 3) / shrink for shrink in (1, 16, 256)]


@dataclass(frozen=True)
class ArrayReport:
    """What came out for one gradient array."""

    name: str                           # "x": the input; "W": a parameter; "2 Linear.W": the W of layers[2], a Linear
    shape: tuple
    entries: int                        # how many were checked: all, or none if the gradient cannot be compared
    kinks: int                          # how many of them have no derivative
    error: float                        # the largest relative error, kinks left out
    worst: tuple                        # the index of the entry that has it
    backprop: float                     # what backward says there
    difference: float                   # what the finite difference says there
    fault: str                          # what is wrong, in words; empty if nothing is


@dataclass(frozen=True)
class Report:
    """The outcome of a gradient check. str(report) is a table that fits 80 columns."""

    title: str
    arrays: tuple                       # of ArrayReport: the input first, then the parameters
    faults: tuple                       # of str: what is wrong with the layer as a whole

    @property
    def ok(self):
        return not self.faults and not any(array.fault for array in self.arrays)

    @property
    def error(self):
        """The largest relative error of all the entries that were checked."""
        return max(array.error for array in self.arrays)

    def __str__(self):
        lines = [f"{self.title}: {'ok' if self.ok else 'WRONG'}", *(f"  WRONG: {fault}" for fault in self.faults),
                 f"{'array':<15} {'shape':<7} {'entries':>7} {'kinks':>5} {'error':>7}  "
                 f"{'worst at':<9} {'backprop':>10} {'difference':>10}"]
        for a in self.arrays:
            shape, worst = "x".join(map(str, a.shape)), ",".join(map(str, a.worst))
            lines.append(f"{a.name:<15} {shape:<7} {a.entries:>7} {a.kinks:>5} {a.error:>7.0e}  "
                         f"{worst:<9} {a.backprop:>10.3e} {a.difference:>10.3e}")
            if a.fault:
                lines.append(f"  WRONG: {a.fault}")
        return "\n".join(lines)

    def require(self):
        """Raise AssertionError, with the table as its message, unless all is well."""
        if not self.ok:
            raise AssertionError(str(self))


def check_gradients(layer, x, *rest, tolerance=TOLERANCE):
    """Compare every entry of every gradient of `layer` with finite differences.

    Parameters
    ----------
    layer : object with forward(x, *rest) -> y and backward(dy) -> dx
        y is an array, or a single number for a loss, and dy is like y. Parameters are found by name: an array `W`
        beside an array `dW` that backward writes; in a layer that is an attribute, or in a list of layers.
    x : float64 array
        The input at which to check. Random numbers are best: special ones hide mistakes, and may lie on kinks.
    rest
        Further arguments of forward, which are not differentiated: a target, a noise level.
    tolerance : float
        The largest relative error that is not called wrong. An entry is compared with its own size, or with the least
        that a finite difference can resolve to this tolerance, whichever is larger.

    Returns
    -------
    Report

    Raises TypeError if the layer lacks one of the methods, or if x or a parameter is not float64; ValueError if x is
    empty.
    """
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(f"layer must have a method {method}; {type(layer).__name__} has none")
    _expect_float64("x", x)
    if not x.size:
        raise ValueError(f"x must have entries, got shape {x.shape}")
    x = x.copy()                        # ours to move about
    faults = []

    y = np.array(layer.forward(x.copy(), *rest))
    dy = np.random.default_rng(DY_SEED).standard_normal(y.shape)

    def gradients(scale, parameters):
        """Forward, then backward from scale * dy: dx, and then the gradient of each parameter."""
        given_x, given_dy = x.copy(), scale * dy
        again = np.array(layer.forward(given_x, *rest))
        if not np.array_equal(given_x, x):
            faults.append("forward changes its input")
        elif not np.array_equal(again, y):
            faults.append("forward is not deterministic: the same input gave two different outputs")
        dx = layer.backward(given_dy if y.shape else float(given_dy))
        if not np.array_equal(given_dy, scale * dy):
            faults.append("backward changes the dy that it is given")
        return [np.array(dx)] + [np.array(getattr(owner, "d" + attribute)) for _, owner, attribute in parameters]

    gradients(1, [])                    # some layers have no dW before their first backward
    before = {name: getattr(owner, attribute) for name, owner, attribute in _parameters(layer)}
    gradients(1, [])
    # What forward merely keeps (self.x, say) is another array after every call; a parameter stays where it is.
    parameters = [(name, owner, attribute) for name, owner, attribute in _parameters(layer)
                  if getattr(owner, attribute) is before.get(name)]
    arrays = [x] + [getattr(owner, attribute) for _, owner, attribute in parameters]
    names = ["x"] + [name for name, _, _ in parameters]
    for name, array in zip(names, arrays):
        _expect_float64(name, array)
    if y.dtype != np.float64:
        faults.append(f"forward turns float64 into {y.dtype}")

    calls = zip(*(gradients(scale, parameters) for scale in (1, 1, 2)))
    reports = [_check_array(name, array, three, lambda: np.array(layer.forward(x, *rest)), y, dy, tolerance,
                            {*x.shape[:1], x.size, y.size})
               for name, array, three in zip(names, arrays, calls)]
    return Report(type(layer).__name__, tuple(reports), tuple(dict.fromkeys(faults)))


def _expect_float64(name, array):
    if not isinstance(array, np.ndarray) or array.dtype != np.float64:
        came = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be a float64 array, got {came}: in anything shorter the rounding "
                        "of a finite difference is as large as a real mistake")


def _parameters(layer, prefix=""):
    """Yield (name, owner, attribute) for each `attribute` beside which there is a `d` + attribute."""
    for attribute, value in vars(layer).items():
        if hasattr(layer, "d" + attribute):
            yield prefix + attribute, layer, attribute
        elif isinstance(value, (list, tuple)):
            for i, part in enumerate(value):
                if hasattr(part, "backward"):
                    yield from _parameters(part, f"{prefix}{i} {type(part).__name__}.")
        elif hasattr(value, "backward"):
            yield from _parameters(value, prefix + attribute + " ")


def _check_array(name, array, gradients, forward, y, dy, tolerance, counts):
    """The ArrayReport for one array; `gradients` are those that backward gave for dy, for dy again, and for 2 dy."""
    first, second, double = gradients
    shape = array.shape
    fault = ""
    if first.dtype == object:
        fault = "the gradient is no array: does backward return it?"
    elif first.shape != shape or first.dtype != np.float64:
        fault = (f"the gradient is {_describe(first)}, it must be {_describe(array)} like the array itself"
                 + ("; is it transposed?" if first.shape == shape[::-1] != shape else ""))
    if fault:
        return ArrayReport(name, shape, 0, 0, np.inf, (), np.nan, np.nan, fault)

    differences, errors, kinks = np.empty(shape), np.empty(shape), np.empty(shape, bool)
    for index in np.ndindex(shape):
        differences[index], errors[index], kinks[index] = _check_entry(
            array, index, first[index], forward, y, dy, tolerance)
    errors[kinks] = 0
    worst = tuple(int(i) for i in np.unravel_index(errors.argmax(), shape))
    if not np.allclose(first, second, rtol=1e-9, atol=0, equal_nan=True):
        fault = "a second call of backward gives another gradient: does it add to the first instead of replacing it?"
    elif not np.allclose(2 * first, double, rtol=1e-9, atol=0, equal_nan=True):
        fault = "backward does not scale with dy: twice the dy must give twice the gradient"
    elif errors.max() > tolerance:
        fault = _diagnose(first, differences, ~kinks, errors > tolerance, counts)
    elif kinks.sum() > max(1, kinks.size / 10):
        fault = f"{kinks.sum()} of {kinks.size} entries lie on a kink: check at another, random input"
    return ArrayReport(name, shape, errors.size, int(kinks.sum()), float(errors.max()), worst,
                       float(first[worst]), float(differences[worst]), fault)


def _check_entry(array, index, backprop, forward, y, dy, tolerance):
    """(finite difference, relative error, is it a kink) for one entry, which is moved and put back."""
    value = array[index]
    best, gaps = (np.inf, np.nan), []                       # nan is not less than inf: what is no number is wrong
    for step in STEPS:
        h = step * max(abs(value), 1)
        above, below = value + h, value - h                 # as they are after rounding, so divide by their distance
        array[index] = above
        y_above = forward()
        array[index] = below
        y_below = forward()
        array[index] = value
        difference = np.sum(dy * (y_above - y_below)) / (above - below)
        right, left = dy * (y_above - y) / (above - value), dy * (y - y_below) / (value - below)
        # The rounding error to expect in a slope: each output that moves is off by about EPS of its size, and so are the
        # numbers that it was computed from; 4 covers both.
        resolution = 4 * EPS * np.sum(np.abs(dy * y)[y_above != y_below]) / h
        size = max(abs(backprop), abs(difference), resolution / tolerance)
        error = abs(backprop - difference) / size if size else 0.0
        gap = abs(right.sum() - left.sum())                 # between the two one-sided slopes; small beside them if smooth
        smooth = gap <= 1e-3 * np.sum(np.abs(right) + np.abs(left)) + resolution
        if smooth and error <= tolerance:
            return difference, error, False
        best = min(best, (error, difference))
        gaps.append(gap)
    error, difference = best
    return difference, error, bool(not smooth and gaps[-1] > gaps[0] / 2)   # where L merely bends, the gap shrinks with h


def _describe(array):
    return f"{array.dtype} of shape {array.shape}"


def _diagnose(backprop, differences, smooth, wrong, counts):
    """In words, how the gradient differs from the finite differences, leaving out the kinks.

    `counts` are numbers of things that one may have summed over where an average was right, or the other way round.
    """
    def same(a, b):
        return np.abs((a - b)[smooth]).max() < 1e-5 * np.abs(differences).max()

    if not backprop.any():
        return "all zero: is it computed, and written to the right place?"
    if differences.any():
        factor = np.sum((backprop * differences)[smooth]) / np.sum(differences[smooth] ** 2)
        if abs(factor - 1) > 1e-4 and same(backprop, factor * differences):
            if np.isclose(factor, -1):
                return "the sign is flipped"
            for n in counts:
                if np.isclose(factor, n):
                    return f"{n} times too large: summed over {n} entries or rows where it should be averaged?"
                if np.isclose(factor, 1 / n):
                    return f"{n} times too small: averaged over {n} entries or rows where it should be summed?"
            return f"off by a constant factor: {factor:.6g} times what it should be"
    if backprop.ndim == 2 and len(backprop) == len(backprop.T) and same(backprop.T, differences):
        return "transposed"
    return f"{wrong.sum()} of {wrong.size} entries differ from the finite difference"
