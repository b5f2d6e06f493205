"""python -m scratchdiff sample: make more points, or paint more clocks, with a saved model."""
from contextlib import nullcontext

import numpy as np

from scratchdiff.app.clock import sample_clock
from scratchdiff.app.errors import CommandError, one_line
from scratchdiff.app.files.clocks import is_clock
from scratchdiff.app.files.points_out import points_file
from scratchdiff.app.files.store import load_model
from scratchdiff.app.files.whole import expect_writable, write_text
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.show.scatter import DRAWN, scatter
from scratchdiff.app.signals import held
from scratchdiff.app.start import choose_sampler
from scratchdiff.app.trouble import advice, in_range
from scratchdiff.fast.streams import REPORT


def sample(options):
    """Paint clocks or make points, whichever the saved model does."""
    if is_clock(options.model):
        expect_unused(options, ["points", "out", "skip"], "points", "a clock")
        sample_clock(options)
    else:
        for path in filter(None, (options.out, options.picture)):
            expect_writable(path)
        model = load_model(options.model)
        expect_unused(options, ["animate"], "a clock", "not one")
        sample_points(options, model)


def expect_unused(options, flags, meant, loaded):
    """CommandError if one of these flags was typed, because they are for another kind of model."""
    for flag in flags:
        if getattr(options, flag) is not None:
            raise CommandError(f"--{flag} is for {meant}, and {options.model} is {loaded}")


def sample_points(options, model):
    """Write points as they are made, so that memory does not grow with their number."""
    n, skip = options.points or 500, options.skip or 0
    choose_sampler(options, model)
    prompt = prompt_of(options, model)
    label = model.data.label_column and prompt and (*model.data.label_column, prompt)
    # A file appears whole or not at all, so a signal waits. Standard output cannot be taken back.
    holding = held() if options.out else nullcontext(lambda: False)
    standard, done, drawn = model.data.standard, 0, []
    with (advice(model), holding as pressed, Progress(n) as progress,
          points_file(options.out, n, standard.center, standard.scale, model.data.names,
                      label) as write):
        for block in in_range(model, model.sample(n, options.seed, skip, prompt,
                                                  options.guidance or 0.0)):
            points = standard.back(block)
            write(points)
            if options.picture and done < DRAWN:
                drawn.append(points)
            done += len(block)
            progress.show(done, f"{done} of {n} points")
            if pressed():
                raise KeyboardInterrupt
    if options.picture:
        draw(options, model, np.concatenate(drawn)[:DRAWN], prompt)


def draw(options, model, points, prompt):
    """Draw the points on real points. If there is a prompt, the real points have that label."""
    data, rng = model.data, model.stream(model.seed, REPORT)
    real = data.draw(DRAWN, rng)
    if prompt:
        real = data.real_with_label(data.labels.index(prompt), DRAWN, rng)
    caption = [f"{len(points)} generated points"]
    if prompt:
        caption.append(f"prompt: {one_line(prompt)}")
    write_text(options.picture, scatter(data.standard.back(real), points, caption, data.names))


def prompt_of(options, model):
    """The label that --prompt asks for, or None. CommandError if the model does not know it."""
    if not options.prompt:
        if options.guidance is not None:
            raise CommandError("--guidance needs --prompt")
        return None
    if not model.data.labels:
        raise CommandError(f"{options.model} knows no prompts: train it with --label NAME")
    if len(options.prompt) > 1:
        raise CommandError('one prompt at a time, in quotes if it has several words: '
                           f'--prompt "{" ".join(options.prompt)}"')
    prompt = " ".join(options.prompt[0].split())
    try:
        model.data.rows([prompt])
    except ValueError as error:
        raise CommandError(str(error)) from None
    return prompt
