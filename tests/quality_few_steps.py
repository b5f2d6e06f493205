"""How good few steps are. By hand: python tests/quality_few_steps.py

It takes about six minutes. The first table has what the points of each walk miss, by the number of
its steps: on the circle the root mean square of radius - 1; elsewhere the energy distance to as
many real points, of which the expected distance of two real samples is a part. Chance moves it by
about as much. What the perfect denoiser's points miss is the walk's own error; what the network's
miss is both. The second table has bounds, and what five networks make of them.
"""
import sys
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import RECIPES, Model, Schedule, few_steps, sample, shape_data  # noqa: E402
from scratchdiff.app.distill import student_recipe, walks  # noqa: E402
from scratchdiff.diffusion.sampling import reverse_process  # noqa: E402
from scratchdiff.measure.energy import energy_distance, expected_energy_distance  # noqa: E402

import numpy as np  # noqa: E402

SCHEDULE = Schedule.linear()
STEPS = (50, 25, 10, 8, 5, 4, 3, 2, 1)
OF_SAMPLERS, OF_STUDENTS = (50, 25, 10, 5, 3, 1), (8, 4, 2, 1)
COUNTS = {"circle": 20_000, "moons": 5000, "spiral": 5000, "checkerboard": 2000}    # points
TIMED = 20_480


def taught(name, seed):
    """A model of the recipe that suits the shape."""
    model = Model.new(RECIPES["default" if name == "circle" else "sharp"], seed, shape_data(name))
    for _ in model.train():
        pass
    return model


def distilled(teacher, K):
    """The student that `python -m scratchdiff distill` makes of it."""
    pairs = np.concatenate(list(walks(teacher, K)))
    student = Model.new(student_recipe(teacher.recipe), teacher.seed, teacher.data, pairs=pairs)
    for _ in student.train():
        pass
    return student


def points_of(denoiser, sampler, n, dtype=np.float32, seed=11):
    rng = np.random.default_rng(seed)
    blocks = sample(denoiser, denoiser.schedule, n, 2, rng, sampler, dtype=dtype)
    return np.concatenate(list(blocks)).astype(np.float64)


def missed(name, points, seed=99):
    """What the table shows of these points."""
    if name == "circle":
        return float(np.sqrt(np.mean((np.hypot(*points.T) - 1) ** 2)))
    return energy_distance(points, real(name, seed))


def real(name, seed=99):
    return shape_data(name).real(COUNTS[name], np.random.default_rng(seed))


def row(name, of, walk, results):
    """results: steps -> what their points miss."""
    numbers = " ".join(f"{results[K]:.4f}" if K in results else 6 * " " for K in STEPS)
    print(f"{name:<13}{of:<9}{walk:<8}{numbers}".rstrip(), flush=True)


def table():
    header = " ".join(f"{K:>6}" for K in STEPS)
    print(f"{'shape':<13}{'denoiser':<9}{'walk':<8}{header}")
    for name in COUNTS:
        if name != "circle":
            row(name, "real", "points", {50: expected_energy_distance(real(name))})
        model = taught(name, 0)
        for of, denoiser, dtype in [("perfect", model.data.exact(SCHEDULE), np.float64),
                                    ("network", model.denoiser, np.float32)]:
            def results(walks):
                return {K: missed(name, points_of(denoiser, walk, COUNTS[name], dtype))
                        for K, walk in walks.items()}
            row(name, of, "ddpm", results({50: reverse_process}))
            for walk in ("ddim", "dpm"):
                row(name, of, walk, results({K: few_steps(walk, SCHEDULE, K) for K in OF_SAMPLERS}))
        students = {K: distilled(model, K) for K in OF_STUDENTS}
        row(name, "student", "ddim",
            {K: missed(name, points_of(students[K].denoiser, students[K].sampler, COUNTS[name]))
             for K in OF_STUDENTS})


def bounded(what, numbers, bound):
    """Print the median of some numbers beside their bound."""
    numbers = np.array(numbers)
    sign = "<=" if np.median(numbers) <= bound else " >"
    print(f"{what:<47}{np.median(numbers):.4f} {sign} {bound:.4f}   "
          f"({numbers.min():.4f} to {numbers.max():.4f})", flush=True)


def bounds(seeds=range(5)):
    print("\nmedian of five networks, and the smallest and the largest")

    def miss(name, models, walk=None, draws=1):
        """Of each model, the mean over several draws of points and of real points."""
        return np.array([np.mean([
            missed(name, points_of(model.denoiser, walk or model.sampler, COUNTS[name],
                                   seed=10 * i + k), 1000 + 10 * i + k) for k in range(draws)])
            for i, model in enumerate(models)])

    circle, moons = ([taught(name, seed) for seed in seeds] for name in ("circle", "moons"))
    few = {K: few_steps("dpm", SCHEDULE, K) for K in (10, 20)}
    bounded("circle, dpm, 10 steps", miss("circle", circle, few[10]), 0.004)
    bounded("circle, dpm, 20 steps", miss("circle", circle, few[20]), 0.0025)
    for K, bound in [(4, 0.007), (1, 0.015)]:
        students = [distilled(teacher, K) for teacher in circle]
        bounded(f"circle, student, {K} step{'s' * (K > 1)}", miss("circle", students), bound)
    bounded("moons, dpm, 10 steps, as a part of ddpm's 50",
            miss("moons", moons, few[10], 5) / miss("moons", moons, None, 5), 1.3)
    bounded("time of dpm's 10 steps, as a part of ddpm's 50",
            in_turn(partial(points_of, moons[0].denoiser, few[10], TIMED),
                    partial(points_of, moons[0].denoiser, reverse_process, TIMED)), 0.25)
    bounded("time of distilling, as a part of training",
            in_turn(partial(distilled, circle[0], 4), partial(taught, "circle", 0)), 3)


def in_turn(a, b, repeats=5):
    """The ratios of the seconds that a() and b() take, in alternation."""
    return [seconds(a) / seconds(b) for _ in range(repeats)]


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    table()
    bounds()
