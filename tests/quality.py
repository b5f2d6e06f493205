"""How good a run is. By hand, since it takes a while:

    python tests/quality.py             the circle, and what each setting of its recipe brings
    python tests/quality.py shapes      every shape, and points of your own
    python tests/quality.py sizes 2     small and large networks, seeds 0 and 1 (an hour)

The first takes two minutes. Of each of ten networks, 5000 points. What is shown: the median and the
worst standard deviation of the radius; the largest |mean radius - 1|; the largest Kuiper statistic
V sqrt(n) of the angles, above 2.0 in one of a hundred samples of uniform angles (Kuiper 1960); the
median of the loss above the floor; and the median of the processor's seconds for the training.

The others show the loss above the floor, median and worst, and how many runs ended in an error. Own
points have a floor here: that of the perfect denoiser of just the points that are learned.
"""
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import RECIPES, SHAPES, ExactDenoiser, Model, Schedule, sample  # noqa: E402
from scratchdiff import own_data, shape_data  # noqa: E402
from scratchdiff.app.errors import CommandError  # noqa: E402
from scratchdiff.app.show.best import loss_parts  # noqa: E402
from scratchdiff.app.show.report import figures, more_figures  # noqa: E402
from scratchdiff.app.start import recipe_for  # noqa: E402
from scratchdiff.app.trouble import advice, expect_learned, in_range  # noqa: E402

import numpy as np  # noqa: E402

DEFAULT, TUTORIAL = RECIPES["default"], RECIPES["tutorial"]
RUNS = {
    "default": DEFAULT,
    "tutorial": TUTORIAL,
    "default, but ReLU": replace(DEFAULT, activation="relu"),
    "predicts eps": replace(DEFAULT, predicts="eps"),
    "no opposite noise": replace(DEFAULT, antithetic=False),
    "even levels": replace(DEFAULT, levels="even"),
    "lr 3e-3 throughout": replace(DEFAULT, lr=3e-3, lr_schedule="constant"),
    "beta variance": replace(DEFAULT, variance="beta"),
    "64-64 units": replace(DEFAULT, hidden=(64, 64)),
    "2000 steps": replace(DEFAULT, steps=2000),
}
SIZES = [(32,) * 2, (32,) * 6, (64,) * 4, (256,) * 2, (256,) * 6]
STEPS = [1000, 5000, 20_000]
MADE = 2000     # points of each network


def kuiper(points):
    """V sqrt(n): how far the angles are from uniform, wherever the circle is cut open."""
    n = len(points)
    u = np.sort(np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) % 1)
    steps = np.arange(n + 1) / n
    return (np.max(steps[1:] - u) + np.max(u - steps[:-1])) * np.sqrt(n)


def of_points(points):
    radius = np.hypot(*points.astype(np.float64).T)
    return radius.std(), abs(radius.mean() - 1), kuiper(points)


def trained(recipe, seed, data):
    """A trained model, and the seconds of the processor that it took."""
    model = Model.new(recipe, seed, data)
    start = time.process_time()
    for _ in model.train():
        pass
    return model, time.process_time() - start


def measure(recipe, seed, n):
    """(std of the radius, |its mean - 1|, Kuiper's statistic, excess, seconds of training)."""
    model, seconds = trained(recipe, seed, shape_data("circle"))
    points, (_, excess) = np.concatenate(list(model.sample(n))), loss_parts(model)
    return *of_points(points), excess.mean(), seconds


def perfect(seed, n):
    """The same of the perfect denoiser, which has nothing to learn."""
    denoiser = shape_data("circle").exact(Schedule.linear())
    rng = np.random.default_rng(seed)
    points = sample(denoiser, denoiser.schedule, n, 2, rng, dtype=np.float64)
    return *of_points(np.concatenate(list(points))), 0.0, 0.0


def row(name, results):
    std, off, angles, excess, seconds = np.array(results).T
    print(f"{name:<20} {np.median(std):>10.2g} {std.max():>8.2g} {off.max():>10.2g} "
          f"{angles.max():>8.2f} "
          f"{np.median(excess):>9.4f} {np.median(seconds):>7.2f}", flush=True)


def main(runs=RUNS, seeds=range(10), n=5000):
    print(f"{'':<20} {'std radius':>10} {'worst':>8} {'|mean - 1|':>10} {'Kuiper':>8} "
          f"{'excess':>9} {'seconds':>7}")
    row("perfect denoiser", [perfect(seed, n) for seed in seeds])
    for name, recipe in runs.items():
        row(name, [measure(recipe, seed, n) for seed in seeds])


def own_points():
    """The README's heart as own points, with the perfect denoiser of those that are learned."""
    a = 2 * np.pi * np.arange(142) / 142
    x, y = 16 * np.sin(a) ** 3, 13 * np.cos(a) - 5 * np.cos(2 * a) - 2 * np.cos(3 * a)
    data = own_data(np.column_stack([x, y - np.cos(4 * a)]), np.random.default_rng(0))
    learned = np.unique(data.draw(10_000, np.random.default_rng(0)), axis=0)
    return replace(data, exact=lambda schedule: ExactDenoiser(schedule, learned))


def data_of(name):
    return shape_data(name) if name in SHAPES else own_points()


def shapes(names=(*SHAPES, "own points"), seeds=range(5), **settings):
    """A row for each shape. Its time is in units of the default recipe's, taken in turn."""
    print(f"{'':<14} {'recipe':<8} {'excess':>7} {'worst':>7} {'time':>6}  figures of seed "
          f"{seeds[-1]}")
    for name in names:
        excess, times = [], []
        for seed in seeds:
            seconds = trained(replace(DEFAULT, **settings), seed, shape_data("circle"))[1]
            model, own = trained(replace(RECIPES[recipe_for(name)], **settings), seed,
                                 data_of(name))
            excess.append(loss_parts(model)[1].mean())
            times.append(own / seconds)
        points = np.concatenate(list(model.sample(MADE)))
        found = [*figures(model, points, len(points)), *more_figures(model, points)]
        print(f"{name:<14} {recipe_for(name):<8} {np.median(excess):>7.4f} {max(excess):>7.4f} "
              f"{np.median(times):>6.2f}  "
              + ", ".join(f"{figure} {value}" for figure, value, _ in found
                          if not figure.startswith("column")), flush=True)


def excess_or_error(recipe, seed, data):
    """The loss above the floor of a run; inf if the program would end it with an error."""
    try:
        with np.errstate(all="ignore"), advice(Model.new(recipe, seed, data)):
            model, _ = trained(recipe, seed, data)
            expect_learned(model)
            for _ in in_range(model, model.sample(MADE)):
                pass
        return loss_parts(model)[1].mean()
    except CommandError:
        return np.inf


def sizes(seeds, names=("circle", "checkerboard", "own points"), hidden=SIZES, steps=STEPS):
    """A row for each size and number of steps: the excess of each kind of data, and errors."""
    print(f"{'hidden':<10} {'steps':>6}" + "".join(f" {name:>15} {'worst':>7} {'errors':>6}"
                                                    for name in names))
    for widths in hidden:
        for count in steps:
            line = f"{f'{widths[0]} x {len(widths)}':<10} {count:>6}"
            for name in names:
                recipe = replace(RECIPES[recipe_for(name)], hidden=widths, steps=count)
                excess = [excess_or_error(recipe, seed, data_of(name)) for seed in seeds]
                line += (f" {np.median(excess):>15.5f} {max(excess):>7.5f} "
                         f"{sum(np.isinf(excess)):>6}")
            print(line, flush=True)


if __name__ == "__main__":
    part, *number = sys.argv[1:] or ["circle"]
    if part == "sizes":
        sizes(range(*map(int, number or ["1"])))
    else:
        {"circle": main, "shapes": shapes}[part]()
