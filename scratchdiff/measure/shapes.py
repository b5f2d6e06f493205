"""Distributions to learn: the built-in shapes of the plane, and the standard form of any points.

A shape is a function `place` from the unit interval (a curve) or the unit square (a region) to the
plane. From uniform random numbers it makes random points. From evenly spaced numbers it makes a
grid for the perfect denoiser.

All distributions are learned in standard form, like the unit circle: their mean is 0, and the mean
square distance from 0 is 1. The noise schedule is made for points of about this size.
"""
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, sqrt

import numpy as np

from scratchdiff.nn.expect import expect

SPACING = 0.7           # of a grid, in noise widths: see Shape.grid
COARSEST = 0.1          # the largest spacing of a grid, in standard form


@dataclass(frozen=True)
class Standard:
    """The map between points as they are given and their standard form: (points - center) / scale.

    A constant column has scale 0. In standard form it is 0, and `back` makes it constant again.
    """

    center: np.ndarray                  # (d,)
    scale: np.ndarray                   # (d,)

    @classmethod
    def of(cls, points):
        """The map for points (n, d). ValueError if all points are equal.

        Each column has its own scale, so heights in metres and salaries in euros are learned
        equally well.
        """
        expect("points", points, ("n", "d"))
        extent = np.ptp(points, axis=0)                         # (d,)
        varies = extent > 0
        if not varies.any():
            raise ValueError("points must not be all equal")
        unit = np.where(varies, extent, 1)                      # so that no square overflows
        shifted = (points - points[0]) / unit
        center = points[0] + unit * shifted.mean(axis=0)
        spread = unit * shifted.std(axis=0)
        return cls(center, np.where(varies, spread, 0) * sqrt(varies.sum()))

    def forth(self, points):
        """To standard form, (n, d); the dtype is kept."""
        scale = np.where(self.scale > 0, self.scale, 1).astype(points.dtype)
        return (points - self.center.astype(points.dtype)) / scale

    def back(self, points):
        """From standard form, (n, d), in float64 because the center may be far from 0."""
        return points.astype(np.float64) * self.scale + self.center


@dataclass(frozen=True)
class Shape:
    """A distribution in the plane, in standard form, with one scale for both axes."""

    place: Callable             # u (n, inputs) in [0, 1) -> (n, 2), in any position and size
    speed: float                # the most that a point moves per unit of an input
    parts: int = 1              # equal parts of [0, 1) that are mapped without a jump or a corner
    inputs: int = 1             # 1 for a curve, 2 for a region
    width: float = 0.0          # standard deviation of the round Gaussian noise around each point
    names: tuple = ()           # names of equal parts of the first input, for prompts
    whole: "Shape" = None       # the whole shape, if this is a part of one
    figures: Callable = None    # what to report about points (n, 2): a list like that of `radius`

    def draw(self, n, rng, dtype=np.float64):
        """n random points, (n, 2)."""
        return self.draw_labelled(n, rng, dtype)[0]

    def draw_labelled(self, n, rng, dtype=np.float64):
        """n random points, (n, 2), and the number of the named part of each point, (n,) ints."""
        u = rng.random((n, self.inputs), dtype)
        points = self.standard.forth(self.place(u).astype(dtype, copy=False))
        if self.width:
            points = points + self.standard_width * rng.standard_normal(points.shape, dtype)
        return points, (len(self.names) * u[:, 0]).astype(int)

    def part(self, k):
        """The named part number k as a Shape, in its place within the whole shape."""
        count = len(self.names)

        def place(u):
            return self.place(np.column_stack([(k + u[:, 0]) / count, u[:, 1:]]))
        return replace(self, place=place, speed=self.speed / count,
                       parts=max(1, self.parts // count), names=(), whole=self)

    def grid(self, noise_width):
        """Points along the curve, or all over the region, for the perfect denoiser: (K, 2).

        Neighbours are at most 0.7 noise widths apart, and never more than 0.1, so noise of this
        width blurs the gaps. Along a straight line, a sum over such points is as good as the
        integral: the relative error is 2 exp(-2 (pi / 0.7)^2), or 6e-18, by Poisson's summation
        formula. Near ends, corners and edges the sum is less exact: tests/test_exact.py measures
        how much. The round noise of the shape itself is left out.
        """
        spacing = min(SPACING * noise_width, COARSEST)
        per_part = ceil(self.speed / self.parts / (spacing * self.standard.scale[0]))
        return self.standard.forth(self.place(self.even(per_part)))

    def even(self, per_part):
        """Evenly spaced inputs for `place`, at least one in each part: (K, inputs)."""
        n = self.parts * max(1, per_part)
        u = (np.arange(n) + 0.5) / n
        axes = np.meshgrid(*[u] * self.inputs, indexing="ij")
        return np.stack(axes, axis=-1).reshape(-1, self.inputs)

    @cached_property
    def standard(self):
        """The map to standard form, a `Standard`. A part of a shape has the map of the whole."""
        if self.whole:
            return self.whole.standard
        points = self.place(self.even(200))
        center = points.mean(axis=0)
        square = np.mean(np.sum((points - center) ** 2, axis=1))
        square += 2 * self.width ** 2                               # the noise, on two axes
        return Standard(center, np.full(2, sqrt(square)))

    @property
    def standard_width(self):
        """`width` in standard form."""
        return self.width / float(self.standard.scale[0])


def circle(u):
    angle = 2 * np.pi * u[:, 0]
    return np.column_stack([np.cos(angle), np.sin(angle)])


def radius(points):
    """How far points (n, 2) are from the circle's center: a list of (name, value, meaning)."""
    r = np.hypot(*points.T)
    return [("mean radius", r.mean(), "target 1.000"),
            ("std radius", r.std() if len(r) > 1 else None,
             "small = points really are on the circle")]


def moons(u):
    """Two half circles, each ending inside the other."""
    lower, angle = u[:, 0] >= 0.5, np.pi * (2 * u[:, 0] % 1)
    arc = np.column_stack([np.cos(angle), np.sin(angle)])
    return np.where(lower[:, None], [1, 0.5] - arc, arc)


def spiral(u):
    """One and a quarter turns of r = angle, at nearly even speed.

    The length of the curve grows about as the square of the angle, hence the root. The speed is
    sqrt(1 + angle^2) times the slope of the angle, 4.375 pi^2 / angle. It is largest at the inner
    end, where the angle is pi / 2.
    """
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


QUARTERS = ("upper right", "upper left", "lower left", "lower right")
COMPASS = ("right", "upper right", "top", "upper left",
           "left", "lower left", "bottom", "lower right")

SHAPES = {
    "circle": Shape(circle, speed=2 * np.pi, names=QUARTERS, figures=radius),
    "moons": Shape(moons, speed=2 * np.pi, parts=2, width=0.05, names=("upper", "lower")),
    "spiral": Shape(spiral, speed=4.375 * np.pi * sqrt(np.pi ** 2 + 4)),
    "gaussians": Shape(gaussians, speed=0, parts=8, width=0.1, names=COMPASS),
    "checkerboard": Shape(checkerboard, speed=4, parts=4, inputs=2),
    "square": Shape(square, speed=4, parts=4, names=("bottom", "right", "top", "left")),
    "segment": Shape(segment, speed=sqrt(5)),
}
