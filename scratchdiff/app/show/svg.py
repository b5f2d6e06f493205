"""Pictures, as SVG written by hand: no script in them, so that they also play where a README is shown.

A picture brings its own ground to stand on, light or dark as its reader's screen is, so that it can be read anywhere.
"""
from html import escape
from math import floor, log10

import numpy as np

from scratchdiff.app.show.braille import plane

SIZE = 400              # the width of every picture, in its own units: at that many pixels its text is 13 pixels high
DRAWN = 5000            # points of one kind in a still picture, at the most
MOVING = 500            # and in a moving one
EVERY = 2               # states of the walk that are in an animation: every second one, which keeps the file below 200 kB
WALK, PAUSE = 4.0, 3.0  # seconds of an animation: from noise to shape, and then for looking at it

STYLE = """\
<style>
.ground{fill:#fffdf8;stroke:#ddd8cc}.real{stroke:#b9b2a0}.made{stroke:#0b62a8}.line{stroke:#0b62a8;fill:none}
.band{fill:#0b62a8;opacity:.18}.floor{stroke:#c2410c;fill:none}.grid{stroke:#ebe6da}text{fill:#38352e}.low{fill:#b03a06;stroke:#fffdf8}
@media (prefers-color-scheme:dark){.ground{fill:#17191d;stroke:#33373f}.real{stroke:#5c626d}.made{stroke:#5cb8ff}
.line{stroke:#5cb8ff}.band{fill:#5cb8ff}.floor{stroke:#ff9a5c}.grid{stroke:#2a2e35}text{fill:#dcd9d2}.low{fill:#ff9a5c;stroke:#17191d}}
text{font:13px ui-sans-serif,system-ui,sans-serif}.low{paint-order:stroke;stroke-width:4px}
path{stroke-linecap:round;stroke-linejoin:round}
</style>
"""


def scatter(real, made, caption):
    """Real points faint, generated points on top, both (n, d) in one scale for all axes; caption: lines of text."""
    real, made = plane(real[:DRAWN]), plane(made[:DRAWN])
    view = View(real, 1.15)
    return _picture(SIZE, caption, _dots("real", view.path(real), 2.5) + _dots("made", view.path(made), 3))


def animation(real, states, caption):
    """The same, with the generated points on their way from noise: `states` are (n, d) arrays, the last the finished shape.

    One path whose points glide from state to state. A viewer that does not play it shows the finished shape.
    """
    real = plane(real[:MOVING])
    paths = [plane(state[:MOVING]) for state in states[:-1:EVERY] + states[-1:]]
    middle = paths[0].mean(axis=0)
    view = View(np.concatenate([real, middle + 0.7 * (paths[0] - middle)]), 1.0)    # some of the noise lies outside, and comes in
    frames = [view.path(points) for points in paths]
    walk = WALK / (WALK + PAUSE)
    times = ";".join(f"{walk * i / (len(frames) - 1):.4f}" for i in range(len(frames))) + ";1"
    play = (f'<animate attributeName="d" dur="{WALK + PAUSE}s" repeatCount="indefinite" keyTimes="{times}" '
            f'values="{";".join([*frames, frames[-1]])}"/>')
    return _picture(SIZE, caption, _dots("real", view.path(real), 2.5) + _dots("made", frames[-1], 3, play))


def loss_curve(losses, floor_loss, caption):
    """The loss over the steps, with the floor if it is known.

    In groups of steps: their mean as a line, and most of them, all but the tenth at each end, as a band.
    """
    height, left, right, top, bottom = 260, 44, 24, 14, 28
    groups = np.array_split(np.asarray(losses), min(len(losses), 60))
    steps = np.cumsum([len(group) for group in groups]) - [len(group) / 2 for group in groups]
    means, lows, highs = (np.array([f(group) for group in groups]) for f in (
        np.mean, lambda group: np.quantile(group, 0.1), lambda group: np.quantile(group, 0.9)))
    most, least = highs.max(), min(lows.min(), floor_loss or np.inf)
    least -= 0.1 * (most - least)

    def x(step):
        return left + (SIZE - left - right) * np.asarray(step, float) / len(losses)

    def y(loss):
        part = (np.clip(loss, least, most) - least) / ((most - least) or 1)
        return height - bottom - (height - top - bottom) * part

    parts = []
    for tick in ticks(least, most):
        parts.append(f'<path class="grid" d="M{left} {y(tick):.1f}H{SIZE - right}"/>'
                     f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in ticks(0, len(losses)):
        parts.append(f'<text x="{x(tick):.1f}" y="{height - bottom + 18}" text-anchor="middle">{tick:g}</text>')
    band = _line(np.concatenate([x(steps), x(steps)[::-1]]), np.concatenate([y(highs), y(lows)[::-1]]))
    parts.append(f'<path class="band" d="{band}Z"/><path class="line" stroke-width="2" d="{_line(x(steps), y(means))}"/>')
    if floor_loss is not None:
        parts.append(f'<path class="floor" stroke-width="1.5" stroke-dasharray="5 4" '
                     f'd="M{left} {y(floor_loss):.1f}H{SIZE - right}"/>'
                     f'<text class="low" x="{SIZE - right}" y="{y(floor_loss) + 15:.1f}" text-anchor="end">'
                     f'{floor_loss:.3f}, the least that any denoiser can reach</text>')
    return _picture(height, caption, "".join(parts))


def ticks(low, high):
    """Four to ten round numbers from low to high."""
    step = 10 ** floor(log10((high - low) or 1))
    if (high - low) / step < 2:
        step /= 5
    elif (high - low) / step < 4:
        step /= 2
    return [i * step for i in range(-floor(-low / step), floor(high / step) + 1)]


class View:
    """From points to places in the picture: one scale for both axes, y upwards, the box of `points` and a margin in sight."""

    def __init__(self, points, margin):
        low, high = points.min(axis=0), points.max(axis=0)
        self.center = (low + high) / 2
        self.scale = SIZE / max(margin * max(high - low), 1e-300)     # all in one place is no reason to divide by 0

    def path(self, points):
        """Path data that is a dot for each point (a line of no length, with round ends), to half a unit."""
        places = SIZE / 2 + (points - self.center) * [self.scale, -self.scale]
        halves = (np.clip(places, -SIZE, 2 * SIZE) * 2).round() / 2
        return "".join(f"M{x:g} {y:g}h0" for x, y in halves.tolist())


def _dots(name, path, width, inside=""):
    return f'<path class="{name}" stroke-width="{width}" d="{path}">{inside}</path>\n'


def _line(x, y):
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x.tolist(), y.tolist()))


def _picture(height, caption, drawing):
    """A whole SVG file: the drawing, clipped to SIZE x height, and the caption's lines below."""
    total = height + 20 * len(caption) + 10
    lines = "".join(f'<text x="{SIZE / 2:g}" y="{height + 14 + 20 * i}" text-anchor="middle">{escape(text)}</text>\n'
                    for i, text in enumerate(caption))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {total}" width="{SIZE}" height="{total}" role="img" '
            f'aria-label="{escape("; ".join(caption))}">\n{STYLE}'
            f'<rect class="ground" x=".5" y=".5" width="{SIZE - 1}" height="{total - 1}" rx="8"/>\n'
            f'<svg width="{SIZE}" height="{height}" viewBox="0 0 {SIZE} {height}">\n{drawing}</svg>\n{lines}</svg>\n')
