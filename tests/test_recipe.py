"""experiment/recipe.py: the settings of a run."""
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from scratchdiff.experiment.recipe import LR_SCHEDULES, RECIPES, choices, shown

DEFAULT = RECIPES["default"]


def test_the_tutorials_recipe():
    recipe = RECIPES["tutorial"]
    assert (recipe.hidden, recipe.activation, recipe.predicts) == ((64, 64), "relu", "eps")
    assert (recipe.steps, recipe.batch_size, recipe.antithetic) == (2000, 256, False)
    assert (recipe.lr, recipe.lr_schedule, recipe.variance) == (1e-3, "constant", "beta")
    assert (recipe.waves, recipe.levels, recipe.lr_by_width) == ((), "even", False)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_sense(name):
    assert RECIPES[name].validated() is RECIPES[name]


def test_the_smallest_and_the_largest_of_runs_make_sense():
    replace(DEFAULT, steps=1, batch_size=1, hidden=(1,), lr=5e-324).validated()
    replace(DEFAULT, steps=10 ** 9, batch_size=10 ** 6, hidden=(10 ** 6,), lr=1e308).validated()


def test_the_widths_of_its_network():
    assert replace(DEFAULT, hidden=(8, 9)).widths(2) == (3, 8, 9, 2)
    assert replace(DEFAULT, hidden=(8,), waves=(2, 4)).widths(3) == (4 + 2 * 2 * 3, 8, 3)


def test_the_learning_rate_stays_or_rises_and_falls_along_lines():
    constant = replace(DEFAULT, lr=0.5, steps=100, lr_schedule="constant")
    linear = replace(constant, lr_schedule="linear")
    assert [constant.lr_at(step) for step in (0, 50, 99)] == [0.5, 0.5, 0.5]
    want = [0.05, 0.25 * 0.96, 0.5 * 0.91, 0.25, 0.005]
    assert [linear.lr_at(step) for step in (0, 4, 9, 50, 99)] == pytest.approx(want)
    assert replace(linear, steps=1).lr_at(0) == 0.5


@pytest.mark.parametrize("name", LR_SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2, 9, 1000])
def test_the_learning_rate_is_above_0_and_never_above_lr(name, steps):
    recipe = replace(DEFAULT, lr=0.5, steps=steps, lr_schedule=name)
    assert all(0 < recipe.lr_at(step) <= 0.5 for step in range(steps))


def test_a_recipe_is_not_changed_but_replaced():
    with pytest.raises(FrozenInstanceError):
        DEFAULT.steps = 1


@pytest.mark.parametrize("change, message", [
    ({"steps": 0}, "steps must be made of whole numbers from 1 to 1000000000, got 0"),
    ({"steps": 1.5}, "steps must be made of whole numbers"),
    ({"steps": 10 ** 9 + 1}, "steps must be made of whole numbers"),
    ({"batch_size": -1}, "batch_size must be made of whole numbers from 1 to 1000000, got -1"),
    ({"hidden": (8, 0)}, "hidden must be made of whole numbers from 1 to 1000000, got 0"),
    ({"hidden": (True,)}, "hidden must be made of whole numbers"),
    ({"hidden": ("8",)}, "hidden must be made of whole numbers from 1 to 1000000, got '8'"),
    ({"lr": 0}, "lr must be a number above 0, got 0"),
    ({"lr": -1}, "lr must be a number above 0, got -1"),
    ({"lr": float("nan")}, "lr must be a number above 0, got nan"),
    ({"lr": float("inf")}, "lr must be a number above 0, got inf"),
    ({"lr": 10 ** 400}, "lr must be a number above 0, got 10000"),
    ({"lr": "1"}, "lr must be a number above 0, got '1'"),
    ({"lr": True}, "lr must be a number above 0, got True"),
    ({"lr_schedule": "cosine"}, "lr_schedule must be one of constant, linear, got 'cosine'"),
    ({"antithetic": None}, "antithetic must be true or false, got None"),
    ({"antithetic": 1}, "antithetic must be true or false, got 1"),
    ({"activation": "tanh"}, "activation must be one of relu, silu, got 'tanh'"),
    ({"activation": ["relu"]}, r"activation must be one of relu, silu, got \['relu'\]"),
    ({"predicts": "x0"}, "predicts must be one of eps, v, got 'x0'"),
    ({"variance": 1}, "variance must be one of posterior, beta, mixed, got 1"),
    ({"variance": {}}, "variance must be one of posterior, beta, mixed, got {}"),
    ({"levels": "high"}, "levels must be one of even, low, got 'high'"),
    ({"schedule": "cosine"}, "schedule must be one of linear, squares, got 'cosine'"),
    ({"lr_by_width": 0}, "lr_by_width must be true or false, got 0"),
    ({"waves": (2, 0)}, "waves must be made of numbers above 0, got 0"),
    ({"waves": (float("inf"),)}, "waves must be made of numbers above 0, got inf"),
    ({"waves": (10 ** 400,)}, "waves must be made of numbers above 0, got 10000"),
    ({"waves": (2,) * 101}, "waves must have at most 100 entries, got 101"),
    ({"hidden": (2,) * 101}, "hidden must have at most 100 entries, got 101"),
    ({"waves": (True,)}, "waves must be made of numbers above 0, got True"),
])
def test_a_setting_that_makes_no_sense_is_named(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        replace(DEFAULT, **change).validated()


def test_waves_may_be_slow():
    recipe = replace(DEFAULT, waves=(0.5, 2))
    assert recipe.validated() is recipe


def test_choices_are_settings():
    assert set(choices()) == {"activation", "predicts", "lr_schedule", "variance", "levels",
                              "schedule"}
    assert all(getattr(DEFAULT, name) in known for name, known in choices().items())


@pytest.mark.parametrize("value, text", [((64, 32), "64 32"), ((8,), "8"), (0.02, "0.02"),
                                         ("silu", "silu"), (3000, "3000")])
def test_a_setting_as_it_is_written_on_the_command_line(value, text):
    assert shown(value) == text


def test_recipes_load_without_numpy():
    """So that --help is quick."""
    code = "import sys, scratchdiff.experiment.recipe; print('numpy' in sys.modules)"
    root = Path(__file__).parent.parent
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert result.stdout == "False\n", result.stderr
