"""Finite differences with ever smaller steps: the best slope, and how far it may be off.

A large step cuts off the Taylor series, a small one drowns in rounding. So try all of them, from
large to small, and let the changes from step to step say which can be trusted.
"""
from typing import NamedTuple

import numpy as np

EPS = np.finfo(np.float64).eps          # 2.2e-16, the spacing of float64 at 1
KINK = 1e-5                             # a smaller jump of the slope is no kink
SAFETY = 3                              # times its last change: how far an estimate may be off


class Slope(NamedTuple):
    """A slope by finite differences: floats, or arrays with one for each entry."""

    difference: float                   # nan at the edge of the function's domain
    resolution: float                   # how far that may be off
    jump: float                         # how far the slopes on the two sides differ, at a kink
    steepest: float                     # the steepest slope met on the way


def ladder(y, steps, changes, bends):
    """The Slope from differences of the outputs y, for steps (k,) that fall by halves.

    changes, bends (k, outputs) : the slope of each output at each step, and its bend
    """
    moves = steps[:, None] * (np.abs(changes) + np.abs(bends))
    rounding = 4 * np.maximum(EPS * np.abs(y), grain(moves))                # (outputs,)
    change, unsure = limit(changes, steps, (2, 4), rounding)
    kink, vague = limit(bends, steps, (1, 3), 2 * rounding)
    jump = np.abs(kink)[np.abs(kink) > 4 * vague].sum()
    if jump < KINK * np.abs(change).sum():
        jump = 0
    steepest = np.abs(changes[:4]).sum(axis=1)
    return Slope(change.sum(), unsure.sum(), jump,
                 steepest[np.isfinite(steepest)].max(initial=0))


def grain(moves):
    """How coarsely outputs are rounded that do not move at some steps, from moves (steps, outputs).

    An output that does not move has slope 0, like a ReLU that is off; or its change was rounded
    away. log(1 + exp(-40)) comes out as 0, but its slope is not 0: the 1 is what is rounded. When
    such an output does move, it moves by a grain, which is at most EPS of the largest move.
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

    Extrapolate away the error of each power. How far a value may be off shows in how much it has
    changed since the step before, in two ways. The change itself bounds the error of the series.
    And for small h the change is rounding, about c / h. So change times h bounds c, and the largest
    c seen at smaller steps gives a bound at every step. The bound is smallest somewhere in the
    middle. Among the values that agree with those of all smaller steps, take the one with the
    smallest bound. The four smallest steps only serve to check the others.
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
