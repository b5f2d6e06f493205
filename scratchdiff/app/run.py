"""python -m scratchdiff: train, generate, report."""
import os
import shlex

import numpy as np

from scratchdiff.app.errors import CommandError, one_line
from scratchdiff.app.files.whole import write_text
from scratchdiff.app.finetune import finetuned_model, what_learns
from scratchdiff.app.show import braille
from scratchdiff.app.show.best import loss_lines, loss_parts, perfect_lines
from scratchdiff.app.show.curve import loss_curve
from scratchdiff.app.show.field import field
from scratchdiff.app.show.labels import label_lines
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.show.report import COMPARED, figures, more_figures
from scratchdiff.app.show.scatter import MOVING, animation, scatter
from scratchdiff.app.signals import held
from scratchdiff.app.start import choose_sampler, expect_consistent, new_model, resumed_model
from scratchdiff.app.trouble import advice, expect_learned, in_range
from scratchdiff.experiment.data import OWN
from scratchdiff.fast.streams import REPORT

PRINTED = 500           # steps from one printed loss to the next


def run(options):
    """Train a model, generate points, and report on them; save and draw what was asked for."""
    expect_consistent(options)
    model = model_to_train(options)
    choose_sampler(options, model)
    if options.save:
        from scratchdiff.app.files.store import expect_loadable     # here: most runs save no model
        expect_loadable(model)
    if options.field and model.data.d != 2:
        raise CommandError(f"--field draws two columns, and these points have {model.data.d}")
    # Before the training, so that too many points for the memory fail now.
    points = np.empty((max(options.points, COMPARED), model.data.d), np.float32)
    if not options.quiet:
        for line in decided(options, model):
            print(line, flush=True)
    with advice(model):
        train(options, model)
        generate(model, points)
    report(options, model, points)


def model_to_train(options):
    """A new model, a saved model to train further, or a new model that starts from a saved one."""
    if options.resume is not None:
        return resumed_model(options)
    if options.finetune is not None:
        return finetuned_model(options)
    return new_model(options)


def decided(options, model):
    """Yield the lines that a person should read before the training."""
    if model.data.said:
        yield model.data.said
    if model.made_from:
        yield f"made from {model.made_from}"
    if options.finetune:
        yield from what_learns(model)
    elif not options.resume and not options.recipe:
        if model.data.labels and model.data.name == OWN:
            yield ("recipe: labelled, for points with labels and more detail than a circle has "
                   "(--recipe default is faster)")
        elif model.data.labels:
            yield "recipe: prompts, to learn each part well (--recipe labelled is faster)"
        elif model.data.name != "circle":
            yield "recipe: sharp, for more detail than a circle has (--recipe default is faster)"
    to_go = model.recipe.steps - model.adam.k
    if options.resume and to_go and not options.save:
        yield f"the {to_go} steps to come will be lost: without --save FILE, nothing keeps them"


def train(options, model):
    """Train to the last step or to Ctrl-C; print losses, and save the model."""
    steps, printed = model.recipe.steps, model.adam.k
    with held() as pressed, Progress(steps) as progress:
        for step, loss in model.train():
            taken = step + 1
            if not options.quiet and (taken in (1, steps) or taken % PRINTED == 0):
                progress.clear()
                mean = np.mean(model.losses[printed:])  # the loss of a single batch jumps about
                print(f"step {taken:5d}  loss {mean:.4f}", flush=True)
                printed = taken
            if taken % 20 == 0:
                progress.show(taken, f"step {taken}/{steps}  loss {loss:.4f}")
            if options.save_every and taken % options.save_every == 0:
                save(options, model)
            if pressed():
                interrupted(options, model)
        expect_learned(model)           # a meaningless result must not replace a file
        if options.save:
            save(options, model)


def save(options, model):
    from scratchdiff.app.files.store import save_model  # here: most runs save no model
    save_model(options.save, model)


def interrupted(options, model):
    """End the run. If there is a --save, save what the model has learned."""
    if not options.save:
        raise KeyboardInterrupt
    save(options, model)
    name = shlex.quote(options.save)
    raise KeyboardInterrupt(f"after {model.adam.k} steps, saved in {options.save}; "
                            f"go on with --resume {name} --save {name}")


def generate(model, points):
    """Fill `points`, (n, d), with the first n points of the model's sample."""
    done = 0
    with Progress(len(points)) as progress:
        for block in in_range(model, model.sample(len(points))):
            points[done:done + len(block)] = block
            done += len(block)
            progress.show(done, f"{done} of {len(points)} points")


def report(options, model, points):
    """Print how good the points are and how good they could be, and draw what was asked for."""
    result = figures(model, points, options.points)
    print(f"generated {options.points} point{'s' * (options.points != 1)}")
    show(result)
    parts = loss_parts(model) if options.loss_curve or not options.quiet else None
    if not options.quiet:
        show(more_figures(model, points, model.data.names))
        if model.data.labels:
            print(*label_lines(model), sep="\n")
        if parts:
            lines = loss_lines(*parts, model.levels.shares)
            print("how good could it be? (every noise level counts alike here)",
                  *lines, *perfect_lines(model), sep="\n")
    points = points[:options.points]
    with held():                        # a picture appears whole or not at all
        draw(options, model, points, result, parts)
    if not options.quiet:
        braille.show(model.data.standard.back(points))


def show(result):
    print(*(f"{name} = {value} ({meaning})" for name, value, meaning in result), sep="\n")


def draw(options, model, points, result, parts):
    """Write the pictures that were asked for."""
    data, schedule = model.data, model.denoiser.schedule
    name = "own points" if data.name == OWN else data.name
    if options.data not in (None, "-"):
        name = one_line(os.path.basename(options.data))
    real = data.draw(MOVING, model.stream(model.seed, REPORT))
    back = data.standard.back
    if options.picture:
        caption = [f"{name}: {len(points)} generated points",
                   ", ".join(f"{figure} {value}" for figure, value, _ in result)]
        if options.animate:
            states = [back(state[:len(points)]) for state in model.walk()]
            levels = model.sampler.keywords.get("levels", [*reversed(range(schedule.T)), -1])
            text = animation(back(real), states, levels[:-1], schedule, caption, data.names)
        else:
            text = scatter(back(real), back(points), caption, data.names)
        write_text(options.picture, text)
    if options.loss_curve:
        floor = float(model.levels.shares @ parts[0]) if parts else None
        caption = [f"{name}: the loss over {len(model.losses)} steps"]
        write_text(options.loss_curve, loss_curve(model.losses, floor, caption))
    if options.field:
        exact = data.exact(schedule) if data.exact else None
        rng = model.stream(model.seed, REPORT)
        write_text(options.field, field(model.denoiser, exact, schedule, real, data.standard, rng,
                                        [f"{name}: -eps_hat, the way back"]))
