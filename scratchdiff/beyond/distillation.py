"""Distillation: a student learns to take in one step what its teacher takes in many.

Without fresh noise, the teacher's walk is a map from noise to points. Cut the walk into K
stretches, and teach the student where each stretch ends. For given noise the end is a single point,
not an average of many. That is why one step can be enough. (Salimans & Ho 2022 halve the number of
steps again and again, each time with a new student. Here a single student is enough.)

A step of DDIM is linear in the point x and in the noise eps. With the letters of few_steps.py,
    x' = (a'/a) x + (s' - a' s/a) eps
The factor of eps, a' (s'/a' - s/a), is not 0, because s/a differs from level to level. So exactly
one eps leads from the start x of a stretch to its end x':
    eps = (x' - (a'/a) x) / (s' - a' s/a)
This eps is the student's target. So the student is an ordinary denoiser: the same loop trains it,
and plain `ddim` is its walk. Its schedule has only the K levels where its steps begin.

    student = Denoiser(network, student_schedule(teacher.schedule, K), "v")     # a fresh network
    pairs = student_pairs(teacher, teacher.schedule, K, noise)          # 20,000 rows will do
    for step, loss in train(student, adam, student_batches(pairs, rng), steps, lr): ...
    for x in ddim(student, student.schedule, noise, rng): ...           # K steps

`python -m scratchdiff distill` does all of this.

Measured on the circle: the root mean square of radius - 1, the median of five students. The ranges
show how far chance moves this median (tests/quality_few_steps.py).

    a student, four steps          0.002 to 0.003
    a student, one step            0.005 to 0.009
    the tutorial, fifty steps      0.112
"""
import numpy as np

from scratchdiff.beyond.few_steps import ddim_step, dpm, few_levels
from scratchdiff.diffusion.schedule import Schedule

TEACHER_STEPS = 16      # of the teacher's walk, or K if K is more. 24 or 48 were no better


def student_schedule(schedule, K):
    """A Schedule of the K levels that a student knows. The student counts them from 0 to K - 1.

    `schedule` is the teacher's. Of the tutorial's 50 levels, a student with K = 4 knows 49, 20, 7
    and 3, where its steps begin. It calls these levels 3, 2, 1 and 0.

    Raises ValueError if K is not from 1 to the teacher's T.
    """
    levels, _ = stretches(schedule, K)
    begins = levels[:-1]                                        # K levels, the noisiest first
    return Schedule.of_alpha_bars(schedule.alpha_bars[begins[::-1]])


def student_pairs(teacher, schedule, K, x):
    """What a student sees at each of its levels, and its target there: pairs (n, K, 2, d).

    At the student's level t, the points are pairs[:, t, 0], and their targets are pairs[:, t, 1].
    The teacher, any denoiser, walks by dpm from x (n, d), standard normal noise. `schedule` is the
    teacher's.
    """
    levels, steps_each = stretches(schedule, K)
    walk = [x, *dpm(teacher, schedule, x, None, few_levels(schedule, K * steps_each))]
    ends = walk[::steps_each]                                   # x at each of `levels`
    pairs = []
    for t, to, xt, x_to in zip(levels, levels[1:], ends, ends[1:]):
        x_part = ddim_step(xt, t, to, 0.0, 0.0, schedule)           # eps = 0 leaves (a'/a) x
        eps_factor = ddim_step(0.0, t, to, 1.0, 0.0, schedule)      # x = 0, eps = 1: s' - a' s/a
        target = (x_to - x_part) / eps_factor
        pairs.append(np.stack([xt, target], axis=1))            # (n, 2, d)
    return np.stack(pairs[::-1], axis=1)                        # the least noisy level first


def stretches(schedule, K):
    """Where a student steps: K + 1 levels, and the number of dpm steps from each to the next.

    All stretches have the same number of steps. So for K = 3 the teacher takes 3 times 5 = 15
    steps, not 16.
    """
    steps_each = max(1, min(TEACHER_STEPS, schedule.T) // max(1, K))    # few_levels refuses K = 0
    return few_levels(schedule, K * steps_each)[::steps_each], steps_each


def student_batches(pairs, rng, batch_size=256, *given):
    """Yield batches (xt, t, target, *given) of pairs (n, K, 2, d), without end, for `train`."""
    while True:
        yield student_points(pairs, batch_size, rng, *given)


def student_points(pairs, shape, rng, *given):
    """Random pairs of random levels: xt (*shape, d), t (*shape) and target (*shape, d).

    After them come the same rows of each array in `given`, such as the prompts of the walks.
    """
    rows = rng.integers(len(pairs), size=shape)
    t = rng.integers(pairs.shape[1], size=shape)
    pair = pairs[rows, t]                                       # (*shape, 2, d)
    xt, target = pair[..., 0, :], pair[..., 1, :]
    return xt, t, target, *[array[rows] for array in given]
