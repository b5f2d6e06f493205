"""app/trouble.py: a result that means nothing is not reported as one."""
import os
import re
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.app.errors import CommandError
from scratchdiff.app.trouble import expect_learned, in_range, linear_guess, losses_on_same_noise
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.streams import REPORT
from tests.program import SMALL, call

DIVERGED = "scratchdiff: error: the network has diverged, "


def model_of(data, steps, recipe="default", **settings):
    """A small model, trained."""
    small = {"steps": steps, "hidden": (16,), "batch_size": 64}
    model = Model.new(replace(RECIPES[recipe], **small, **settings), 0, data)
    for _ in model.train():
        pass
    return model


def silence(model):
    """Make the network answer 0, as a collapsed one does."""
    model.denoiser.network.params[:] = 0
    return model


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("name", ["circle", "checkerboard", "segment"])
def test_a_short_run_has_learned_something(recipe, name):
    expect_learned(model_of(shape_data(name), 120, recipe))


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_network_that_answers_0_has_learned_nothing(recipe):
    model = silence(model_of(shape_data("circle"), 150, recipe))
    with pytest.raises(CommandError, match=r"the network has learned nothing in 150 steps; .* "
                                           "try another --lr, or more --steps"):
        expect_learned(model)


def test_a_loss_that_shot_up_is_named_with_its_step():
    model = silence(model_of(shape_data("circle"), 150))
    model.losses[120] = 1590.0
    with pytest.raises(CommandError, match=r"^the loss shot up to 1.59e\+03 at step 121; at the "
                                           r"end, the loss is 0\.4\d+, .* try a smaller --lr"):
        expect_learned(model)


def test_a_loss_that_shot_up_and_came_back_is_fine():
    model = model_of(shape_data("circle"), 200)
    model.losses[120] = 1590.0
    expect_learned(model)


def test_after_a_few_steps_nothing_can_be_said():
    expect_learned(silence(model_of(shape_data("circle"), 99)))


def test_where_a_perfect_network_answers_0_nothing_can_be_said():
    """A Gaussian in one dimension: sqrt(1 - alpha_bar_t) x_t is the best guess there is."""
    points = np.random.default_rng(0).standard_normal((300, 1))
    expect_learned(silence(model_of(own_data(points, np.random.default_rng(1)), 150)))


@pytest.mark.parametrize("predicts", ["v", "eps"])
def test_the_losses_that_a_network_is_compared_with(predicts):
    """Expected losses, from the variances c along the axes: 5 % is two standard errors."""
    rng = np.random.default_rng(0)
    points = rng.standard_normal((5000, 2)) @ [[1, 1], [0, 0.2]]
    model = model_of(own_data(points, rng), 1, predicts=predicts)
    a, x0 = model.denoiser.schedule.alpha_bars[:, None], model.data.standard.forth(points)
    c = np.linalg.eigvalsh(np.cov(x0.T))
    answers_0 = np.mean(a ** 2 + a * (1 - a) * c) if predicts == "v" else 1.0
    loss, silent, linear = losses_on_same_noise(model)
    assert np.isclose(silent, answers_0, rtol=0.05) and loss != silent
    assert np.isclose(linear, np.mean(a * c / (a * c + 1 - a)), rtol=0.05)
    assert losses_on_same_noise(silence(model)) == [silent, silent, linear]


def test_they_are_compared_on_points_of_the_runs_seed(monkeypatch):
    asked = []
    monkeypatch.setattr(Model, "stream", staticmethod(
        lambda *path: asked.append(path) or np.random.default_rng(path)))
    model = Model.new(replace(RECIPES["default"], hidden=(4,)), 7, shape_data("circle"))
    asked.clear()
    losses_on_same_noise(model)
    assert asked == [(7, REPORT)]
    list(in_range(model, []))
    assert asked == 2 * [(7, REPORT)]


def test_no_linear_guess_is_better():
    """Least squares at one level, on so many points that they leave it no freedom."""
    rng = np.random.default_rng(0)
    mix, alpha_bar = rng.standard_normal((3, 3)), 0.3
    x0, eps = rng.standard_normal((200_000, 3)) @ mix, rng.standard_normal((200_000, 3))
    xt = np.sqrt(alpha_bar) * x0 + np.sqrt(1 - alpha_bar) * eps
    weights = np.linalg.lstsq(xt, eps, rcond=None)[0]
    found = linear_guess(np.eye(3), np.full((3, 1), alpha_bar), mix.T @ mix)
    assert np.abs(found - weights).max() < 0.01         # five standard errors


def test_points_far_out_are_refused_and_others_pass():
    model = model_of(shape_data("circle"), 1)
    near, far = np.full((2, 2), 90.0), np.full((2, 2), 3e9)
    assert list(in_range(model, [near])) == [near]
    with pytest.raises(CommandError, match=r"lie 3e\+09 times as far out as the data: try"):
        list(in_range(model, [near, far]))


def test_the_range_of_own_points_includes_an_outlier():
    points = np.random.default_rng(0).standard_normal((50_000, 2))
    points[0] = 1e6                     # few random draws would contain it
    model = model_of(own_data(points, np.random.default_rng(0)), 1)
    far = model.data.standard.forth(points[:1] * 50)
    assert len(list(in_range(model, [far]))) == 1


def test_a_result_that_means_nothing_is_neither_reported_nor_saved(tmp_path):
    model = tmp_path / "m.npz"
    call(*SMALL, "--steps", 100, "--save", model, "--quiet")
    before = model.read_bytes()
    status, out, err = call(*SMALL, "--steps", 100, "--lr", 1e-9, "--save", model, "--quiet")
    assert (status, out) == (2, []) and "the network has learned nothing in 100 steps" in err
    assert model.read_bytes() == before and os.listdir(tmp_path) == ["m.npz"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_loss_that_explodes_stops_the_run(recipe):
    status, out, err = call(*SMALL, "--lr", "1e30", "--recipe", recipe)
    assert status == 2 and len(out) <= 1
    assert re.fullmatch(DIVERGED + r"the loss at step \d+ is no longer finite: "
                        r"try an --lr smaller than 1e\+30\n", err)


def test_a_last_step_that_is_too_long_is_noticed_too(tmp_path):
    """The loss is the one before the step."""
    model, huge = tmp_path / "m.npz", [*SMALL, "--steps", 1, "--quiet", "--lr"]
    said = "{}the points that it makes are no longer finite: try an --lr smaller than {}\n"
    assert call(*huge, 1e25, "--save", model) == (2, [], said.format(DIVERGED, "1e+25"))
    assert call("sample", model) == (2, [], said.format(DIVERGED, "1e+25"))
    model.unlink()
    said = f"{DIVERGED}its parameters are no longer finite: try an --lr smaller than 1e+39\n"
    assert call(*huge, 1e39, "--save", model) == (2, [], said) and os.listdir(tmp_path) == []
