"""How good few steps are. By hand: python tests/quality_few_steps.py

It takes about ten minutes. The first table has what the points of each walk miss, by the number of
its steps: on the circle the root mean square of radius - 1, over 20,000 points; elsewhere the
energy distance between 5000 points and 5000 real ones. What the perfect denoiser's points miss is
the walk's own error; what the network's miss is both. The second table is what was promised.
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
SHAPES = ("circle", "moons", "spiral", "checkerboard")


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


def count(name):
    return 20_000 if name == "circle" else 5000


def missed(name, points):
    if name == "circle":
        return float(np.sqrt(np.mean((np.hypot(*points.T) - 1) ** 2)))
    return energy_distance(points, real(name))


def real(name):
    return shape_data(name).real(count(name), np.random.default_rng(99))


def row(name, of, walk, results):
    """results: steps -> what their points miss."""
    numbers = " ".join(f"{results[K]:.4f}" if K in results else 6 * " " for K in STEPS)
    print(f"{name:<13}{of:<9}{walk:<8}{numbers}".rstrip(), flush=True)


def table():
    header = " ".join(f"{K:>6}" for K in STEPS)
    print(f"{'shape':<13}{'denoiser':<9}{'walk':<8}{header}")
    for name in SHAPES:
        if name != "circle":
            row(name, "real", "points", {50: expected_energy_distance(real(name))})
        model = taught(name, 0)
        for of, denoiser, dtype in [("perfect", model.data.exact(SCHEDULE), np.float64),
                                    ("network", model.denoiser, np.float32)]:
            def results(walks):
                return {K: missed(name, points_of(denoiser, walk, count(name), dtype))
                        for K, walk in walks.items()}
            row(name, of, "ddpm", results({50: reverse_process}))
            for walk in ("ddim", "dpm"):
                row(name, of, walk, results({K: few_steps(walk, SCHEDULE, K) for K in OF_SAMPLERS}))
        students = {K: distilled(model, K) for K in OF_STUDENTS}
        row(name, "student", "ddim",
            {K: missed(name, points_of(students[K].denoiser, students[K].sampler, count(name)))
             for K in OF_STUDENTS})


def promise(what, numbers, bound):
    numbers = np.array(numbers)
    print(f"{what:<47}{np.median(numbers):.4f} <= {bound:.4f}   "
          f"({numbers.min():.4f} to {numbers.max():.4f})", flush=True)


def promises(seeds=range(5)):
    print("\nmedian of five networks, and the smallest and the largest")
    teachers = [taught("circle", seed) for seed in seeds]
    for K, bound in [(10, 0.004), (20, 0.0025)]:
        walk = few_steps("dpm", SCHEDULE, K)
        promise(f"circle, dpm, {K} steps",
                [missed("circle", points_of(model.denoiser, walk, 20_000)) for model in teachers],
                bound)
    for K, bound in [(4, 0.007), (1, 0.015)]:
        students = [distilled(teacher, K) for teacher in teachers]
        promise(f"circle, student, {K} step{'s' * (K > 1)}",
                [missed("circle", points_of(model.denoiser, model.sampler, 20_000))
                 for model in students], bound)
    moons = [taught("moons", seed).denoiser for seed in seeds]
    few = few_steps("dpm", SCHEDULE, 10)
    promise("moons, dpm, 10 steps, as a part of ddpm's 50",
            [missed("moons", points_of(denoiser, few, 5000))
             / missed("moons", points_of(denoiser, reverse_process, 5000)) for denoiser in moons],
            1.3)
    promise("time of dpm's 10 steps, as a part of ddpm's 50",
            in_turn(partial(points_of, moons[0], few, 20_480),
                    partial(points_of, moons[0], reverse_process, 20_480)), 0.25)
    promise("time of distilling, as a part of training",
            in_turn(partial(distilled, teachers[0], 4), partial(taught, "circle", 0)), 3)


def in_turn(a, b, repeats=5):
    """The ratios of the seconds that a() and b() take, in alternation."""
    return [seconds(a) / seconds(b) for _ in range(repeats)]


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    table()
    promises()
