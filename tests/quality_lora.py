"""What adapters are worth beside all parameters. By hand: python tests/quality_lora.py

It takes ten minutes. The old network has learned the circle by the default recipe. The new points:

    ellipse         twice as long as wide, tilted and shifted. It is a shape: both axes share one
                    scale, and the standard form takes away the shift, but not the length
    moons
    own points      2000 points of a heart with a little noise, each column with its own scale
    30 of ellipse   30 points of the ellipse, and no more
    30 own points   30 points of the heart, and no more: 27 to learn from, 3 held back

Each is learned by adapters of rank 1, 2, 4 and 8, by all parameters, and by a new network, which
differs from "all parameters" in its start alone. What is shown: how many parameters learn; how long
a step takes, beside a step of all parameters (measured in turn); and how good the network is after
300, 1000 and 3000 steps, the median of five seeds. For ellipse and moons that is the loss above the
floor of the whole shape. For own points it is the energy distance from 5000 points of the heart
that no network has seen, in thousandths.
"""
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import RECIPES, ExactDenoiser, Model, Shape, energy_distance  # noqa: E402
from scratchdiff import own_data, shape_data  # noqa: E402
from scratchdiff.app.show.best import loss_parts  # noqa: E402
from scratchdiff.experiment.data import Data  # noqa: E402
from scratchdiff.experiment.recipe import finetuned  # noqa: E402
from scratchdiff.fast.streams import SPLIT  # noqa: E402

import numpy as np  # noqa: E402

DEFAULT, STEPS, SEEDS = RECIPES["default"], (300, 1000, 3000), range(5)
RANKS = {**{f"rank {r}": r for r in (1, 2, 4, 8)}, "all parameters": 0, "from nothing": None}
HELD_OUT = 5000


def ellipse(u):
    """Twice as long as wide, tilted by 30 degrees, somewhere else."""
    long, short = 2 * np.cos(2 * np.pi * u[:, 0]), np.sin(2 * np.pi * u[:, 0])
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    return np.column_stack([c * long - s * short + 5, s * long + c * short - 3])


def ellipse_data(seed):
    shape = Shape(ellipse, length=4 * np.pi)
    return Data("ellipse", 2, partial(shape.draw, dtype=np.float32), shape.draw, shape.standard,
                lambda schedule: ExactDenoiser(schedule, shape.grid))


def few_of_ellipse(seed):
    """30 points of the ellipse, drawn by the seed."""
    whole = ellipse_data(seed)
    few = whole.draw(30, np.random.default_rng(seed))
    return replace(whole, draw=lambda n, rng: few[rng.integers(len(few), size=n)])


def heart(n, rng):
    """n points of the README's heart, with noise of a fiftieth of its size."""
    a = rng.uniform(0, 2 * np.pi, n)
    x = 16 * np.sin(a) ** 3
    y = 13 * np.cos(a) - 5 * np.cos(2 * a) - 2 * np.cos(3 * a) - np.cos(4 * a)
    return np.column_stack([x, y]) + 0.3 * rng.standard_normal((n, 2))


def excess(model):
    return float(loss_parts(model)[1].mean())


def excess_of_ellipse(model):
    """Above the floor of the whole ellipse, though the model has seen little of it."""
    return excess(replace(model, data=ellipse_data(0)))


def off_held_out(model):
    """The energy distance from points that no network has seen, in thousandths."""
    real = model.data.standard.forth(heart(HELD_OUT, np.random.default_rng(1000)))
    points = np.concatenate(list(model.sample(HELD_OUT)))
    return 1000 * energy_distance(points.astype(np.float64), real)


def own(n):
    """seed -> the Data of n points of the heart. The seed draws the points, too."""
    return lambda seed: own_data(heart(n, np.random.default_rng(seed)), Model.stream(seed, SPLIT))


# name: (seed -> data, how good a model is)
DATA = {"ellipse": (ellipse_data, excess),
        "moons": (lambda seed: shape_data("moons"), excess),
        "own points": (own(2000), off_held_out),
        "30 of ellipse": (few_of_ellipse, excess_of_ellipse),
        "30 own points": (own(30), off_held_out)}


def learned(recipe, seed, data, base=None):
    """A trained model."""
    model = Model.new(recipe, seed, data, base)
    for _ in model.train():
        pass
    return model


def measured(rank, steps, seed, data, measure, base):
    """(how good the network is, how many parameters learn)."""
    recipe = replace(finetuned(DEFAULT, rank or 0), steps=steps)
    model = learned(recipe, seed, data, None if rank is None else base)
    return measure(model), len(model.adam.params)


def step_ratios(ranks, rounds=40, each=25):
    """How long a step takes with adapters of each rank, beside one of all parameters."""
    runs = {rank: Model.new(replace(DEFAULT, steps=rounds * each, lora=rank or 0), 0,
                            shape_data("moons")).train() for rank in {0, *ranks}}
    seconds = {rank: [] for rank in runs}
    for _ in range(rounds):
        for rank, run in runs.items():
            start = time.perf_counter()
            for _ in range(each):
                next(run)
            seconds[rank].append(time.perf_counter() - start)
    return {rank: np.median(np.divide(seconds[rank], seconds[0])) for rank in runs}


def main(data=DATA, ranks=RANKS, steps=STEPS, seeds=SEEDS, old=DEFAULT):
    ratios = step_ratios(ranks.values())
    bases = [learned(old, seed, shape_data("circle")).adam.params for seed in seeds]
    print(f"{'':<14} {'':<14} {'learned':>8} {'a step':>7}", *(f"{n:>6} steps" for n in steps))
    for name, (made, measure) in data.items():
        for title, rank in ranks.items():
            row = []
            for n in steps:
                results = [measured(rank, n, seed, made(seed), measure, bases[i])
                           for i, seed in enumerate(seeds)]
                row.append(np.median([good for good, _ in results]))
            count = results[0][1]
            print(f"{name:<14} {title:<14} {count:>8} {ratios[rank]:>7.2f}",
                  *(f"{good:>12.4f}" for good in row), flush=True)


if __name__ == "__main__":
    main()
