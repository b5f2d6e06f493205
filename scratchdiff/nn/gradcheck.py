"""Is a backward pass right? Every entry of every gradient against finite differences.

    print(check_gradients(layer, x))            # a table, and a verdict in words (nn/verdict.py)
    check_gradients(layer, x).require()         # in a test: AssertionError unless all is well

A derivative is a limit, and a limit can be approached. Move one number by h, run the forward pass,
and see how far the output went. That needs no calculus and no backward pass, so it can tell whether
the calculus was right. It is slow, two forward passes for every single number, which is why there
is backpropagation. And it is how we know that ours works.
"""
from functools import cache

import numpy as np

from scratchdiff.nn.subject import Broken, Subject, is_fit
from scratchdiff.nn.verdict import Report, array_report


def central_difference(f, x, h):
    """The slope of f at x, from a step of h to either side."""
    above, below = x + h, x - h         # as they are after rounding: so divide by their distance
    return (f(above) - f(below)) / (above - below)


def bend(f, x, h):
    """The slope of f to the right of x less that to the left: 0 in the limit, but not at a kink."""
    above, below = x + h, x - h
    return (f(above) - f(x)) / (above - x) - (f(x) - f(below)) / (x - below)


TOLERANCE = 1e-7                        # far above the 1e-12 in `slope`, far below a mistake
EPS = np.finfo(np.float64).eps          # 2.2e-16, the spacing of float64 at 1
KINK = 1e-5                             # a smaller jump of the slope is no kink
SAFETY = 3                              # how many times its last change an estimate may be off


def check_gradients(layer, x, *rest, constants=(), tolerance=TOLERANCE):
    """Compare every entry of every gradient of `layer` with finite differences.

    backward(dy) returns the slopes of the single number L = sum(dy * y), as dL/dy is then dy. So
    for a random dy, each entry of each gradient is compared with the slope of L.

    Parameters
    ----------
    layer : object with forward(x, *rest) -> y and backward(dy) -> dx
        y is an array, or a single number for a loss, and dy is like y. nn/parameters.py says where
        its parameters may be.
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
    with np.errstate(all="ignore"):     # a step may leave the domain of log, and that is no news
        subject = Subject(layer, [x, *rest], constants)
        try:
            y, dy, claims = subject.claims()
        except Broken as fault:
            return Report(title, (), (str(fault),))
        measured = [measure(subject, place, claim.first, y, dy, tolerance)
                    for place, claim in claims.items()]
        steepest = max((slopes[3].max(initial=0) for slopes in measured), default=0)
        counts = {n for array in (*subject.values, y) for n in (np.size(array), *np.shape(array))}
        arrays = [array_report(place.name, claim, slopes, tolerance, steepest, y, counts)
                  for (place, claim), slopes in zip(claims.items(), measured)]
    return Report(title, tuple(arrays), tuple(subject.faults), tuple(subject.notes))


def measure(subject, place, claim, y, dy, tolerance):
    """What `slope` returns, for every entry of the array at `place`: (4, *shape)."""
    array = place.array()
    measured = np.zeros((4, *array.shape))
    if claim is None or not is_fit(claim, array):
        return measured
    least = np.abs(claim[np.isfinite(claim)]).max(initial=0) / 100
    for index in np.ndindex(array.shape):
        @cache
        def f(value):
            return (dy * subject.output_with(place, index, value, y)).ravel()
        measured[(slice(None), *index)] = slope(
            f, place.array()[index], claim[index], least, tolerance)
    return measured


def slope(f, x, claim, least, tolerance):
    """(difference, resolution, jump, steepest): the slope of sum(f(x)) by finite differences.

    `difference` may be off by `resolution`; it is nan at the edge of f's domain. `jump` is how far
    the slopes on the two sides of x differ, 0 unless at a kink. `steepest` is the steepest slope
    met on the way. f(x) are the outputs, each times its dy. They are differenced one by one and
    then summed, so that a large output that does not move cannot hide a small one that does.

    The step. A central difference is wrong in two ways. It cuts off the Taylor series, an error of
    h^2 f''' / 6 + h^4 f''''' / 120 + ..., which falls with h. And f is rounded, an error of about
    EPS |f| / h, which grows. `extrapolate` removes the h^2. If f, its derivatives and x are about
    as large as 1, a step of 1e-3 then leaves less than 1e-12 of both. For a larger x the step is
    1e-3 |x|, as float64 keeps the same number of digits.

    If the claim, what backward says, agrees with this to a tenth of the tolerance, it is right.
    If not, a few more steps mostly show that it is wrong. If they leave any doubt, as near a kink,
    a long ladder of steps finds the best difference there is.
    """
    h = 1e-3 * max(abs(x), 1)
    bottom = max(1e-9 * min(abs(x) or 1, 1), 64 * np.spacing(abs(x)))
    steps = h * 2.0 ** np.arange(11, np.log2(bottom / h), -1)           # from 2 max(|x|, 1) down

    changes, bends = differences(f, x, steps[11:13])                    # h and h / 2
    change, jumps = extrapolate(changes, 2), extrapolate(bends, 1)
    difference, resolution = change.sum(), 8 * EPS * np.abs(f(x)).sum() / h
    smooth = np.abs(jumps).sum() <= KINK * np.abs(change).sum() + 4 * resolution
    size = max(abs(claim), abs(difference), least)
    if smooth and abs(claim - difference) + resolution <= tolerance / 10 * size:
        return difference, resolution, 0, abs(difference)

    short = ladder(f, x, steps[7:16])                                   # 16 h to h / 16
    clear = abs(claim - short[0]) > 1e-10       # less may be rounding within f: see `grain`
    if clear and short[1] < tolerance / 10 * abs(short[0]) and short[2] == 0:
        return short
    best = ladder(f, x, steps)
    if best[0] == 0 and abs(claim - difference) < abs(claim) / 100:
        return difference, abs(claim), 0, abs(difference)   # as of x + 1e10 - 1e10: all is rounding
    return best


def differences(f, x, steps):
    """Central differences and bends of the outputs, for each step: each (steps, outputs)."""
    return np.array([(central_difference(f, x, h), bend(f, x, h)) for h in steps]).swapaxes(0, 1)


def ladder(f, x, steps):
    """What `slope` returns, from steps that fall by halves.

    No step is a power of 2: such steps can repeat the same rounding, so that it goes unseen.
    """
    changes, bends = differences(f, x, steps)
    moves = steps[:, None] * (np.abs(changes) + np.abs(bends))
    rounding = 4 * np.maximum(EPS * np.abs(f(x)), grain(moves))             # (outputs,)
    change, unsure = limit(changes, steps, (2, 4), rounding)
    kink, vague = limit(bends, steps, (1, 3), 2 * rounding)
    jump = np.abs(kink)[np.abs(kink) > 4 * vague].sum()
    if jump < KINK * np.abs(change).sum():
        jump = 0
    steepest = np.abs(changes[:4]).sum(axis=1)
    return change.sum(), unsure.sum(), jump, steepest[np.isfinite(steepest)].max(initial=0)


def grain(moves):
    """How coarsely outputs are rounded that do not move at some steps, from moves (steps, outputs).

    log(1 + exp(-40)) comes out as 0, but its slope is not 0: the 1 is what is rounded. When such an
    output does move, it moves by one grain. A ReLU that is off does not move either, and its slope
    is 0. The size tells them apart: a grain is at most EPS of the largest move.
    """
    moves = np.where(np.isfinite(moves), moves, 0)
    first = np.where(moves > 0, moves, np.inf).min(axis=0)
    return np.where((moves == 0).any(axis=0), np.minimum(first, EPS * moves.max(axis=0)), 0)


def extrapolate(values, p):
    """Values for steps that fall by halves, one row a step, without their error of power p.

    If v(h) = v + a h^p + b h^q + ..., then (2^p v(h/2) - v(h)) / (2^p - 1) is free of h^p
    (Richardson 1911).
    """
    return (2 ** p * values[1:] - values[:-1]) / (2 ** p - 1)


def limit(values, steps, powers, rounding):
    """(the limit for a step of 0, how far that may be off), for each column of values (k, n).

    Extrapolate away the error of each power. How far a value may be off shows in what it changed
    since the step before. From some step on, the change is all rounding of f: times h, it stays the
    same. So it counts at every larger step too, and the bound is smallest somewhere in the middle.
    Among the values that agree with those of all smaller steps, take the one with the smallest
    bound. The four smallest steps only bear witness.
    """
    for p in powers:
        values = extrapolate(values, p)
    errors, steps, values = np.abs(np.diff(values, axis=0)), steps[3:, None], values[1:]
    bounds = (SAFETY * upwards(np.fmax, errors * steps) + rounding) / steps
    values, bounds = values[:-4], bounds[:-4]
    low, high = upwards(np.fmax, values - bounds), upwards(np.fmin, values + bounds)
    bounds[~((low <= values) & (values <= high))] = np.inf
    best = bounds.argmin(axis=0), np.arange(values.shape[1])
    return values[best], bounds[best]


def upwards(function, rows):
    """The running `function` of the rows, from the last one up."""
    return function.accumulate(rows[::-1])[::-1]
