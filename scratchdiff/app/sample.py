"""python -m scratchdiff sample: more points from a model that was kept."""
from scratchdiff.app.files.whole import expect_writable
from scratchdiff.app.files.points import points_file
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.files.store import load_model


def sample(options):
    """Write points to a file, or to standard output, as they are made: memory does not grow with their number."""
    if options.out:
        expect_writable(options.out)
    model = load_model(options.model)
    done = 0
    with Progress(options.points) as progress, points_file(options.out, options.points, model.data.d) as write:
        for block in model.sample(options.points, options.seed, options.skip):
            write(model.data.standard.back(block))
            done += len(block)
            progress.show(done, f"{done} of {options.points} points")
