"""Is a backward pass right? Every entry of every gradient against finite differences.

    print(check_gradients(layer, x))            # a table, and a verdict in words
    check_gradients(layer, x).require()         # in a test: AssertionError unless all is well

A derivative is a limit, and a limit can be approached. Move one number by h, run the forward pass,
and see how far the output went. That needs no calculus and no backward pass, so it can tell whether
the calculus was right. It is slow, two forward passes for every single number, which is why there
is backpropagation. And it is how we know that ours works.
"""
from functools import cache

import numpy as np

from scratchdiff.nn.checker.ladder import EPS, KINK, Slope, extrapolate, ladder
from scratchdiff.nn.checker.subject import Broken, Subject, is_fit
from scratchdiff.nn.checker.verdict import Report, array_report


def central_difference(f, x, h):
    """The slope of f at x, from a step of h to either side."""
    above, below = x + h, x - h         # as they are after rounding: so divide by their distance
    return (f(above) - f(below)) / (above - below)


def bend(f, x, h):
    """The slope of f to the right of x minus that to the left: near 0 for a small h.

    At a kink it is not: there it is the jump of the slope.
    """
    above, below = x + h, x - h
    return (f(above) - f(x)) / (above - x) - (f(x) - f(below)) / (x - below)


TOLERANCE = 1e-7                        # far above the 1e-12 in `slope`, far below a mistake


def check_gradients(layer, x, *rest, constants=(), tolerance=TOLERANCE):
    """Compare every entry of every gradient of `layer` with finite differences.

    backward(dy) returns the slopes of the single number L = sum(dy * y), as dL/dy is then dy. So
    for a random dy, each entry of each gradient is compared with the slope of L.

    Parameters
    ----------
    layer : object with forward(x, *rest) -> y and backward(dy) -> dx
        y is an array, or a single number for a loss, and dy is like y. checker/parameters.py says
        where its parameters may be.
    x, rest : the arguments of forward
        Arrays of floats need a gradient. Give float64, and random numbers: special ones hide
        mistakes. If there are several, backward returns a tuple of gradients. A loss may return
        only dx: its target is a constant. Levels, labels, flags and plain numbers are passed on.
    constants : names of arguments, or of arrays that the layer holds, that need no gradient
        A layer may name its own in an attribute `constants`. A read-only array is a constant too.
    tolerance : float
        The largest relative error that is not called wrong. An entry is measured by its own size,
        or by a hundredth of the largest in its array.

    Returns
    -------
    Report
        Its verdict is "ok", "WRONG", or "cannot tell", where no step could have seen a mistake.

    Raises TypeError or ValueError, with the reason, for what cannot be checked at all.
    """
    if type(tolerance) not in (int, float) or not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be a number above 0 and below 1, got {tolerance!r}")
    title = type(layer).__name__
    with np.errstate(all="ignore"):     # a step may leave the domain of log: that is fine
        subject = Subject(layer, [x, *rest], constants)
        try:
            y, dy, claims = subject.claims()
        except Broken as fault:
            return Report(title, (), (str(fault),))
        measured = [measure(subject, place, claim.first, y, dy, tolerance)
                    for place, claim in claims.items()]
        steepest = max((slopes.steepest.max(initial=0) for slopes in measured), default=0)
        # Sizes that a gradient may be too large by, if it forgets that y is a mean
        counts = {n for array in (*subject.values, y) if isinstance(array, np.ndarray)
                  for n in (array.size, *array.shape)}
        arrays = [array_report(place.name, claim, slopes, tolerance, steepest, y, counts)
                  for (place, claim), slopes in zip(claims.items(), measured)]
    return Report(title, tuple(arrays), tuple(subject.faults), tuple(subject.notes))


def measure(subject, place, claim, y, dy, tolerance):
    """The Slope of every entry of the array at `place`: each field has its shape."""
    array = place.array()
    measured = np.zeros((4, *array.shape))
    if claim is None or not is_fit(claim, array):
        return Slope(*measured)
    least = np.abs(claim[np.isfinite(claim)]).max(initial=0) / 100
    at_rest = (dy * y).ravel()
    for index in np.ndindex(array.shape):
        x = place.array()[index]

        @cache
        def f(value):
            if value == x:
                return at_rest
            return (dy * subject.output_with(place, index, value, y)).ravel()
        measured[(slice(None), *index)] = slope(f, x, claim[index], least, tolerance)
    return Slope(*measured)


def slope(f, x, claim, least, tolerance):
    """The Slope of sum(f(x)) by finite differences.

    f(x) are the outputs, each times its dy. Their slopes are measured one by one and then summed,
    so that a large output that does not move cannot hide a small one that does.

    The step. A central difference is wrong in two ways. It cuts off the Taylor series, an error of
    h^2 f''' / 6 + h^4 f''''' / 120 + ..., which falls with h. And f is rounded, an error of about
    EPS |f| / h, which grows. `extrapolate` removes the h^2. If f, its derivatives and x are about
    as large as 1, a step of 1e-3 then leaves less than 1e-12 of both. For a larger x the step is
    1e-3 |x|, as float64 keeps the same number of digits.

    If the claim, what backward says, agrees with this to a tenth of the tolerance, it is right.
    If not, a few more steps mostly show that it is wrong. If they leave any doubt, as near a kink,
    a long ladder of steps finds the best difference there is (checker/ladder.py).
    """
    h = 1e-3 * max(abs(x), 1)
    bottom = max(1e-9 * min(abs(x) or 1, 1), 64 * np.spacing(abs(x)))
    steps = h * 2.0 ** np.arange(11, np.log2(bottom / h), -1)           # from 2 max(|x|, 1) down
    changes, bends = differences(f, x, steps[11:13])                    # h and h / 2
    change, jumps = extrapolate(changes, 2), extrapolate(bends, 1)
    difference, resolution = change.sum(), 8 * EPS * np.abs(f(x)).sum() / h
    smooth = np.abs(jumps).sum() <= KINK * np.abs(change).sum() + 4 * resolution
    nearly = tolerance / 10 * max(abs(claim), least)
    if smooth and abs(claim - difference) + resolution <= nearly:
        return Slope(difference, resolution, 0, abs(difference))

    few = steps[7:16]                                                   # 16 h to h / 16
    short = ladder(f(x), few, *differences(f, x, few))
    clear = abs(claim - short.difference) > 1e-10   # less may be rounding within f: ladder.grain
    if clear and short.resolution < tolerance / 10 * abs(short.difference) and short.jump == 0:
        return short
    best = ladder(f(x), steps, *differences(f, x, steps))
    if best.difference == 0 and abs(claim - difference) < abs(claim) / 100:
        # All is rounding, as for x + 1e10 - 1e10.
        return Slope(difference, abs(claim), 0, abs(difference))
    return best


def differences(f, x, steps):
    """Central differences and bends of the outputs, for each step: each (steps, outputs)."""
    return np.array([(central_difference(f, x, h), bend(f, x, h)) for h in steps]).swapaxes(0, 1)
