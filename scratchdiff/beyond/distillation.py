"""Distillation: a student learns to take in one step what its teacher takes in many.

Without fresh noise the teacher's walk is a map from noise to points. Cut the walk into K stretches,
and let the student learn where each one ends. (Salimans & Ho 2022 halve the number of steps again
and again. Learning from the whole walk at once is shorter and cheaper.)

A step of DDIM is x' = A x + B eps. So exactly one eps leads from the start x of a stretch to its
end x':
    eps = (x' - A x) / B
With that as its target, a student is an ordinary denoiser: the same loop trains it, and plain
`ddim` is its walk. Its schedule has only the K levels where its steps begin.

    schedule = student_schedule(teacher.schedule, K)
    student = Denoiser(network, schedule, "v")                          # network: a new one
    pairs = student_pairs(teacher, teacher.schedule, K, noise)          # 20,000 rows will do
    for step, loss in train(student, adam, student_batches(pairs, rng), steps, lr): ...
    for x in ddim(student, schedule, noise, rng): ...                   # K steps

On the circle, the root mean square of radius - 1 is 0.002 to 0.003 for four steps and 0.005 to
0.009 for one: medians of five students (tests/quality_few_steps.py), and chance moves them so much.
The tutorial's fifty steps reach 0.112.
`python -m scratchdiff distill` does all of this.
"""
import numpy as np

from scratchdiff.beyond.few_steps import ddim_step, dpm, few_levels
from scratchdiff.diffusion.schedule import Schedule

TEACHER_STEPS = 16      # or K, if that is more; with 24 or 48 the students were no better


def student_schedule(schedule, K):
    """A Schedule of the K levels that a student knows. It counts them from 0 to K - 1.

    `schedule` is the teacher's. Raises ValueError if K is not from 1 to its T.
    """
    levels, _ = stretches(schedule, K)
    return Schedule.of_alpha_bars(schedule.alpha_bars[levels[-2::-1]])      # (K,), without -1


def student_pairs(teacher, schedule, K, x):
    """What a student sees at each of its levels, and what it should say: pairs (n, K, 2, d).

    pairs[:, t, 0] is x_t, and pairs[:, t, 1] is the target. The teacher, any denoiser, walks by dpm
    from x (n, d), standard normal noise. `schedule` is the teacher's.
    """
    levels, each = stretches(schedule, K)
    walk = [x, *dpm(teacher, schedule, x, None, few_levels(schedule, K * each))][::each]
    pairs = []
    for t, to, xt, x_to in zip(levels, levels[1:], walk, walk[1:]):
        A_x = ddim_step(xt, t, to, 0.0, 0.0, schedule)          # the step for eps = 0,
        B = ddim_step(0.0, t, to, 1.0, 0.0, schedule)           # and for x = 0, eps = 1
        pairs.append(np.stack([xt, (x_to - A_x) / B], axis=1))              # (n, 2, d)
    return np.stack(pairs[::-1], axis=1)


def stretches(schedule, K):
    """The K + 1 levels between which the student steps, and how many dpm steps fill each step."""
    each = max(1, min(TEACHER_STEPS, schedule.T) // max(1, K))
    return few_levels(schedule, K * each)[::each], each


def student_batches(pairs, rng, batch_size=256, *given):
    """Yield batches (xt, t, target, *given) of pairs (n, K, 2, d), without end, for `train`."""
    while True:
        yield student_points(pairs, batch_size, rng, *given)


def student_points(pairs, shape, rng, *given):
    """Random pairs of random levels: xt (*shape, d), t (*shape) and target (*shape, d).

    After them come the same rows of each array in `given`, such as the walks' prompts.
    """
    rows, t = (rng.integers(count, size=shape) for count in pairs.shape[:2])
    pair = pairs[rows, t]                                                   # (*shape, 2, d)
    return pair[..., 0, :], t, pair[..., 1, :], *(array[rows] for array in given)
