"""What there is to learn: a built-in shape, or a person's own points."""
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

    name: str
    d: int
    draw: Callable                      # (n, rng) -> (n, d) float32 points to learn from
    real: Callable                      # (n, rng) -> at most n points to compare with, that are not learnt from
    standard: Standard                  # the map between standard form and the points as they were given
    exact: Callable                     # schedule -> the perfect denoiser; None if it is not known
    points: np.ndarray                  # the person's own points, as given; None for a shape


def shape_data(name):
    shape = SHAPES[name]
    return Data(name, 2, partial(shape.draw, dtype=np.float32), shape.draw, Standard(np.zeros(2), 1.0),
                lambda schedule: ExactDenoiser(schedule, shape.grid, shape.standard_width), None)


def own_data(points, rng):
    """A tenth of the points, drawn at random, is held back to compare with (2000 at the most); the rest is learnt.

    Of fewer than 20 points none is held back.
    """
    standard = Standard.of(points)
    shuffled = rng.permutation(standard.forth(points))
    held_back, learnt = np.split(shuffled, [min(len(points) // 10, 2000) if len(points) >= 20 else 0])
    learnt = learnt.astype(np.float32)
    return Data(OWN, points.shape[1], lambda n, rng: learnt[rng.integers(len(learnt), size=n)],
                lambda n, rng: held_back[:n], standard, None, points)


def read_data(text, rng):
    """For --data: the name of a shape, or a file."""
    if text in SHAPES:
        return shape_data(text)
    from scratchdiff.app.files.points import read_points
    return own_data(read_points(text), rng)
