"""How good a result could be: the best possible loss, and the perfect denoiser's points."""
from functools import partial

import numpy as np

from scratchdiff.app.show.report import decimals, distance, off_shape, own_measure, real_points
from scratchdiff.beyond.prompts import DROP
from scratchdiff.fast.streams import REPORT
from scratchdiff.measure.energy import expected_energy_distance
from scratchdiff.measure.exact import floor_and_excess

NOISY = 1000            # noisy points for each level
LEVELS = 10             # levels in a line
PERFECT = 500           # points of the perfect denoiser, which is slow


def loss_parts(model):
    """(floor, excess) of the loss at each level, (T,) each. None if the floor is not known.

    The floor is the best possible loss, and the excess is what this network adds to it. The noisy
    points do not depend on the model's seed, so every run on a shape reports the same floor. With
    labels, a share DROP of the points comes without a prompt, as in training.
    """
    data = model.data
    if data.exact is None:
        return None
    exact = data.exact(model.denoiser.schedule)
    parts = floor_and_excess(model.denoiser, exact, data.draw, model.stream(0, REPORT), NOISY)
    if not data.labels:
        return parts
    prompted = np.mean([label_parts(model, k) for k in range(len(data.labels))], axis=0)
    return tuple(DROP * np.array(parts) + (1 - DROP) * prompted)


def label_parts(model, k):
    """(floor, excess) for the points of label k alone, with their prompt."""
    data = model.data
    if data.exact is None:
        return None
    return floor_and_excess(model.guided([data.labels[k]]),
                            data.exact(model.denoiser.schedule, k),
                            partial(data.real_with_label, k), model.stream(0, REPORT),
                            NOISY // len(data.labels))


def loss_lines(floor, excess, shares):
    """Lines of text: the loss and its two parts, over all levels and over ten levels at a time.

    shares (T,) are the shares of the levels in the training loss (diffusion/levels.py). If the
    shares differ, the last line has the training loss.
    """
    total, best, error = summed(floor, excess)
    lines = [f"loss {total} = {best} (the best possible) + {error} (this network's error)"]
    for first in range(0, len(floor), LEVELS):
        some = slice(first, first + LEVELS)
        total, best, error = summed(floor[some], excess[some])
        lines.append(f"  levels {first:2d}-{first + len(floor[some]) - 1:2d}  "
                     f"{total} = {best} + {error}")
    lines[1] += "  (little noise)"
    lines[-1] += "  (a lot of noise)"
    if np.ptp(shares) > 0:
        total, best, error = summed(floor, excess, shares)
        lines.append(f"  as trained    {total} = {best} + {error}  (little noise counts more)")
    return lines


def summed(floor, excess, shares=None):
    """(loss, floor, excess) as text: means over levels, rounded so that the sum is right."""
    best, error = (round(float(np.average(part, weights=shares)), 4) for part in (floor, excess))
    return tuple(f"{number:.4f}" for number in (best + error, best, error))


def perfect_lines(model):
    """Lines of text: the figures of points that the perfect denoiser makes.

    These points show what is lost by the sampler alone, whatever the network.
    """
    name, schedule = model.data.name, model.denoiser.schedule
    rng = model.stream(model.seed, REPORT)
    start = rng.standard_normal((PERFECT, model.data.d))
    states = list(model.sampler(model.data.exact(schedule), schedule, start, rng))
    points = states[-1]
    measure = own_measure(model)
    if measure:
        results = [f"{figure} {decimals(value, 7)}" for figure, value, _ in measure(points)]
    else:
        real = real_points(model)[:PERFECT]
        figure, value, _ = off_shape(name, points, real)
        results = [f"{figure} {value}", f"energy distance {decimals(distance(points, real), 5)} "
                   f"(between {PERFECT} real points {decimals(expected_energy_distance(real), 5)})"]
    return [f"the perfect denoiser, {len(states)} steps:", "  " + ", ".join(results)]
