"""Finite differences with ever smaller steps: the best slope, and how far off it may be.

A large step has a large error because the function bends, and a small step because of rounding
(gradcheck.slope). So try many steps, from large to small. How much the slope changes from step to
step shows which step can be trusted.
"""
from typing import NamedTuple

import numpy as np

EPS = np.finfo(np.float64).eps          # 2.2e-16, the spacing of float64 at 1
KINK = 1e-5                             # a smaller jump, relative to the slope, is no kink
SAFETY = 3                              # an estimate may be off by 3 times its last change
ROUNDINGS = 4                           # a change of an output may be off by 4 of its roundings
CERTAIN = 4                             # a jump is real if it is 4 times what it may be off by
ENDS = 4                                # steps at an end: the smallest only check the others


class Slope(NamedTuple):
    """A slope by finite differences: floats, or arrays with one number for each entry."""

    difference: float                   # the slope; nan at the edge of the function's domain
    resolution: float                   # how far off the slope may be
    jump: float                         # at a kink: by how much the slopes on its two sides differ
    steepest: float                     # the steepest slope found with the largest steps


def ladder(f, x, steps):
    """The Slope of sum(f(x)) from steps (k,) that fall by halves. f(x) is (outputs,).

    Each output has its own limit, and the sum of the limits is the slope. So a large output that
    does not move cannot hide a small output that does.
    """
    changes, bends = differences(f, x, steps)                               # (k, outputs) each
    moves = steps[:, None] * (np.abs(changes) + np.abs(bends))
    rounding = ROUNDINGS * np.maximum(EPS * np.abs(f(x)), grain(moves))     # (outputs,)
    change, unsure = limit(changes, steps, (2, 4), rounding)
    kink, vague = limit(bends, steps, (1, 3), 2 * rounding)
    jump = np.abs(kink)[np.abs(kink) > CERTAIN * vague].sum()
    if jump < KINK * np.abs(change).sum():
        jump = 0
    steepest = np.abs(changes[:ENDS]).sum(axis=1)
    return Slope(change.sum(), unsure.sum(), jump,
                 steepest[np.isfinite(steepest)].max(initial=0))


def differences(f, x, steps):
    """The central difference and the bend of each output, for each step: (k, outputs) each."""
    changes = [(f(x + h) - f(x - h)) / ((x + h) - (x - h)) for h in steps]
    return np.array(changes), np.array([bend(f, x, h) for h in steps])


def bend(f, x, h):
    """The slope of f to the right of x minus the slope to the left.

    The bend goes to 0 with h, except at a kink, where it goes to the jump of the slope.
    """
    above, below = x + h, x - h
    return (f(above) - f(x)) / (above - x) - (f(x) - f(below)) / (x - below)


def grain(moves):
    """How coarsely each output is rounded inside f, if it does not move at some steps.

    moves (k, outputs) -> (outputs,). An output that does not move may have slope 0, like a ReLU
    that is off. Or its change was rounded away. For example, log(1 + exp(-40)) comes out as 0,
    because 1 + exp(-40) is rounded to 1, but its slope is not 0. When such an output does move, it
    moves by at least one grain. A grain is at most EPS of the largest move.
    """
    moves = np.where(np.isfinite(moves), moves, 0)
    least = np.where(moves > 0, moves, np.inf).min(axis=0)
    return np.where((moves == 0).any(axis=0), np.minimum(least, EPS * moves.max(axis=0)), 0)


def extrapolate(values, p):
    """Values for steps that fall by halves, one row a step, without their error of power p.

    If v(h) = v + a h^p + b h^q + ..., then (2^p v(h/2) - v(h)) / (2^p - 1) is free of h^p.
    gradcheck.slope is the case p = 2. A central difference has only even powers, a bend only odd.
    """
    return (2 ** p * values[1:] - values[:-1]) / (2 ** p - 1)


def limit(values, steps, powers, rounding):
    """(the limit for a step of 0, how far off it may be), for each column of values (k, n).

    First extrapolate away the error of each power. Then bound the error of each value that is
    left, by its change since the step before. The change itself bounds the error of the series.
    For small h the change is rounding, which is about c / h. So change times h bounds c, and the
    largest c seen at smaller steps gives a bound at every step.

    The bound is smallest somewhere in the middle. Take the value with the smallest bound among
    those that agree with the values of all smaller steps. The smallest ENDS steps only serve to
    check the others.
    """
    for p in powers:
        values = extrapolate(values, p)
    # Two powers and one difference: three values fewer than steps
    errors, steps, values = np.abs(np.diff(values, axis=0)), steps[3:, None], values[1:]
    bounds = (SAFETY * upwards(np.fmax, errors * steps) + rounding) / steps
    values, bounds = values[:-ENDS], bounds[:-ENDS]
    low, high = upwards(np.fmax, values - bounds), upwards(np.fmin, values + bounds)
    bounds[~((low <= values) & (values <= high))] = np.inf
    best = bounds.argmin(axis=0), np.arange(values.shape[1])
    return values[best], bounds[best]


def upwards(function, rows):
    """The running `function` of the rows, from the last row up to the first."""
    return function.accumulate(rows[::-1])[::-1]
