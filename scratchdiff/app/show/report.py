"""What a run says about its result: how good it is.

No figure is enough by itself. The energy distance hardly notices blur. Blur shows in the distance
from each generated point to the shape, or to the nearest real point. Neither figure notices that
whole parts of the data are missing. Gaps show in the distance from each real point to the nearest
generated point.
"""
from math import floor, log10

import numpy as np

from scratchdiff.fast.streams import REPORT
from scratchdiff.measure.energy import energy_distance, expected_energy_distance
from scratchdiff.measure.nearest import nearest
from scratchdiff.measure.shapes import SHAPES

COMPARED = 2000         # points of each set, when two sets of points are compared
WIDTHS, ALLOWED = 3, 0.05   # off a shape: more than 3 of its widths away, or 0.05 from a curve
NEAR = 0.95             # the share of real points that count as near another real point
FEW, VERY_FEW = 100, 20     # held-back points
COLUMNS = 8             # columns of own points in the report, at most


def figures(model, points, count):
    """The two main figures of a result, as (name, value, meaning), all of them text.

    points (n, d) in standard form. The person asked for the first `count` of these points, and the
    others are only for comparisons.
    """
    measure = own_measure(model)
    if measure:
        return [(name, decimals(value, 4), meaning)
                for name, value, meaning in measure(points[:count])]
    real = real_points(model)
    if len(real) < 2:
        return [("energy distance", "unknown", "too few points to hold some back"),
                ("between real points", "unknown", "for the same reason")]
    return [("energy distance", decimals(distance(points, real), 5),
             f"{len(real)} generated points to {len(real)} real ones"),
            ("between real points", decimals(expected_energy_distance(real), 5),
             "two such sets of real points, on average")]


def own_measure(model):
    """The learned shape's own measure, a function of points; None if it has none."""
    name = model.data.name
    return SHAPES[name].figures if name in SHAPES else None


def more_figures(model, points, names=None):
    """Figures of what the main figures hide, in the same form. names: those of the columns."""
    real = real_points(model)
    if model.data.name in SHAPES:
        return [off_shape(model.data.name, points[:COMPARED], real)]
    own, standard = model.data.points, model.data.standard
    some = model.stream(model.seed, REPORT).permutation(len(own))[:COMPARED]
    return [*columns(own, standard.back(points), names),
            *neighbours(standard.forth(own[some]), points),
            *few_held_back(len(real))]


def off_shape(name, points, real):
    """The share of points, and of real points, that are farther from a shape than is allowed."""
    shape = SHAPES[name]
    allowed = WIDTHS * shape.standard_width or ALLOWED
    grid = shape.grid(ALLOWED / 2)
    off, real_off = (np.mean(nearest(x, grid) > allowed) for x in (points, real))
    widths = f" ({WIDTHS} widths)" if shape.width else ""
    return ("off the shape", f"{off:.1%}",
            f"more than {allowed:.2f}{widths} away from it; real points: {real_off:.1%}")


def neighbours(real, points):
    """Blur and gaps, by distances to the nearest point. All points are in standard form.

    Take the distance from each real point to the nearest other real point. Two points are near if
    they are no farther apart than the NEAR quantile of these distances. Blur is the share of
    generated points that are not near a real point. Gaps is the share of real points that are not
    near a generated point. In a perfect sample, each share is 1 - NEAR. (1 - blur and 1 - gaps are
    precision and recall of Kynkaanniemi et al. 2019.)
    """
    distinct = np.unique(real, axis=0)          # two equal points say nothing about the spacing
    near = np.quantile(nearest(distinct, distinct, leave_out_itself=True), NEAR)
    made = points[:len(real)]
    blur = np.mean(nearest(made, distinct) > near)
    gaps = np.mean(nearest(distinct, made) > near)
    return [("blur", f"{blur:.1%}",
             f"generated points not near a real one; {1 - NEAR:.0%} if perfect"),
            ("gaps", f"{gaps:.1%}",
             f"real points not near a generated one; {1 - NEAR:.0%} if perfect")]


def columns(real, made, names=None):
    """Mean and standard deviation of each column, or of the worst COLUMNS if there are more."""
    names = names or [f"column {i + 1}" for i in range(real.shape[1])]
    mean, std, real_mean, real_std = made.mean(0), made.std(0), real.mean(0), real.std(0)
    spread = np.where(real_std > 0, real_std, 1)
    off = (np.abs(mean - real_mean) + np.abs(std - real_std)) / spread
    worst = sorted(np.argsort(-off, kind="stable")[:COLUMNS].tolist())
    lines = [(names[i], f"mean {digits(mean[i], spread[i])}, std {digits(std[i], spread[i])}",
              f"real points: mean {digits(real_mean[i], spread[i])}, "
              f"std {digits(real_std[i], spread[i])}") for i in worst]
    others = len(names) - len(worst)
    if others:
        lines.append(("other columns", f"{others}", "closer than these"))
    return lines


def few_held_back(count):
    """A line that says how little so few held-back points can tell, or no line."""
    if count < 2 or count >= FEW:
        return []
    little = "almost nothing" if count < VERY_FEW else "little"
    return [("held back", f"{count} points", f"so few that the energy distance says {little}")]


def real_points(model):
    """Real points to compare with, float64, the same points each time."""
    return model.data.real(COMPARED, model.stream(model.seed, REPORT))


def distance(points, real):
    """The energy distance between real points and as many generated points."""
    return energy_distance(points[:len(real)].astype(real.dtype), real)


def decimals(value, count):
    return "unknown" if value is None else f"{value:.{count}f}"


def digits(number, spread):
    """A number as text, to the decimal place of the third digit of the spread."""
    count = 2 - floor(log10(spread))
    text = f"{number:.{max(0, count)}f}" if -9 < count < 7 else f"{number:.3g}"
    return text if float(text) else text.removeprefix("-")
