"""The student: it paints a clock with a single call of the network. Its teacher needs a hundred.

To paint, the teacher takes fifty steps, with two calls in each, because guidance needs two guesses.
To teach, it takes 16 steps of dpm. The student learns as in distillation.py, but with prompts. For
each prompt, the guided teacher walks from noise, and the student learns where each stretch of the
walk leads. The student sees the prompt too, and it learns guidance as part of the walk. So
it paints with w = 0 (Meng et al. 2023, "On distillation of guided diffusion models").

    student = new_student(teacher, K, rng)                              # K steps
    for step, loss in train_student(student, teacher, prompts, rng): ...
    pictures = student.paint(["ten past three"], rng, 0.0, ddim)        # w = 0

Training needs noise and prompts, but no pictures and no codes.

Measured with seed 0 (tests/quality_clock.py). A clock counts as right if it is within five minutes.
The residual is the median, divided by the median residual of clocks that the autoencoder rebuilds.

                                   right   residual
    the teacher, fifty steps       100 %       1.41
    the teacher, dpm, four steps    95 %       2.38
    the teacher, dpm, one step      65 %      10.63
    a student, one step            100 %       1.45
"""
import numpy as np

from scratchdiff.beyond.distillation import student_batches, student_pairs, student_schedule
from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.latent.diffusion import BATCH, LR, LatentDiffusion
from scratchdiff.diffusion.training import train
from scratchdiff.nn.adam import Adam

STEPS = 3000
WALKS = 100             # walks of the teacher for each prompt


def new_student(teacher, K, rng):
    """An untrained LatentDiffusion like the teacher, but its denoiser knows only K levels."""
    hidden = teacher.denoiser.network.widths[1:-1]
    schedule = student_schedule(teacher.denoiser.schedule, K)
    return LatentDiffusion(teacher.autoencoder, teacher.vocabulary, rng, hidden, schedule=schedule)


def train_student(student, teacher, prompts, rng, w=1.0, steps=STEPS):
    """Learn the teacher's walks with guidance w; yield (step, loss).

    The loss is the mean of (eps_hat - target)^2, with the targets of distillation.student_pairs.

    prompts : list of str, all the prompts that the student is to know
    """
    c = np.tile(teacher.vocabulary.rows(prompts), (WALKS, 1))           # (n, columns)
    noise = rng.standard_normal((len(c), teacher.autoencoder.d), c.dtype)
    guided = Guided(teacher.denoiser, c, w)
    denoiser, network = student.denoiser, student.denoiser.network
    pairs = student_pairs(guided, guided.schedule, denoiser.schedule.T, noise)      # (n, K, 2, d)
    adam = Adam(network.params, network.grads)
    batches = student_batches(pairs, rng, BATCH, c)
    yield from train(denoiser, adam, batches, steps, lambda step: LR * (1 - step / steps))
