"""How good a run is, and what each setting of the recipe brings. By hand: python tests/quality.py

It takes two minutes. Of each of ten networks, 5000 points. What is shown: the median and the worst
standard deviation of the radius; the largest |mean radius - 1|; the largest Kuiper statistic
V sqrt(n) of the angles, above 2.0 in one of a hundred samples of uniform angles (Kuiper 1960); the
median of the loss above the floor; and the median of the seconds that training took.
"""
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import RECIPES, Model, Schedule, sample, shape_data  # noqa: E402
from scratchdiff.app.show.best import loss_parts  # noqa: E402

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


def kuiper(points):
    """V sqrt(n): how far the angles are from uniform, wherever the circle is cut open."""
    n = len(points)
    u = np.sort(np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) % 1)
    steps = np.arange(n + 1) / n
    return (np.max(steps[1:] - u) + np.max(u - steps[:-1])) * np.sqrt(n)


def of_points(points):
    radius = np.hypot(*points.astype(np.float64).T)
    return radius.std(), abs(radius.mean() - 1), kuiper(points)


def measure(recipe, seed, n):
    """(std of the radius, |its mean - 1|, Kuiper's statistic, excess, seconds of training)."""
    model = Model.new(recipe, seed, shape_data("circle"))
    start = time.perf_counter()
    for _ in model.train():
        pass
    seconds = time.perf_counter() - start
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


if __name__ == "__main__":
    main()
