"""What a link of the chain is, and what measuring it says."""
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

# These files find the faults of others: where they raise, look for the caller.
GUARDS = {"expect.py", "gradcheck.py", "ladder.py", "subject.py", "parameters.py", "verdict.py"}
ROUNDING = 1e-12        # a rounding error is about 1e-16, and there may be many of them
PATH = 1e-10            # more still, over the fifty steps of a walk
PACKAGE = Path(__file__).parent.parent


class Measured(NamedTuple):
    """The error of a claim, and what helps to find a fault."""

    figure: float                       # the error
    where: str = ""                     # the place of the largest one: shown if the link fails
    tables: str = ""                    # shown in any case


@dataclass(frozen=True)
class Link:
    """A claim, how its error is measured, and the largest error allowed."""

    claim: str
    measure: Callable                   # () -> Measured
    bound: float


def worst(misses):
    """The Measured for a dictionary of {place: by how much it misses}; NaN counts as infinite."""
    misses = {place: miss if miss == miss else np.inf for place, miss in misses.items()}
    place = max(misses, key=misses.get)
    return Measured(float(misses[place]), place)


def distance(a, b):
    """The largest difference between two arrays, relative to the largest entry of the second."""
    return float(np.abs(np.subtract(a, b)).max() / np.abs(b).max())


def in_a_line(error):
    """An exception, and the line of the project's code that it came from."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if PACKAGE in Path(frame.f_code.co_filename).parents
            and Path(frame.f_code.co_filename).name not in GUARDS]
    frame = (ours or frames)[-1]
    owner = frame.f_locals.get("self")
    name = (f"{type(owner).__name__}." if owner is not None else "") + frame.f_code.co_name
    place = f"{name}, {Path(frame.f_code.co_filename).name} line {frame.f_lineno}"
    return f"{type(error).__name__}: {error} (in {place})"
