"""A picture of generated points on top of real points, still or on their way from noise."""
import numpy as np

from scratchdiff.app.show.axes import BOTTOM, LEFT, RIGHT, TOP, Axes
from scratchdiff.app.show.plane import box, plane
from scratchdiff.app.show.svg import PAUSE, SIZE, WALK, animate, page

DRAWN, MOVING = 5000, 500       # points of a kind, at most: in a still picture, in an animation
FRAMES = 20             # of an animation, at most; they keep the file below 200 kB
MARGIN = 1.06           # a frame is this much larger than its points
WIDEST = SIZE - LEFT - RIGHT    # a frame
HIGHEST = 1.3 * WIDEST
LARGEST = np.finfo(float).max


def scatter(real, made, caption, names=None):
    """The text of an SVG file: generated points (n, d) on real points (m, d).

    The real points fill the frame. caption: a list of strings. names: d names of columns, or None.
    """
    axes = around(real[:DRAWN], names)
    inside = dots("real", path(axes, real[:DRAWN]), 2.5) + dots("made", path(axes, made[:DRAWN]), 3)
    return sheet(axes, inside, made, caption, names)


def animation(real, states, levels, schedule, caption, names=None):
    """The same picture, with the generated points on their way from noise.

    states: (n, d) arrays, from noise to the finished points. levels: the noise level of each state
    but the last, which has no noise. A viewer without animation shows the last state.

    The time of a state follows the square root of its noise, and not its level. So little time is
    spent on the noisiest levels, where the eye sees hardly any change.
    """
    axes = around(real[:MOVING], names)
    left = np.append((1 - schedule.alpha_bars[list(levels)]) ** 0.25, 0.0)  # of the time, per state
    left /= left[0]
    evenly = np.linspace(1, 0, FRAMES)
    chosen = np.unique(np.abs(left - evenly[:, None]).argmin(axis=1)).tolist()
    times = [f"{(1 - left[i]) * WALK / (WALK + PAUSE):.4f}" for i in chosen] + ["1"]
    frames = [path(axes, states[i][:MOVING]) for i in chosen]
    inside = [dots("real", path(axes, real[:MOVING]), 2.5),
              dots("made", frames[-1], 3, animate("d", [*frames, frames[-1]], times))]
    for i, start, end in zip(chosen, times, times[1:]):
        words = f"level {levels[i]}" if i < len(levels) else "no noise"
        inside.append(sign(axes, words, start, end))
    return sheet(axes, "".join(inside), states[-1], caption, names)


def around(points, names):
    """Axes that the points fill. If both have the same scale, the frame has their proportions."""
    d = points.shape[1]
    points = plane(points)
    center, half, alike = box(points.min(axis=0), points.max(axis=0))
    width = height = WIDEST
    if alike:
        width, height = (half * min(WIDEST / half[0], HIGHEST / half[1])).tolist()
    with np.errstate(over="ignore"):
        low, high = (np.clip(center + side * half, -LARGEST, LARGEST) for side in (-MARGIN, MARGIN))
    names = names or [f"column {i + 1}" if d > 2 else "" for i in range(d)]
    return Axes(low, high, LEFT + (WIDEST - width) / 2, TOP, width, height, [*names, ""][:2])


def sheet(axes, inside, made, caption, names):
    """The page. Its caption also says what the colours mean, and what is not drawn."""
    n, d = made.shape
    notes = ["blue: generated points; grey: real ones"]
    if d == 1:
        notes.append("one column: the height only keeps the points apart")
    if d > 2:
        columns = " and ".join(names[:2]) if names else "1 and 2"
        notes.append(f"2 of {d} columns: {columns}")
    outside = axes.outside(plane(made))
    if outside:
        notes.append(f"{outside} of {n} generated points {'is' if outside == 1 else 'are'} "
                     "outside the frame")
    bottom = axes.bottom + (BOTTOM if axes.names[0] else BOTTOM - 16)
    return page(SIZE, bottom, [*caption, *notes], axes.drawing(inside, numbers=(True, d > 1)))


def path(axes, points):
    """Path data of dots: a line of length 0 with round ends for each point, to half a unit."""
    halves = (2 * axes.places(plane(points))).round() / 2
    return "".join(f"M{x:g} {y:g}h0" for x, y in halves.tolist())


def dots(style, data, width, inside=""):
    return f'<path class="{style}" stroke-width="{width}" d="{data}">{inside}</path>\n'


def sign(axes, words, start, end):
    """Words in a corner of the frame, shown from start to end. "1" is the animation's end."""
    times, values = ["0", start, end], ["hidden", "visible", "hidden"]
    if end == "1":
        times.pop(), values.pop()
    play = animate("visibility", values, times, 'calcMode="discrete" ')
    return (f'<text class="halo" x="{axes.left + 8}" y="{axes.top + 20}" '
            f'visibility="{values[-1]}">{words}{play}</text>\n')
