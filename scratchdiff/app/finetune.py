"""--finetune: a new model of other points, which starts with a saved model's parameters."""
import os

from scratchdiff.app.errors import CommandError, one_line, shortened
from scratchdiff.app.start import changed, read_data, untrained
from scratchdiff.experiment.data import OWN
from scratchdiff.experiment.recipe import RECIPES, finetuned, shown
from scratchdiff.nn.lora import largest_rank, merged

FIXED = ("hidden", "activation", "predicts", "waves", "schedule")   # the old network fixes these


def finetuned_model(options):
    """An untrained model of --data with the parameters of the old model in --finetune.

    If the old model has adapters, they are merged first. CommandError if it does not fit the data.

    The new points are centred and scaled by their own mean and spread (measure/shapes.py). Why not
    by the mean and spread of the old points? Suppose the new points then had mean m and variance
    s^2. At the noisiest level, with alpha_bar = a, each coordinate of the noisy points would have

        mean sqrt(a) m              variance a s^2 + 1 - a

    But the walk back starts from noise with mean 0 and variance 1. With a = 0.07 and m = 3, the
    walk would start 0.8 noise widths away from where it should. The new points' own center makes
    m exactly 0. Their own scale makes s^2 the same as for the old points, on which the network
    has learned its levels. So a shift or another unit costs nothing, and only the shape is new.
    """
    from scratchdiff.app.files.store import load_model      # here: most runs load no model
    path, seed = options.finetune, options.seed or 0
    old = load_model(path)
    base = merged(old.denoiser.network)
    recipe = recipe_to_finetune(options, old.recipe, largest_rank(base))
    data = read_data(options.data, seed, options.label)
    expect_fits(path, old, data)
    model = untrained(recipe, seed, data, base.params)
    model.made_from = described(path, old)
    return model


def described(path, model):
    """A line about the saved model that another model is made from."""
    learned = "own points" if model.data.name == OWN else f"the {model.data.name}"
    name = shortened(one_line(os.path.basename(path)))
    return f"{name}, {model.adam.k} steps on {learned}"


def recipe_to_finetune(options, old, most):
    """The old recipe with steps, lr and rank for fine-tuning. Options override single settings.

    CommandError for a setting that the old network contradicts, or a rank above `most`.
    """
    start = RECIPES[options.recipe] if options.recipe else old
    recipe = changed(finetuned(start, options.lora or 0), options)
    for name in FIXED:
        had, wanted = getattr(old, name), getattr(recipe, name)
        if had != wanted:
            raise CommandError(f"{options.finetune} has {name} {shown(had) or 'none'}: it cannot "
                               f"be fine-tuned with {shown(wanted) or 'none'}")
    if recipe.lora > most:
        raise CommandError(f"--lora must be from 1 to {most}, the largest rank of a layer of "
                           f"{options.finetune}, got {recipe.lora}")
    return recipe


def expect_fits(path, old, data):
    """CommandError unless the old network can learn these points."""
    if old.pairs is not None:
        raise CommandError(f"{path} is a student, which knows few noise levels: fine-tune its "
                           "teacher, and distill that")
    if data.d != old.data.d:
        raise CommandError(f"{path} has learned points with {old.data.d} columns: it cannot be "
                           f"fine-tuned on points with {data.d}")
    if data.vocabulary.column_of != old.data.vocabulary.column_of:
        had, wanted = some_of(old.data.labels), some_of(data.labels)
        raise CommandError(f"{path} has learned {had}: it cannot be fine-tuned on {wanted}")


def some_of(labels):
    """Labels for a message: the first five of them."""
    if not labels:
        return "no labels"
    return ", ".join([*labels[:5], "..."] if len(labels) > 5 else labels)


def what_learns(model):
    """Yield a line for each choice that was made for the person who fine-tunes."""
    recipe, learn = model.recipe, f"{len(model.adam.params)} parameters"
    who = (f"adapters of rank {recipe.lora}, {learn} beside {len(model.base)} frozen ones"
           if recipe.lora else f"all {learn}")
    yield f"what learns: {who}"
    yield (f"{recipe.steps} steps, lr {recipe.lr:.2g}; "
           "center and scale are those of the new points")
