"""From the options to a model: a new model, or a saved model that is trained further."""
from dataclasses import asdict, replace

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.whole import expect_writable, real_path
from scratchdiff.experiment.data import PART, own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES, shown
from scratchdiff.fast.streams import SPLIT
from scratchdiff.measure.shapes import SHAPES

FEW = 10                # steps of a short walk without --sampler-steps


def expect_consistent(options):
    """CommandError now for options that would fail after all the work, or overwrite a picture."""
    for flag, needs, what in [("save_every", "save", "FILE"), ("animate", "picture", "FILE"),
                              ("lora", "finetune", "FILE"), ("finetune", "data", "WHAT")]:
        if getattr(options, flag) and not getattr(options, needs):
            raise CommandError(f"--{flag.replace('_', '-')} needs --{needs} {what}")
    if options.resume is not None and options.finetune is not None:
        raise CommandError("--resume goes on with a model, --finetune makes a new one from it: "
                           "choose one of them")
    pictures = list(filter(None, (options.picture, options.loss_curve, options.field)))
    for path in filter(None, (options.save, *pictures)):
        expect_writable(path)
    if len(set(map(real_path, pictures))) < len(pictures):
        raise CommandError("two pictures cannot go to one file")


def choose_sampler(options, model):
    """Give the model the walk that --sampler and --sampler-steps ask for."""
    if model.pairs is None:
        model.few = short_walk(options, model.denoiser.schedule)
    elif options.sampler or options.sampler_steps:
        raise CommandError("a student has learned one walk: "
                           "--sampler and --sampler-steps are for its teacher")


def short_walk(options, schedule):
    """The sampler of --sampler and --sampler-steps, or None for ddpm, the walk through all T."""
    name, steps, T = options.sampler, options.sampler_steps, schedule.T
    if name in (None, "ddpm"):
        if steps not in (None, T):
            raise CommandError(f"the ddpm walk takes all {T} steps: for fewer, --sampler dpm")
        return None
    from scratchdiff.beyond.few_steps import SAMPLERS, few_steps    # here: most runs walk all steps
    if name not in SAMPLERS:
        raise CommandError(f"--sampler must be one of ddpm, {', '.join(SAMPLERS)}, got {name}")
    try:
        return few_steps(name, schedule, steps or FEW)
    except ValueError:
        raise CommandError(f"--sampler-steps must be from 1 to {T}, got {steps}") from None


def new_model(options):
    """An untrained model, with the recipe and the data of the options."""
    seed = options.seed or 0
    what = "circle" if options.data is None else options.data
    recipe = changed(RECIPES[options.recipe or recipe_for(what, options.label)], options)
    return untrained(recipe, seed, read_data(what, seed, options.label))


def untrained(recipe, seed, data, base=None, pairs=None):
    """Model.new, with a CommandError for a recipe that would take too much memory."""
    try:
        return Model.new(recipe, seed, data, base, pairs)
    except ValueError as error:
        raise CommandError(f"{error}: try a smaller --batch-size or --hidden") from None


def recipe_for(what, label=None):
    """The recipe if none is given: for the circle, for anything else, or for labels."""
    if label:
        return "prompts" if what in SHAPES else "labelled"
    return "default" if what == "circle" else "sharp"


def resumed_model(options):
    """The saved model, perhaps with more steps to go. CommandError if an option contradicts it."""
    from scratchdiff.app.files.store import load_model  # here: most runs load no model
    model = load_model(options.resume)
    recipe = changed(model.recipe, options)
    if recipe.steps < model.adam.k:
        raise CommandError(f"--steps {recipe.steps} is fewer than the {model.adam.k} steps "
                           f"that {options.resume} has taken")
    expect_same(options, model)
    model.recipe = recipe
    return model


def expect_same(options, model):
    """CommandError if an option contradicts the saved model. Only --steps may differ."""
    def refuse(had, wanted):
        raise CommandError(f"{options.resume} was trained {had}: it cannot go on {wanted}")

    want = changed(RECIPES[options.recipe] if options.recipe else model.recipe, options)
    for name, value in asdict(want).items():
        had = getattr(model.recipe, name)
        if value != had and name != "steps":
            of_recipe = getattr(options, name, None) is None
            whose = f", as --recipe {options.recipe} has it" if of_recipe else ""
            refuse(f"with {name} {shown(had)}", f"with {shown(value)}{whose}")
    if options.seed not in (None, model.seed):
        refuse(f"with seed {model.seed}", f"with {options.seed}")
    had = label_flag(model.data)
    label = options.label or had
    if options.data is not None:
        data = read_data(options.data, model.seed, label)
        same = (data.name, data.labels) == (model.data.name, model.data.labels) and all(
            np.array_equal(getattr(data, of), getattr(model.data, of))
            for of in ("points", "label_numbers"))
    else:
        same = label == had
    if not same and label != had:
        refuse(f"with label {had}" if had else "without labels", f"with label {label}")
    if not same:
        refuse("on other data", f"on {options.data}")


def label_flag(data):
    """The --label that gives the data these labels; None if the data has no labels."""
    if not data.labels or data.label_column is None:
        return PART if data.labels else None
    place, name = data.label_column
    return name or str(place + 1)


def changed(recipe, options):
    """The recipe with the settings that the options give. CommandError if one makes no sense."""
    given = {name: getattr(options, name, None) for name in asdict(recipe)}
    given["hidden"] = given["hidden"] and tuple(given["hidden"])
    given = {name: value for name, value in given.items() if value is not None}
    try:
        return replace(recipe, **given).validated()
    except ValueError as error:
        raise CommandError(str(error)) from None


def read_data(text, seed, label=None):
    """The data that --data names, a shape or a file of points, with the labels of --label."""
    if text in SHAPES:
        if label not in (None, PART):
            raise CommandError(f"the labels of a shape are its parts: --label {PART}")
        try:
            return shape_data(text, labels=label == PART)
        except ValueError as error:
            raise CommandError(str(error)) from None
    from scratchdiff.app.files.checks import outlier_line   # here: most runs read
    from scratchdiff.app.files.points import read_points    # no points
    read = read_points(text, label)
    outlier = outlier_line(read)
    if outlier:
        raise CommandError(f"cannot learn from {text}: {outlier}")
    return own_data(read.points, Model.stream(seed, SPLIT), read.names, read.said, read.labels,
                    read.labels and (read.label_place, read.label_name))
