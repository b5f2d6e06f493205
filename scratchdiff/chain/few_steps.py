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

CENTRES = np.random.default_rng(5).standard_normal((7, 2))      # of seven clouds, of width 0.3


def ddim_is_reverse_step():
    """With eta = 1, from each level to the next, with the same fresh noise z."""
    schedule = Schedule.linear()
    x, eps_hat, z = np.random.default_rng(0).standard_normal((3, 6, 2))
    return worst({f"from level {t}": distance(
        ddim_step(x, t, t - 1, eps_hat, z, schedule, eta=1.0),
        reverse_step(x, t, eps_hat, z, schedule)) for t in range(schedule.T)})


def ddim_keeps_the_noise():
    """No twin: given the true noise, a step leads to the same point at the other level."""
    schedule = Schedule.linear()
    x0, eps = np.random.default_rng(0).standard_normal((2, 6, 2))
    points = [*(schedule.add_noise(x0, t, eps) for t in range(schedule.T)), x0]     # x0 is -1
    return worst({f"from level {t} to level {to}": distance(
        ddim_step(points[t], t, to, eps, 0.0, schedule), points[to])
        for t in range(0, schedule.T, 7) for to in range(-1, schedule.T) if to != t})


def dpm_with_one_guess_is_ddim():
    """One step down, and then the last one: no line through two guesses is drawn."""
    clouds = ExactDenoiser(Schedule.linear(), CENTRES, width=0.3)
    x = np.random.default_rng(0).standard_normal((6, 2))
    misses = {}
    for t in range(1, clouds.schedule.T, 8):
        for to in range(0, t, 3):
            levels = [t, to, -1]
            walks = (sampler(clouds, clouds.schedule, x, None, levels) for sampler in (dpm, ddim))
            misses[f"on the levels {levels}"] = max(
                distance(ours, theirs) for ours, theirs in zip(*walks, strict=True))
    return worst(misses)


def walks_have_their_order():
    """By which power of the step the error falls: from 50 steps to 100, with perfect guesses.

    The error of a walk down is its distance from 800 steps of dpm; that of a walk down and up
    again, its distance from where it began.
    """
    x = np.random.default_rng(0).standard_normal((100, 2))

    def end(sampler, steps, x=x, up=False):
        alpha_bars = 1 / (1 + np.exp(-2 * np.linspace(4.6, -1.3, steps + 1)))   # even log-SNRs
        schedule = Schedule.of_alpha_bars(alpha_bars)
        clouds, levels = ExactDenoiser(schedule, CENTRES, 0.3), range(steps + 1)
        *_, points = sampler(clouds, schedule, x, None, levels if up else levels[::-1])
        return points

    true, misses = end(dpm, 800), {}
    for what, error, order in [("ddim", lambda n: end(ddim, n) - true, 1),
                               ("dpm", lambda n: end(dpm, n) - true, 2),
                               ("ddim, down and up", lambda n: end(ddim, n, end(ddim, n), True) - x,
                                1)]:
        coarse, fine = (np.sqrt(np.mean(error(n) ** 2)) for n in (50, 100))
        power = np.log2(coarse / fine)
        misses[f"{what}: its order is {power:.2f}, not {order}"] = abs(power - order)
    return worst(misses)


def density_is_perfect():
    """The mean over 200 points of level 0, in bits per coordinate."""
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
    """A student that says its targets. Each of its K steps ends where the teacher's stretch does.

    It may look at its own points only: if they are not those of the pairs, it says nothing.
    """
    teacher = ExactDenoiser(Schedule.linear(), CENTRES, width=0.3)
    schedule, x = teacher.schedule, np.random.default_rng(0).standard_normal((20, 2))
    misses = {}
    for K in (1, 2, 4, 8):
        pairs = student_pairs(teacher, schedule, K, x)
        walk = list(dpm(teacher, schedule, x, None, few_levels(schedule, 16)))
        theirs = walk[16 // K - 1::16 // K]

        def told(xt, t):
            return pairs[:, t, 1] if np.allclose(xt, pairs[:, t, 0], atol=1e-8) else 0 * xt

        ours = ddim(told, student_schedule(schedule, K), x, None)
        for k, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
            misses[f"after step {k} of {K}"] = distance(a, b)
    return worst(misses)


def student_radius(walks=3 * 2048):
    """A student of one step, which the trained network has taught: a short training."""
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
