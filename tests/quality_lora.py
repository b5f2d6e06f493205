"""What adapters are worth beside all parameters. By hand: python tests/quality_lora.py

It takes a quarter of an hour. The old network has learned the circle by the default recipe. The new
points:

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
floor of the whole shape. For own points it is the energy distance from 3000 points of the heart
that no network has seen, in thousandths: 0.85 between two sets of real ones.

                                   learned  a step    300 steps   1000 steps   3000 steps
    ellipse        rank 1              325    1.55       0.0310       0.0055       0.0030
    ellipse        rank 2              650    1.16       0.0110       0.0029       0.0017
    ellipse        rank 4             1197    1.19       0.0097       0.0024       0.0013
    ellipse        rank 8             2221    1.27       0.0100       0.0021       0.0011
    ellipse        all parameters     4418    1.00       0.0132       0.0027       0.0009
    ellipse        from nothing       4418    1.00       0.0131       0.0027       0.0010
    moons          rank 1              325    1.55       0.0400       0.0147       0.0086
    moons          rank 2              650    1.16       0.0301       0.0081       0.0042
    moons          rank 4             1197    1.19       0.0183       0.0062       0.0027
    moons          rank 8             2221    1.27       0.0182       0.0052       0.0022
    moons          all parameters     4418    1.00       0.0192       0.0047       0.0018
    moons          from nothing       4418    1.00       0.0186       0.0046       0.0018
    own points     rank 1              325    1.55       8.0869       4.4614       2.6153
    own points     rank 2              650    1.16       3.4286       5.0139       2.1588
    own points     rank 4             1197    1.19       3.3346       3.6814       1.9042
    own points     rank 8             2221    1.27       2.5871       4.3045       1.7272
    own points     all parameters     4418    1.00       3.7266       3.9894       1.7415
    own points     from nothing       4418    1.00       3.5857       3.5572       2.3467
    30 of ellipse  rank 1              325    1.55       0.0367       0.0131       0.0122
    30 of ellipse  rank 2              650    1.16       0.0203       0.0122       0.0164
    30 of ellipse  rank 4             1197    1.19       0.0188       0.0120       0.0158
    30 of ellipse  rank 8             2221    1.27       0.0192       0.0127       0.0186
    30 of ellipse  all parameters     4418    1.00       0.0242       0.0165       0.0283
    30 of ellipse  from nothing       4418    1.00       0.0231       0.0193       0.0485
    30 own points  rank 1              325    1.55      25.6597      16.7425      18.4194
    30 own points  rank 2              650    1.16      20.2764      18.0284      20.2875
    30 own points  rank 4             1197    1.19      15.1366      18.7741      22.8801
    30 own points  rank 8             2221    1.27      18.0626      23.0314      22.4732
    30 own points  all parameters     4418    1.00      18.2712      21.5211      22.1616
    30 own points  from nothing       4418    1.00      20.3347      20.8083      22.1713
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
HELD_OUT = 3000


def ellipse(u):
    """Twice as long as wide, tilted by 30 degrees, somewhere else."""
    long, short = 2 * np.cos(2 * np.pi * u[:, 0]), np.sin(2 * np.pi * u[:, 0])
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    return np.column_stack([c * long - s * short + 5, s * long + c * short - 3])


def ellipse_data(seed):
    shape = Shape(ellipse, speed=4 * np.pi)
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
    """How long a step takes with adapters of each rank, beside one of all parameters.

    In turn, and by this process's own time, so that others on the machine hardly matter.
    """
    runs = {rank: Model.new(replace(DEFAULT, steps=rounds * each, lora=rank or 0), 0,
                            shape_data("moons")).train() for rank in {0, *ranks}}
    seconds = {rank: [] for rank in runs}
    for _ in range(rounds):
        for rank, run in runs.items():
            start = time.process_time()
            for _ in range(each):
                next(run)
            seconds[rank].append(time.process_time() - start)
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
