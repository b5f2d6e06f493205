"""python -m scratchdiff: train on points, generate, report."""
import os
import signal
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np

from scratchdiff.app.show import braille
from scratchdiff.experiment.data import OWN, own_data, shape_data
from scratchdiff.app.errors import INTERRUPTS, CommandError, one_line
from scratchdiff.app.files.whole import expect_writable, real_path, write_text
from scratchdiff.experiment.model import Diverged, Model
from scratchdiff.fast.streams import REPORT, SPLIT
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.app.show.progress import Progress
from scratchdiff.experiment.recipe import RECIPES, shown
from scratchdiff.app.show.report import COMPARED, could_be_lines, figures, loss_parts


def run(options):
    """Train, generate, report; save and draw what was asked for."""
    expect_consistent(options)
    model = new(options) if options.resume is None else resumed(options)
    points = np.empty((max(options.points, COMPARED), model.data.d), np.float32)    # too many are refused before the work

    def save():
        from scratchdiff.app.files.store import save_model
        save_model(options.save, model)

    def after_step(steps):
        if options.save_every and steps % options.save_every == 0:
            save()
    with interrupts_held() as pressed:
        train_and_tell(model, options.quiet, after_step, pressed)
        if options.save:
            save()
        if pressed() and options.save:
            raise KeyboardInterrupt(f"after {model.adam.k} steps, saved in {options.save}; "
                                    f"go on with --resume {options.save} --save {options.save}")
        if pressed():
            raise KeyboardInterrupt

    generate(model, points)
    result = figures(model, points, options.points)
    print(f"generated {options.points} point{'s' * (options.points != 1)}")
    print(*(f"{name} = {value} ({meaning})" for name, value, meaning in result), sep="\n")
    parts = loss_parts(model) if options.loss_curve or not options.quiet else None
    if parts and not options.quiet:
        print(*could_be_lines(model, points[:options.points], parts), sep="\n")
    if options.picture or options.loss_curve:
        draw(options, model, points[:options.points], result, parts)
    if not options.quiet:
        braille.show(model.data.standard.back(points[:options.points]))


def expect_consistent(options):
    """Raise CommandError now for what could only fail, or be overwritten, after all the work."""
    for flag, needs in [("save_every", "save"), ("animate", "picture")]:
        if getattr(options, flag) and not getattr(options, needs):
            raise CommandError(f"--{flag.replace('_', '-')} needs --{needs} FILE")
    for path in filter(None, (options.save, options.picture, options.loss_curve)):
        expect_writable(path)
    if options.picture and options.loss_curve and real_path(options.picture) == real_path(options.loss_curve):
        raise CommandError("--picture and --loss-curve must be two files")


def generate(model, points):
    """Fill `points`, (n, d), with the first n points of the model's sample."""
    done = 0
    with Progress(len(points)) as progress:
        for block in model.sample(len(points)):
            points[done:done + len(block)] = block
            done += len(block)
            progress.show(done, f"{done} of {len(points)} points")


def draw(options, model, points, result, parts):
    """Write the pictures that were asked for."""
    from scratchdiff.app.show import svg
    name = "own points" if model.data.name == OWN else model.data.name
    if options.data not in (None, "-"):
        name = one_line(os.path.basename(options.data))
    back = model.data.standard.back
    if options.picture:
        caption = [f"{name}: {len(points)} generated points",
                   ", ".join(f"{figure} {value}" for figure, value, _ in result)]
        real = back(model.data.draw(svg.MOVING, Model.stream(model.seed, REPORT)))
        if options.animate:
            states = [back(state[:len(points)]) for state in model.walk()]
            write_text(options.picture, svg.animation(real, states, caption))
        else:
            write_text(options.picture, svg.scatter(real, back(points), caption))
    if options.loss_curve:
        caption = [f"{name}: loss of each of {len(model.losses)} steps: their mean, and a band that holds four in five of them"]
        write_text(options.loss_curve, svg.loss_curve(model.losses, parts and parts[0], caption))


def new(options):
    """A new model, of the recipe and the data that the options say."""
    seed = options.seed or 0
    recipe = changed(RECIPES[options.recipe or "default"], options)
    return Model.new(recipe, seed, read_data("circle" if options.data is None else options.data, Model.stream(seed, SPLIT)))


def resumed(options):
    """The model of a file, its plan of steps perhaps a longer one. CommandError if an option contradicts the file."""
    from scratchdiff.app.files.store import load_model
    model = load_model(options.resume)
    recipe = changed(model.recipe, options)
    if recipe.steps < model.adam.k:
        raise CommandError(f"--steps {recipe.steps} is fewer than the {model.adam.k} steps "
                           f"that {options.resume} has taken")
    want = changed(RECIPES[options.recipe] if options.recipe else model.recipe, options)
    for name, value in asdict(want).items():
        had = getattr(model.recipe, name)
        if value != had and name != "steps":
            whose = f", as --recipe {options.recipe} has it" if getattr(options, name, None) is None else ""
            raise CommandError(f"{options.resume} was trained with {name} {shown(had)}: "
                               f"it cannot go on with {shown(value)}{whose}")
    if options.seed is not None and options.seed != model.seed:
        raise CommandError(f"{options.resume} was trained with seed {model.seed}: it cannot go on with {options.seed}")
    if options.data is not None:
        data = read_data(options.data, Model.stream(model.seed, SPLIT))
        if data.name != model.data.name or not np.array_equal(data.points, model.data.points):
            raise CommandError(f"{options.resume} was trained on other data than {options.data}")
    model.recipe = recipe
    return model


def changed(recipe, options):
    """A recipe with the fields replaced for which there is an option."""
    given = {name: getattr(options, name, None) for name in asdict(recipe)}
    given["hidden"] = tuple(options.hidden) if options.hidden else None
    return replace(recipe, **{name: value for name, value in given.items() if value is not None})


def read_data(text, rng):
    """For --data: the name of a shape, or a file."""
    if text in SHAPES:
        return shape_data(text)
    from scratchdiff.app.files.points import read_points
    return own_data(read_points(text), rng)


@contextmanager
def interrupts_held():
    """Hold Ctrl-C back: yield a function that says whether it was pressed. If it was, more of it changes nothing."""
    presses = []
    before = {number: signal.getsignal(number) for number in INTERRUPTS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda *_: presses.append(True))
    try:
        yield lambda: bool(presses)
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if presses else handler)


def train_and_tell(model, quiet, after_step, stop):
    """Train; print the loss every 500 steps unless quiet; call after_step(steps taken) after every one.

    Ends after a step at which stop() is true. CommandError if the loss is no longer finite.
    """
    steps = model.recipe.steps
    with Progress(steps) as progress:
        for step, loss in model.train():
            if step % 500 == 0 and not quiet:
                progress.clear()
                print(f"step {step:5d}  loss {loss:.4f}", flush=True)
            if step % 20 == 0:
                progress.show(step, f"step {step}/{steps}  loss {loss:.4f}")
            after_step(step + 1)
            if stop():
                break
