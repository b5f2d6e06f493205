"""The loss over the steps of a training run, as a picture."""
import numpy as np

from scratchdiff.app.show.axes import BOTTOM, LEFT, RIGHT, TOP, Axes
from scratchdiff.app.show.svg import SIZE, page, text

HEIGHT = 230            # of the frame
GROWTH = 1 / 2          # the least length of a group of steps, as a share of the steps before it
SHORTEST = 1 / 100      # and as a share of all steps


def loss_curve(losses, floor, caption):
    """The text of an SVG file: the loss over the steps, and its floor, a float or None.

    The line is the mean over groups of steps. The band leaves out the lowest and the highest tenth
    of each group. At first the loss falls fast, so the groups are short. At the end it takes
    hundreds of batches to tell the loss from the floor, so the groups are long. The expected loss
    is never below the floor, but the mean of a group may be, by chance, and is drawn there.
    """
    edges = grouped(len(losses))
    groups = np.split(np.asarray(losses, float), edges[1:-1])
    means = np.array([(group / len(group)).sum() for group in groups])  # the sum could overflow
    lows, highs = np.array([np.quantile(group, [0.1, 0.9]) for group in groups]).T
    ends = [lows.min(), means.min(), highs.max(), means[-1] if floor is None else floor]
    least, most = min(ends), max(ends)
    if most - least <= 1e-9 * most:                 # all differences are rounding
        least, most = (0.9 * most, most) if most else (0.0, 1.0)
    least -= 0.12 * (most - least)                  # room for the floor's label
    axes = Axes((0, least), (len(losses), most), LEFT, TOP, SIZE - LEFT - RIGHT, HEIGHT)
    steps = np.concatenate([[0], (edges[:-1] + edges[1:]) / 2, [len(losses)]])
    mean, low, high = (axes.places(np.column_stack([steps, np.pad(values, 1, "edge")]))
                       for values in (means, lows, highs))
    inside = (f'<path class="band" d="{joined([*high, *low[::-1]])}z"/>\n'
              f'<path class="line" stroke-width="2" d="{joined(mean)}"/>\n')
    if floor is not None:
        (_, y), = axes.places(np.array([[0.0, floor]]))
        inside += (f'<path class="floor" stroke-width="1.5" stroke-dasharray="5 4" '
                   f'd="M{axes.left} {y:.1f}H{axes.right}"/>\n')
        inside += text(axes.right - 4, round(y + 15, 1), f"the best possible: {floor:.4g}", "end",
                       "low halo")
    caption = [*caption, "line: mean of many steps; band: four in five of them"]
    return page(SIZE, axes.bottom + BOTTOM - 12, caption, axes.drawing(inside))


def grouped(n):
    """The edges of groups of n steps: the first step of each group, and n."""
    edges = [0]
    while edges[-1] < n:
        edges.append(edges[-1] + max(1, round(SHORTEST * n), round(GROWTH * edges[-1])))
    if edges[-1] > n:
        edges[-2:] = [n]                # the last group is longer rather than too short
    return np.array(edges)


def joined(places):
    """Path data of a line from place to place."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
