"""What adapters are worth beside all parameters. By hand: python tests/quality_lora.py

It takes ten minutes. The old network has learned the circle by the default recipe. The new points:

    ellipse     twice as long as wide, tilted and shifted; a shape, so both axes share one scale
    moons
    own points  2000 points of a heart with a little noise, each column with a scale of its own
    30 points   of the same heart, and no more

Each is learned from nothing, by all parameters, and by adapters of rank 8, 4, 2 and 1. What is
shown: how many parameters learn, and after 300, 1000 and 3000 steps how good the network is, the
median of five seeds. For a shape that is the loss above its floor. For own points it is the energy
distance from 5000 points of the heart that no network has seen, in thousandths.
"""
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import RECIPES, SHAPES, Model, Shape, energy_distance, shape_data  # noqa: E402
from scratchdiff import ExactDenoiser, own_data  # noqa: E402
from scratchdiff.app.show.best import loss_parts  # noqa: E402
from scratchdiff.experiment.data import Data  # noqa: E402
from scratchdiff.experiment.recipe import finetuned  # noqa: E402

import numpy as np  # noqa: E402

DEFAULT, STEPS, SEEDS = RECIPES["default"], (300, 1000, 3000), range(5)
RANKS = {"from nothing": None, "all parameters": 0, **{f"rank {r}": r for r in (8, 4, 2, 1)}}
HELD_OUT = 5000


def ellipse(u):
    """Twice as long as wide, tilted by 30 degrees, somewhere else."""
    long, short = 2 * np.cos(2 * np.pi * u[:, 0]), np.sin(2 * np.pi * u[:, 0])
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    return np.column_stack([c * long - s * short + 5, s * long + c * short - 3])


def ellipse_data():
    shape = Shape(ellipse, length=4 * np.pi)
    return Data("ellipse", 2, partial(shape.draw, dtype=np.float32), shape.draw,
                SHAPES["circle"].standard,
                lambda schedule: ExactDenoiser(schedule, shape.grid))


def heart(n, rng):
    """n points of the README's heart, with noise of a fiftieth of its size."""
    a = rng.uniform(0, 2 * np.pi, n)
    x = 16 * np.sin(a) ** 3
    y = 13 * np.cos(a) - 5 * np.cos(2 * a) - 2 * np.cos(3 * a) - np.cos(4 * a)
    return np.column_stack([x, y]) + 0.3 * rng.standard_normal((n, 2))


def excess(model):
    return float(loss_parts(model)[1].mean())


def off_held_out(model):
    """The energy distance from points that no network has seen, in thousandths."""
    real = model.data.standard.forth(heart(HELD_OUT, np.random.default_rng(1000)))
    points = np.concatenate(list(model.sample(HELD_OUT)))
    return 1000 * energy_distance(points.astype(np.float64), real)


def own(n):
    """seed -> the Data of n points of the heart. The seed draws the points, too."""
    return lambda seed: own_data(heart(n, np.random.default_rng(seed)), Model.stream(seed, 4))


# name: (seed -> data, how good a model is)
DATA = {"ellipse": (lambda seed: ellipse_data(), excess),
        "moons": (lambda seed: shape_data("moons"), excess),
        "own points": (own(2000), off_held_out),
        "30 points": (own(30), off_held_out)}


def learned(recipe, seed, data, base=None):
    """A trained model."""
    model = Model.new(recipe, seed, data, base)
    for _ in model.train():
        pass
    return model


def measured(rank, steps, seed, data, measure, base):
    """(how good the network is, how many parameters learn)."""
    if rank is None:
        recipe, base = replace(DEFAULT, steps=steps), None
    else:
        recipe = replace(finetuned(DEFAULT, rank), steps=steps)
    model = learned(recipe, seed, data, base)
    return measure(model), len(model.adam.params)


def main(data=DATA, ranks=RANKS, steps=STEPS, seeds=SEEDS, old=DEFAULT):
    bases = [learned(old, seed, shape_data("circle")).adam.params for seed in seeds]
    print(f"{'':<14} {'':<14} {'learned':>8}", *(f"{n:>6} steps" for n in steps))
    for name, (made, measure) in data.items():
        for title, rank in ranks.items():
            row = []
            for n in steps:
                results = [measured(rank, n, seed, made(seed), measure, bases[i])
                           for i, seed in enumerate(seeds)]
                row.append(np.median([good for good, _ in results]))
            count = results[0][1]
            print(f"{name:<14} {title:<14} {count:>8}", *(f"{good:>12.4f}" for good in row),
                  flush=True)


if __name__ == "__main__":
    main()
