"""Is a backward pass right? Compare every entry of every gradient with a finite difference.

    print(check_gradients(layer, x))            # a table, and a verdict in words
    check_gradients(layer, x).require()         # in a test: AssertionError unless all is well

A derivative is a limit, and we can come close to it. Move one number by h, run the forward pass,
and see how far the output moves. This needs no calculus and no backward pass, so it can tell
whether the calculus was right. But it takes several forward passes for each number, and that is why
backpropagation exists.

The idea in a few lines, for a layer with weights W, and for a random dy of the shape of y:

    W = layer.W
    layer.forward(x)
    layer.backward(dy)
    for index in np.ndindex(W.shape):
        def L(value):                   # L as a function of this one weight
            W[index] = value
            return np.sum(dy * layer.forward(x))
        w = W[index]
        print(layer.dW[index], slope(L, w, 1e-3))       # two numbers that should agree
        W[index] = w

`check_gradients` does this for all arrays of any layer. checker/ decides the doubtful cases.
"""
import numpy as np

from scratchdiff.nn.checker.doubt import settled
from scratchdiff.nn.checker.subject import Subject, expect_tolerance
from scratchdiff.nn.checker.verdict import Report, array_reports


def central_difference(f, x, h):
    """The slope of f at x, from a step of h to either side."""
    above, below = x + h, x - h         # rounded, so not exactly 2 h apart: hence the divisor
    return (f(above) - f(below)) / (above - below)


def slope(f, x, h):
    """The slope of f at x, from two central differences: D(h), and D(h / 2).

    A central difference has an error for two reasons. The first is that f bends. Take the two
    Taylor series, subtract them, and divide by 2 h:
        f(x + h) = f + h f' + h^2 f'' / 2 + h^3 f''' / 6 + ...
        f(x - h) = f - h f' + h^2 f'' / 2 - h^3 f''' / 6 + ...
        D(h) = f' + c h^2 + (terms in h^4, h^6, ...)            with c = f''' / 6
    So D(h) has the error c h^2, and D(h / 2) has a quarter of this error, c h^2 / 4. In four times
    the second minus the first, h^2 cancels, and 3 f' is left (Richardson 1911):
        4 D(h / 2) - D(h) = 3 f' + (terms in h^4, h^6, ...)

    The second reason is rounding. A float64 has 16 digits, so f is off by about 1e-16 |f|, and
    D(h) divides this error by h. So h must not be too small.

    For example, the slope of sin at x = 1 is cos(1) = 0.54. The errors:
        D(h)     for h = 1e-3      -9.0e-8
        D(h / 2)                   -2.3e-8      a quarter
        slope                       1.0e-13     what is left is rounding
        D(h)     for h = 1e-12     -3.0e-5      the step is too small
    """
    return (4 * central_difference(f, x, h / 2) - central_difference(f, x, h)) / 3


TOLERANCE = 1e-7        # far above the error of `slope`, far below the error of a real mistake


def check_gradients(layer, x, *rest, constants=(), tolerance=TOLERANCE):
    """Compare every entry of every gradient of `layer` with finite differences.

    Only a single number has a gradient, but the output y of a layer is many numbers. So draw a
    random dy, and let L = sum(dy * y). Then dL/dy is dy, so backward(dy) must return the slopes of
    L. Why random? Take a layer that divides each row by its sum. Its outputs add up to 1. So with
    dy = 1 everywhere, all slopes of L would be 0, and a backward that returned twice the
    gradient would pass.

    Parameters
    ----------
    layer : object with forward(x, *rest) -> y and backward(dy) -> dx
        y is an array, or a single number for a loss, and dy is like y. checker/parameters.py says
        where its parameters may be.
    x, rest : the arguments of forward
        Pass float64 arrays of random numbers, because zeros, ones and equal entries hide mistakes.
        If several arguments need a gradient, backward returns a tuple. A loss may return only dx,
        because its target is a constant. Anything else (levels, labels, flags) goes to forward as
        it is.
    constants : names of arguments, or of arrays that the layer holds, that need no gradient
        A layer may name its own in an attribute `constants`. A read-only array is a constant too.
    tolerance : float
        The largest relative error that counts as right: relative to the entry that backward
        returns, or to a hundredth of the largest entry of its array if that is larger.

    Returns
    -------
    Report
        Its verdict is "ok", "WRONG", or "cannot tell" if a mistake could hide in rounding errors.

    Raises TypeError or ValueError, with the reason, for what cannot be checked at all.
    """
    expect_tolerance(tolerance)
    measured = {}
    with np.errstate(all="ignore"):     # a step may leave the domain of log: that is fine
        subject = Subject(layer, [x, *rest], constants)
        claims = subject.claims()       # {place of an array: what backward says its gradient is}
        for place in claims:
            measured[place] = []
            for entry in subject.entries(place, claims[place]):
                # entry.f(value) is dy * y, for a forward pass with `value` in place of entry.x
                h = 1e-3 * max(abs(entry.x), 1)         # a large x is rounded more coarsely
                slopes = slope(entry.f, entry.x, h)     # one for each output; their sum is dL/dx
                # `settled` adds them up. Near a kink, or if rounding hides the slope, it first
                # tries other steps.
                measured[place].append(settled(entry, h, slopes, tolerance))
        arrays = array_reports(claims, measured, subject.values, subject.y, tolerance)
    return Report(type(layer).__name__, arrays, tuple(subject.faults), tuple(subject.notes))
