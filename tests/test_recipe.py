"""app/recipe.py: the settings of a run."""
from dataclasses import FrozenInstanceError, replace

import pytest

from scratchdiff.experiment.recipe import RECIPES


def test_the_tutorials_recipe():
    recipe = RECIPES["tutorial"]
    assert (recipe.hidden, recipe.activation, recipe.predicts) == ((64, 64), "relu", "eps")
    assert (recipe.steps, recipe.batch_size, recipe.antithetic) == (2000, 256, False)
    assert (recipe.lr, recipe.lr_schedule, recipe.variance) == (1e-3, "constant", "beta")


def test_the_learning_rate_stays_or_rises_and_falls_along_lines():
    stays = replace(RECIPES["default"], lr=0.5, steps=100, lr_schedule="constant")
    linear = replace(stays, lr_schedule="linear")
    assert [stays.lr_at(step) for step in (0, 50, 99)] == [0.5, 0.5, 0.5]
    assert [linear.lr_at(step) for step in (0, 4, 9, 50, 99)] == pytest.approx([0.05, 0.25 * 0.96, 0.5 * 0.91, 0.25, 0.005])
    assert replace(linear, steps=1).lr_at(0) == 0.5


def test_a_recipe_is_not_changed_but_replaced():
    with pytest.raises(FrozenInstanceError):
        RECIPES["default"].steps = 1


@pytest.mark.parametrize("change, message", [
    ({"steps": 0}, "steps must be made of whole numbers from 1 to 1000000000, got 0"), ({"steps": 1.5}, "steps must be"),
    ({"batch_size": -1}, "batch_size must be"), ({"hidden": (8, 0)}, "hidden must be made of whole numbers from 1 to 1000000, got 0"),
    ({"hidden": (True,)}, "hidden must be"), ({"lr": 0}, "lr must be a number above 0, got 0"), ({"lr": float("nan")}, "lr must be"),
    ({"lr": float("inf")}, "lr must be"), ({"lr": "1"}, "lr must be"), ({"lr_schedule": "cosine"}, "lr_schedule must be one of constant, linear, got 'cosine'"),
    ({"antithetic": None}, "antithetic must be"), ({"activation": "tanh"}, "activation must be one of relu, silu, got 'tanh'"),
    ({"predicts": "x0"}, "predicts must be one of eps, v, got 'x0'"), ({"variance": 1}, "variance must be one of posterior, beta")])
def test_what_cannot_be_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(RECIPES["default"], **change)
