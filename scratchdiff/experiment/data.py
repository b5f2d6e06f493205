"""What a run learns: a built-in shape, or a person's own points."""
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.shapes import SHAPES, Standard

OWN = "points"          # the name of data that is no built-in shape


@dataclass(frozen=True)
class Data:
    """A distribution to learn, in standard form."""

    name: str                   # of a shape, or OWN
    d: int                      # coordinates of a point
    draw: Callable              # (n, rng) -> (n, d) float32 points to learn from
    real: Callable              # (n, rng) -> at most n points to compare with, never learned from
    standard: Standard          # the map between standard form and the points as they were given
    exact: Callable             # schedule -> the perfect denoiser; None if it is not known
    points: np.ndarray = None   # (n, d) the person's own points, as given; None for a shape
    names: tuple = None         # of the d columns, if the file had names
    said: str = ""              # how the file was read, in a line


def shape_data(name):
    """The Data of a built-in shape."""
    shape = SHAPES[name]
    return Data(name, 2, partial(shape.draw, dtype=np.float32), shape.draw,
                Standard(np.zeros(2), np.ones(2)),
                lambda schedule: ExactDenoiser(schedule, shape.grid, shape.standard_width))


def own_data(points, rng, names=None, said=""):
    """The Data of a person's points (n, d), n at least 2.

    A tenth of them, drawn at random, is held back to compare with (at most 2000), and the run
    learns from the rest. With fewer than 20 points, none is held back.
    """
    standard = Standard.of(points)
    shuffled = rng.permutation(standard.forth(points))
    count = min(len(points) // 10, 2000) if len(points) >= 20 else 0
    held_back, learned = shuffled[:count], shuffled[count:].astype(np.float32)
    return Data(OWN, points.shape[1], lambda n, rng: learned[rng.integers(len(learned), size=n)],
                lambda n, rng: held_back[:n], standard, None, points, names, said)
