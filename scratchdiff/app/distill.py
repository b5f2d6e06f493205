"""python -m scratchdiff distill: a student that takes few steps, taught by a saved model."""
from dataclasses import replace

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.clocks import is_clock
from scratchdiff.app.files.store import expect_loadable, load_model
from scratchdiff.app.files.whole import expect_writable, real_path
from scratchdiff.app.finetune import described
from scratchdiff.app.run import train
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.show.report import COMPARED, figures
from scratchdiff.app.signals import held
from scratchdiff.app.start import changed, untrained
from scratchdiff.app.trouble import advice, in_range
from scratchdiff.beyond.distillation import stretches, student_pairs
from scratchdiff.beyond.guidance import Guided
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.blocks import BLOCK
from scratchdiff.fast.inference import faster
from scratchdiff.fast.streams import PAIRS, stream

BLOCKS = 10             # of 2048 walks each; with 50,000 walks, students were no better
MOST = 2 ** 26          # bytes of pairs, so that the student's file can be read again


def distill(options):
    """Let the teacher walk, train a student on the walks, and print the figures of both."""
    expect_writable(options.save)
    if is_clock(options.model):
        raise CommandError(f"{options.model} is a clock, and distill is for models of points "
                           "(beyond/latent/student.py has a student of the clock)")
    teacher, K = load_model(options.model), options.sampler_steps
    expect_possible(options, teacher)
    recipe = changed(student_recipe(teacher.recipe), options)
    with advice(teacher):
        shown = shown_figures("teacher", teacher)       # first, so that a broken teacher stops here
        pairs = watched_walks(options, teacher, K)
    student = untrained(recipe, teacher.seed, teacher.data, pairs=pairs)
    student.made_from = described(options.model, teacher)
    expect_loadable(student)
    with advice(student):
        train(options, student)
        print(*shown_figures("student", student), *shown, sep="\n")


def expect_possible(options, teacher):
    """CommandError if this teacher, or this number of steps, cannot give a student."""
    T = teacher.denoiser.schedule.T
    if teacher.pairs is not None:
        raise CommandError(f"{options.model} is a student itself: distill its teacher")
    if options.sampler_steps > T:
        raise CommandError(f"--sampler-steps must be from 1 to {T}, got {options.sampler_steps}")
    if real_path(options.save) == real_path(options.model):
        raise CommandError("the student would replace its teacher: --save it in another file")


def student_recipe(recipe):
    """The recipe of a student: a network like the teacher's, and settings that suit pairs.

    Measured for a student of one step on the circle: the root mean square of radius - 1, median of
    three networks. With lr 0.015, it is 0.0071 after 2500 steps, 0.0063 after 3500, and 0.0045
    after 5000. With lr 0.02, it is 0.0059 after 3000 steps. If the student starts with the
    teacher's parameters, the result is worse (0.047).
    """
    return replace(RECIPES["sharp"], hidden=recipe.hidden, activation=recipe.activation,
                   waves=recipe.waves, schedule=recipe.schedule, steps=3000, antithetic=False,
                   levels="even")


def watched_walks(options, teacher, K):
    """The pairs for a student of K steps, (m, K, 2, d), with a progress line."""
    _, each = stretches(teacher.denoiser.schedule, K)
    blocks = []
    with held() as pressed, Progress(BLOCKS) as progress:
        for pairs in walks(teacher, K):
            blocks.append(pairs)
            progress.show(len(blocks), f"the teacher walks, block {len(blocks)} of {BLOCKS}")
            if pressed():
                raise KeyboardInterrupt
    pairs = np.concatenate(blocks)
    if not options.quiet:
        print(f"the teacher has walked {len(pairs)} times, in {K * each} steps", flush=True)
    return pairs


def walks(teacher, K):
    """Yield the pairs of a student of K steps block by block, (m, K, 2, d) float32 each."""
    schedule, d = teacher.denoiser.schedule, teacher.data.d
    rng, fast = teacher.stream(teacher.seed, PAIRS), faster(teacher.denoiser, BLOCK)
    rows = min(BLOCK, MOST // (BLOCKS * K * 2 * d * 4))         # fewer, if points are very wide
    for block in range(BLOCKS):
        noise = stream(rng, block).standard_normal((BLOCK, d), np.float32)
        prompts = teacher.data.prompts_of_walks(np.arange(block * rows, block * rows + BLOCK))
        asked = Guided(fast, prompts, 0.0) if teacher.data.labels else fast
        yield student_pairs(asked, schedule, K, noise)[:rows]


def shown_figures(name, model):
    """Two lines of text: the model's name and steps, and the figures of its points."""
    blocks = in_range(model, model.sample(COMPARED))
    points = np.concatenate(list(blocks))
    T = model.denoiser.schedule.T
    results = figures(model, points, COMPARED)
    return [f"the {name}, {T} step{'s' * (T != 1)}:",
            "  " + ", ".join(f"{figure} {value}" for figure, value, _ in results)]
