"""The distributions to learn: built-in shapes of the plane, and points of your own.

A shape is a function `place` from the unit interval (a curve) or the unit square (a region) to the plane: fed with
uniform random numbers it draws points, fed with evenly spaced numbers it lays a grid for the perfect denoiser.

All distributions are used in standard form, with mean 0 and mean square distance 1 from it, as the unit circle has by
itself: the noise schedule is made for points of about that size. One factor for all axes, so that shapes keep their
proportions.
"""
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import ceil, sqrt

import numpy as np

from scratchdiff.nn.expect import expect_floats


@dataclass(frozen=True)
class Standard:
    """The map between points as they are given and their standard form: (points - center) / scale, and back."""

    center: np.ndarray                  # (d,)
    scale: float

    @classmethod
    def of(cls, points):
        """The map for these points, (n, d). ValueError if they are all equal."""
        expect_floats("points", points)
        extent = np.ptp(points, axis=0).max()           # divided by first, so that no square overflows or vanishes
        if not extent > 0:
            raise ValueError("points must not be all equal")
        center = points.mean(axis=0)
        return cls(center, float(extent * np.sqrt(np.mean(np.sum(((points - center) / extent) ** 2, axis=1)))))

    def forth(self, points):
        """To standard form; the dtype is kept."""
        return (points - self.center.astype(points.dtype)) / self.scale

    def back(self, points):
        """From standard form, in float64: the center may be far from 0."""
        return points.astype(np.float64) * self.scale + self.center


@dataclass(frozen=True)
class Shape:
    """A distribution in the plane, in standard form."""

    place: Callable                     # u (n, inputs) in [0, 1) -> (n, 2), in any position and size
    length: float                       # the top speed of `place`: how far a point moves for each unit of an input
    parts: int = 1                      # equal parts of [0, 1) that are mapped without a jump or a corner
    inputs: int = 1                     # 1 for a curve, 2 for a region
    width: float = 0.0                  # standard deviation of round Gaussian noise about it

    def draw(self, n, rng, dtype=np.float64):
        """n random points, (n, 2)."""
        points = self.standard.forth(self.place(rng.random((n, self.inputs), dtype)).astype(dtype, copy=False))
        return points + self.standard_width * rng.standard_normal(points.shape, dtype) if self.width else points

    def grid(self, spacing):
        """Points along the curve, or all over the region, no further apart than `spacing`: (K, 2). Noise is left out."""
        per_part = ceil(self.length / self.parts / (spacing * self.standard.scale))
        return self.standard.forth(self.place(self.even(per_part)))

    def even(self, per_part):
        """Evenly spaced inputs for `place`, at least one in each part: (K, inputs)."""
        n = self.parts * max(1, per_part)
        u = (np.arange(n) + 0.5) / n
        return np.stack(np.meshgrid(*[u] * self.inputs, indexing="ij"), axis=-1).reshape(-1, self.inputs)

    @cached_property
    def standard(self):
        points = self.place(self.even(200))
        around = Standard.of(points)
        return Standard(around.center, sqrt(around.scale ** 2 + 2 * self.width ** 2))   # the noise adds width^2 on each axis

    @property
    def standard_width(self):
        """`width` in standard form."""
        return self.width / self.standard.scale


def circle(u):
    angle = 2 * np.pi * u[:, 0]
    return np.column_stack([np.cos(angle), np.sin(angle)])


def moons(u):
    """Two half circles, each ending inside the other."""
    lower, angle = u[:, 0] >= 0.5, np.pi * (2 * u[:, 0] % 1)
    return np.where(lower[:, None], np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)]),
                    np.column_stack([np.cos(angle), np.sin(angle)]))


def spiral(u):
    """One and a quarter turns of r = angle, at nearly even speed: the length grows about with the angle's square."""
    angle = np.pi * np.sqrt(0.25 + 8.75 * u[:, 0])
    return angle[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def gaussians(u):
    """The centres of eight Gaussians on a circle."""
    return circle(np.floor(8 * u) / 8)


def checkerboard(u):
    """The eight dark squares of a four by four board."""
    x, y = 4 * u[:, 0], 2 * u[:, 1]
    return np.column_stack([x, y + np.floor(y) + np.floor(x) % 2])


def square(u):
    """The outline of a square: four sides, four sharp corners."""
    side, along = np.divmod(4 * u[:, 0], 1)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    side = side.astype(int)
    return corners[side] + along[:, None] * (corners[side + 1] - corners[side])


def segment(u):
    """A straight line from one point to another."""
    return u * np.array([2, 1])


SHAPES = {
    "circle": Shape(circle, length=2 * np.pi),
    "moons": Shape(moons, length=2 * np.pi, parts=2, width=0.05),
    "spiral": Shape(spiral, length=4.375 * np.pi * sqrt(np.pi ** 2 + 4)),      # at its beginning, where angle = pi / 2
    "gaussians": Shape(gaussians, length=0, parts=8, width=0.1),
    "checkerboard": Shape(checkerboard, length=4, parts=4, inputs=2),
    "square": Shape(square, length=4, parts=4),
    "segment": Shape(segment, length=sqrt(5)),
}
