"""--finetune: a new model that starts from what a saved one has learned, on other points."""
import os

from scratchdiff.app.errors import CommandError, one_line
from scratchdiff.app.files.store import load_model
from scratchdiff.app.start import changed, read_data
from scratchdiff.experiment.data import OWN
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES, finetuned, shown
from scratchdiff.nn.lora import largest_rank, merged

FIXED = ("hidden", "activation", "predicts", "waves")       # the old network decides about these


def finetuned_model(options):
    """An untrained model of --data with the parameters of the one in --finetune.

    If that one has adapters, they are merged first. CommandError if the two do not fit together.

    The new points get a standard form of their own, and not the old points' (measure/shapes.py).
    Why. Under the old one, let their mean be m. After the last level, noisy points have the mean
    sqrt(alpha_bar_T) m, which is 0.28 m. But the walk back starts from noise of mean 0, so it
    would start in the wrong place; and the scale goes wrong likewise. With their own standard form
    m is 0 and the mean square is 1, as the schedule wants it and as the network knows its points.
    A shift or another unit is then no news: only the shape has to be learned.
    """
    path, seed = options.finetune, options.seed or 0
    old = load_model(path)
    base = merged(old.denoiser.network)
    recipe = recipe_to_finetune(options, old.recipe, largest_rank(base))
    data = read_data(options.data, seed)
    expect_fits(path, old, data)
    model = Model.new(recipe, seed, data, base.params)
    learned = "own points" if old.data.name == OWN else f"the {old.data.name}"
    model.made_from = f"{one_line(os.path.basename(path))}, {old.adam.k} steps on {learned}"
    return model


def recipe_to_finetune(options, old, most):
    """The old recipe with other steps and lr. Options replace settings; the rank is `most` at most.

    CommandError for one that the old network contradicts.
    """
    start = RECIPES[options.recipe] if options.recipe else old
    want = changed(start, options)
    for name in FIXED:
        had, wanted = getattr(old, name), getattr(want, name)
        if had != wanted:
            raise CommandError(f"{options.finetune} has {name} {shown(had) or 'none'}: it cannot "
                               f"be fine-tuned with {shown(wanted) or 'none'}")
    if want.lora > most:
        raise CommandError(f"--lora must be from 1 to {most}, the largest rank of a layer of "
                           f"{options.finetune}, got {want.lora}")
    return changed(finetuned(start, options.lora or 0), options)


def expect_fits(path, old, data):
    """CommandError unless the old network can learn these points."""
    if data.d != old.data.d:
        raise CommandError(f"{path} has learned points with {old.data.d} columns: it cannot be "
                           f"fine-tuned on points with {data.d}")
