"""The network that some links need: trained on the spot, and only once."""
from functools import cache

from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES


@cache
def trained():
    """A model of the default recipe, trained on the circle."""
    model = Model.new(RECIPES["default"], 0, shape_data("circle"))
    for _ in model.train():
        pass
    return model
