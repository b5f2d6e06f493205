"""The denoiser as a picture: at four noise levels, arrows over the plane that lead to clean points.

A noisy point is x_t = sqrt(alpha_bar_t) x_0 + s_t eps, with s_t = sqrt(1 - alpha_bar_t). So
-s_t eps_hat leads from x_t to the denoiser's guess of sqrt(alpha_bar_t) x_0. An arrow shows that
way, or only the beginning if the way is long.
"""
import numpy as np

from scratchdiff.app.show.axes import Axes
from scratchdiff.app.show.scatter import dots, path
from scratchdiff.app.show.svg import SIZE, page, text
from scratchdiff.measure.nearest import nearest

LEFT, TOP = 44, 46      # of the first panel
PANEL = 164
ACROSS_PAGE, DOWN = PANEL + 12, PANEL + 26      # from one panel to the next
ACROSS = 12             # arrows in a row
LONGEST = 0.85          # arrow, in units of the distance between two
POINTS = 200            # noisy points in a panel
NEAR = 1.5              # same units: an arrow is faint if no noisy point is this near
LEGEND = ["grey: noisy points", "arrows: where the denoiser guesses they came from",
          "faint arrows: no noisy point comes here"]


def field(denoiser, exact, schedule, real, standard, rng, caption):
    """The text of an SVG file: a panel for each level, and beside it a panel of `exact`, if any.

    real (n, 2) are points in standard form, of the denoiser's dtype. The dots are some of these
    points with noise from rng, as the denoiser sees them at that level. standard is the map from
    standard form to the units of the axes. ValueError if the points do not have two coordinates.
    """
    if real.shape[1] != 2:
        raise ValueError(f"real must have shape (n, 2), got {real.shape}")
    half = max(1.15 * float(np.abs(real).max()), 1.7)       # most of pure noise is within 1.7
    apart = 2 * half / ACROSS
    along = (np.arange(ACROSS) + 0.5) * apart - half
    feet = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2).astype(real.dtype)
    low, high = standard.back(np.array([[-half, -half], [half, half]]))
    asked = {"this network": denoiser} | ({"the perfect denoiser": exact} if exact else {})
    parts = [text(LEFT + ACROSS_PAGE * column, TOP - 26, name, "start")
             for column, name in enumerate(asked)]
    last = 2 * len(asked) - 1           # row
    for k, t in enumerate(levels(schedule.T)):
        x0 = real[rng.integers(len(real), size=POINTS)]
        xt = schedule.add_noise(x0, t, rng.standard_normal(x0.shape, x0.dtype))
        faint = nearest(feet, xt) > NEAR * apart
        for place, guess in enumerate(asked.values(), k * len(asked)):
            row, column = divmod(place, 2)
            axes = Axes(low, high, LEFT + ACROSS_PAGE * column, TOP + DOWN * row, PANEL, PANEL)
            parts.append(text(axes.right, axes.top - 7, f"level {t}", "end", "number"))
            way = -np.sqrt(1 - schedule.alpha_bars[t]) * guess(feet, t)
            way *= np.minimum(1, LONGEST * apart / np.maximum(np.hypot(*way.T), 1e-30))[:, None]
            ends = [axes.places(standard.back(x)) for x in (feet, feet + way)]
            inside = dots("real", path(axes, standard.back(xt)), 2.5)
            for style, which in [("arrow far", faint), ("arrow", ~faint)]:
                inside += f'<path class="{style}" d="{arrows(*(end[which] for end in ends))}"/>\n'
            parts.append(axes.drawing(inside, numbers=(row == last, column == 0)))
    return page(SIZE, axes.bottom + 38, [*caption, *LEGEND], "".join(parts))


def levels(T):
    """Four levels, from a lot of noise to little. A student has fewer if it knows fewer."""
    return list(dict.fromkeys([T - 1, T // 2, T // 5, T // 20]))


def arrows(begin, end):
    """Path data of arrows between places (n, 2): a long line, and two short lines at its end."""
    back = 0.4 * (begin - end)
    aside = 0.5 * back[:, ::-1] * [1, -1]
    corners = np.column_stack([begin, end, end + back + aside, end, end + back - aside]).round(1)
    form = "M{:g} {:g}L{:g} {:g}M{:g} {:g}L{:g} {:g}L{:g} {:g}"
    return "".join(form.format(*row) for row in corners.tolist())
