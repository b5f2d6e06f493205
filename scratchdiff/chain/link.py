"""What a link of the chain is, and what measuring it returns."""
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

ROUNDING = 1e-12        # one rounding error is about 1e-16: this leaves room for thousands
PATH = 1e-10            # wider, because rounding errors grow over the fifty steps of a walk


class Measured(NamedTuple):
    """How wrong a claim is, and what helps to find the fault."""

    figure: float                       # the error
    where: str = ""                     # where the error is largest: shown if the link fails
    tables: str = ""                    # always shown


@dataclass(frozen=True)
class Link:
    """A claim, a way to measure how wrong the claim is, and the largest error allowed."""

    claim: str
    measure: Callable                   # () -> Measured
    bound: float


def worst(misses):
    """The Measured for {place: the error there}. It names the place with the largest error.

    NaN counts as infinite.
    """
    errors = {place: np.inf if np.isnan(miss) else miss for place, miss in misses.items()}
    place = max(errors, key=errors.get)
    return Measured(float(errors[place]), place)


def first(misses, bound):
    """The Measured for {stage: the error there}, with the stages in the order of a computation.

    It names the first stage whose error is above the bound. Later stages use the result of that
    stage, so their errors may well be larger.
    """
    for stage, miss in misses.items():
        if not miss <= bound:           # true for NaN, too
            return Measured(worst(misses).figure, f"they first differ at {stage}")
    return worst(misses)


def distance(a, b):
    """The largest difference between two arrays, relative to the largest entry of the second."""
    return float(np.abs(np.subtract(a, b)).max() / np.abs(b).max())


def slopes(f, x, h):
    """Central differences of f along each axis: f maps rows (n, d) to numbers (n,)."""
    differences = [f(x + step) - f(x - step) for step in h * np.eye(x.shape[1])]
    return np.stack(differences, axis=1) / (2 * h)              # (n, d)
