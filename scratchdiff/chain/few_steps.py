"""Links of lesson 3: walks of few steps, the density, a student."""
from dataclasses import replace

import numpy as np

from scratchdiff.beyond.density import log_density
from scratchdiff.beyond.distillation import student_pairs, student_schedule
from scratchdiff.beyond.few_steps import ddim, ddim_step, dpm, few_levels
from scratchdiff.chain.link import Measured, distance, worst
from scratchdiff.chain.trained import trained
from scratchdiff.diffusion.sampling import reverse_step
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.experiment.model import Model
from scratchdiff.fast.inference import faster
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.shapes import SHAPES

# Seven clouds: their perfect denoiser bends the walks, and needs no training.
CENTRES = np.random.default_rng(5).standard_normal((7, 2))
WIDTH = 0.3


def ddim_is_reverse_step():
    """ddim_step with eta = 1 against reverse_step, from each level to the next, with the same z."""
    schedule = Schedule.linear()
    x, eps_hat, z = np.random.default_rng(0).standard_normal((3, 6, 2))
    return worst({f"from level {t}": distance(
        ddim_step(x, t, t - 1, eps_hat, z, schedule, eta=1.0),
        reverse_step(x, t, eps_hat, z, schedule)) for t in range(schedule.T)})


def ddim_keeps_the_noise():
    """Given the true noise, a step from any level to any other ends where add_noise puts x_0 there.

    The noise is the same at both levels, so this link needs no reference.
    """
    schedule = Schedule.linear()
    x0, eps = np.random.default_rng(0).standard_normal((2, 6, 2))
    points = [schedule.add_noise(x0, t, eps) for t in range(schedule.T)]
    points.append(x0)                   # so points[-1] is x0, at level -1
    misses = {}
    for t in range(0, schedule.T, 7):
        for to in range(-1, schedule.T):
            if to != t:
                reached = ddim_step(points[t], t, to, eps, 0.0, schedule)
                misses[f"from level {t} to level {to}"] = distance(reached, points[to])
    return worst(misses)


def dpm_with_one_guess_is_ddim():
    """dpm against ddim on walks of two steps.

    dpm extends a line through two guesses. In its first step it has only one guess, and in its last
    step it extends nothing. So on these walks dpm must do what ddim does.
    """
    clouds = ExactDenoiser(Schedule.linear(), CENTRES, WIDTH)
    schedule, x = clouds.schedule, np.random.default_rng(0).standard_normal((6, 2))
    misses = {}
    for t in range(1, schedule.T, 8):
        for to in range(0, t, 3):
            levels = [t, to, -1]
            ours = list(dpm(clouds, schedule, x, None, levels))
            theirs = list(ddim(clouds, schedule, x, None, levels))
            misses[f"on the levels {levels}"] = max(
                distance(a, b) for a, b in zip(ours, theirs, strict=True))
    return worst(misses)


def walks_have_their_order():
    """The order of a walk: twice as many steps divide the walk's error by 2^order.

    We go from 50 steps to 100, with perfect guesses. We take the end of dpm's walk in 800 steps for
    the truth. A walk down to the points and up again should end where it began.
    """
    x = np.random.default_rng(0).standard_normal((100, 2))
    truth = end_of_walk(dpm, 800, x)

    def error(sampler, steps):
        return end_of_walk(sampler, steps, x) - truth

    def error_of_return(sampler, steps):
        points = end_of_walk(sampler, steps, x)
        return end_of_walk(sampler, steps, points, up=True) - x

    misses = {}
    for what, error_of, sampler, order in [("ddim", error, ddim, 1), ("dpm", error, dpm, 2),
                                           ("ddim, down and up", error_of_return, ddim, 1)]:
        coarse, fine = (np.sqrt(np.mean(error_of(sampler, steps) ** 2)) for steps in (50, 100))
        power = np.log2(coarse / fine)
        misses[f"{what}: its order is {power:.2f}, not {order}"] = abs(power - order)
    return worst(misses)


def end_of_walk(sampler, steps, x, up=False):
    """Where a walk from x ends, down to the least noisy level, or up to the noisiest level."""
    half_log_snrs = np.linspace(4.6, -1.3, steps + 1)           # evenly spaced, as dpm wants
    schedule = Schedule.of_alpha_bars(1 / (1 + np.exp(-2 * half_log_snrs)))
    levels = list(range(steps + 1))
    clouds = ExactDenoiser(schedule, CENTRES, WIDTH)
    *_, points = sampler(clouds, schedule, x, None, levels if up else levels[::-1])
    return points


def density_is_perfect():
    """The walk's log density against the perfect log density: the mean of 200 points at level 0.

    The unit is a bit per coordinate.
    """
    schedule, misses = Schedule.linear(), {}
    for name in ("circle", "gaussians"):
        shape, rng = SHAPES[name], np.random.default_rng(0)
        exact = ExactDenoiser(schedule, shape.grid, shape.standard_width)
        x0 = shape.draw(200, rng)
        x = schedule.add_noise(x0, 0, rng.standard_normal(x0.shape))
        bits = (log_density(Probed(exact), schedule, x) - exact.log_density(x, 0)) / np.log(2) / 2
        misses[f"the {name}"] = abs(bits.mean())
    return worst(misses)


class Probed:
    """The perfect denoiser (measure/exact.py) with a backward pass, by finite differences.

    Its eps_hat is the slope of log p, times a number. So J, the slopes of eps_hat, is a matrix of
    second derivatives, which is symmetric. backward should return deps J, and that is J deps: how
    eps_hat changes if x_t moves along deps.
    """

    def __init__(self, exact):
        self.exact, self.schedule = exact, exact.schedule

    def __call__(self, xt, t):
        self.xt, self.t = xt, t
        return self.exact(xt, t)

    def backward(self, deps):
        step = 1e-4 * np.sqrt(1 - self.schedule.alpha_bars[self.t])         # in noise widths
        after = self.exact(self.xt + step * deps, self.t)
        before = self.exact(self.xt - step * deps, self.t)
        return (after - before) / (2 * step)


def students_walk_is_the_teachers():
    """If a student returns its targets, each of its steps ends where its teacher's stretch ends.

    The student returns a target only for the point that the target was made for.
    """
    teacher = ExactDenoiser(Schedule.linear(), CENTRES, WIDTH)
    schedule, x = teacher.schedule, np.random.default_rng(0).standard_normal((20, 2))
    misses = {}
    for K in (1, 2, 4, 8):
        pairs = student_pairs(teacher, schedule, K, x)          # (20, K, 2, 2)
        walk = list(dpm(teacher, schedule, x, None, few_levels(schedule, 16)))
        each = 16 // K                                          # the teacher's steps in a stretch
        ends = walk[each - 1::each]

        def student(xt, t):
            point, target = pairs[:, t, 0], pairs[:, t, 1]
            return target if np.allclose(xt, point, atol=1e-8) else 0 * xt

        ours = ddim(student, student_schedule(schedule, K), x, None)
        for k, (a, b) in enumerate(zip(ours, ends, strict=True), 1):
            misses[f"after step {k} of {K}"] = distance(a, b)
    return worst(misses)


def student_radius(walks=3 * 2048):
    """The root mean square of radius - 1 for a student of one step, after a short training."""
    teacher = trained()
    noise = np.random.default_rng(1).standard_normal((walks, 2), np.float32)
    pairs = student_pairs(faster(teacher.denoiser, walks), teacher.denoiser.schedule, 1, noise)
    recipe = replace(teacher.recipe, steps=1500, batch_size=128, lr=4e-2, antithetic=False,
                     levels="even")
    student = Model.new(recipe, 0, teacher.data, pairs=pairs)
    for _ in student.train():
        pass
    radius = np.hypot(*np.concatenate(list(student.sample(4096))).T)
    return Measured(np.sqrt(np.mean((radius - 1) ** 2)))
