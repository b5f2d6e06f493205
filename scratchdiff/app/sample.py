"""python -m scratchdiff sample: more points from a saved model, or more clocks from a saved one."""
from contextlib import nullcontext

from scratchdiff.app.clock import sample_clock
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.clocks import is_clock
from scratchdiff.app.files.points_out import points_file
from scratchdiff.app.files.store import load_model
from scratchdiff.app.files.whole import expect_writable
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.signals import held
from scratchdiff.app.start import choose_sampler
from scratchdiff.app.trouble import advice, in_range


def sample(options):
    """Paint with a saved clock, or make points with a saved model."""
    if is_clock(options.model):
        expect_unused(options, ["points", "out", "skip"], "points", "a clock")
        sample_clock(options)
    else:
        if options.out:
            expect_writable(options.out)
        model = load_model(options.model)
        expect_unused(options, ["picture", "animate"], "a clock", "not one")
        sample_points(options, model)


def expect_unused(options, flags, meant, loaded):
    """CommandError if one of these flags was typed: it is meant for another kind of model."""
    for flag in flags:
        if getattr(options, flag) is not None:
            raise CommandError(f"--{flag} is for {meant}, and {options.model} is {loaded}")


def sample_points(options, model):
    """Write points as they are made, so that memory does not grow with their number."""
    n, skip = options.points or 500, options.skip or 0
    choose_sampler(options, model)
    prompt = prompt_of(options, model)
    label = model.data.label and prompt and (*model.data.label, prompt)
    # A file appears whole or not at all. Standard output cannot, so there a signal need not wait.
    holding = held() if options.out else nullcontext(lambda: False)
    standard, done = model.data.standard, 0
    with (advice(model), holding as pressed, Progress(n) as progress,
          points_file(options.out, n, standard.center, standard.scale, model.data.names,
                      label) as write):
        for block in in_range(model, model.sample(n, options.seed, skip, prompt,
                                                  options.guidance or 0.0)):
            write(standard.back(block))
            done += len(block)
            progress.show(done, f"{done} of {n} points")
            if pressed():
                raise KeyboardInterrupt


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
