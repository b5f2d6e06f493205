"""python -m scratchdiff sample: more points from a saved model."""
from contextlib import nullcontext

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.points_out import points_file
from scratchdiff.app.files.store import load_model
from scratchdiff.app.files.whole import expect_writable
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.signals import held
from scratchdiff.app.start import choose_sampler
from scratchdiff.app.trouble import advice, in_range


def sample(options):
    """Write points as they are made, so that memory does not grow with their number."""
    if options.out:
        expect_writable(options.out)
    model = load_model(options.model)
    choose_sampler(options, model)
    prompt = prompt_of(options, model)
    label = model.data.label and prompt and (*model.data.label, prompt)
    # A file appears whole or not at all. Standard output cannot, so there a signal need not wait.
    holding = held() if options.out else nullcontext(lambda: False)
    standard, done = model.data.standard, 0
    with (advice(model), holding as pressed, Progress(options.points) as progress,
          points_file(options.out, options.points, standard.center, standard.scale,
                      model.data.names, label) as write):
        for block in in_range(model, model.sample(options.points, options.seed, options.skip,
                                                  prompt, options.guidance or 0.0)):
            write(standard.back(block))
            done += len(block)
            progress.show(done, f"{done} of {options.points} points")
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
