"""python -m scratchdiff sample: more points from a saved model."""
from contextlib import nullcontext

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
    # A file appears whole or not at all. Standard output cannot, so there a signal need not wait.
    holding = held() if options.out else nullcontext(lambda: False)
    standard, done = model.data.standard, 0
    with (advice(model), holding as pressed, Progress(options.points) as progress,
          points_file(options.out, options.points, standard.center, standard.scale,
                      model.data.names) as write):
        for block in in_range(model, model.sample(options.points, options.seed, options.skip)):
            write(standard.back(block))
            done += len(block)
            progress.show(done, f"{done} of {options.points} points")
            if pressed():
                raise KeyboardInterrupt
