"""experiment/model.py: a recipe, a seed and data become a model that learns and makes points."""
import tracemalloc
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from scratchdiff.beyond.distillation import student_points, student_schedule
from scratchdiff.beyond.few_steps import ddim
from scratchdiff.beyond.guidance import Guided
from scratchdiff.diffusion.levels import LowLevels
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import SCHEDULES, Schedule
from scratchdiff.diffusion.training import train
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Diverged, Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.batches import chunked, noisy
from scratchdiff.fast import blocks as fast_blocks
from scratchdiff.fast.blocks import BLOCK, sample
from scratchdiff.fast.streams import INIT, SAMPLING, SPLIT, TRAINING, stream
from scratchdiff.nn.layers import ACTIVATIONS, Linear
from scratchdiff.nn.network import MLP
from scratchdiff.nn.rates import rates
from scratchdiff.nn.waves import Waves

SMALL = replace(RECIPES["default"], hidden=(8, 8), steps=30, batch_size=16)
POINTS = np.random.default_rng(1).standard_normal((40, 3)) * 4 + 10


def new(recipe=SMALL, seed=3, data=None):
    return Model.new(recipe, seed, data or shape_data("circle"))


def own(seed=3):
    return own_data(POINTS, Model.stream(seed, SPLIT))


def student(data=shape_data("circle")):
    pairs = np.random.default_rng(2).standard_normal((50, 3, 2, 2), np.float32)
    return Model.new(SMALL, 3, data, pairs=pairs)


def labelled():
    return shape_data("circle", labels=True)


def own_labelled(seed=3):
    kinds = ["a", "b", "b c", "b"] * 10
    return own_data(POINTS, Model.stream(seed, SPLIT), labels=kinds, label_column=(0, "kind"))


def run(model, stop=None):
    return list(islice(model.train(), stop))


def points(model, n, *settings, **rest):
    return np.concatenate(list(model.sample(n, *settings, **rest)))


def require_equal(a, b):
    assert (a.adam.k, a.losses) == (b.adam.k, b.losses)
    for name in ("params", "m", "v"):
        assert np.array_equal(getattr(a.adam, name), getattr(b.adam, name)), name


@pytest.mark.parametrize("name", RECIPES)
def test_a_new_model_is_what_its_recipe_says(name):
    recipe = RECIPES[name]
    model = new(recipe)
    denoiser = model.denoiser
    layers = denoiser.network.layers
    assert isinstance(layers[0], Waves) == bool(recipe.waves)
    assert [len(layer.b) for layer in layers if isinstance(layer, Linear)] == [*recipe.hidden, 2]
    assert type(layers[-2]) is ACTIVATIONS[recipe.activation]
    assert (denoiser.predicts, denoiser.d, denoiser.dtype) == (recipe.predicts, 2, np.float32)
    assert denoiser.schedule.T == 50
    assert model.adam.params is denoiser.network.params
    assert model.adam.grads is denoiser.network.grads
    assert (model.adam.k, model.losses, model.seed) == (0, [], 3)


def test_the_width_of_the_network_follows_the_points():
    model = new(data=own())
    assert model.denoiser.network.widths == (4, 8, 8, 3) and model.denoiser.d == 3
    assert points(model, 5).shape == (5, 3)


def test_the_weights_depend_on_the_seed_alone():
    a, b, c = (new(seed=seed).adam.params for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert np.array_equal(new(replace(SMALL, steps=99)).adam.params, new().adam.params)


def test_every_part_of_a_run_has_its_stream():
    """The run of a plain recipe, by hand."""
    rng = np.random.default_rng(3)
    assert Model.stream(3, 2).random() == stream(rng, 2).random()
    recipe = replace(SMALL, levels="even", lr_by_width=False)
    model, twin = new(recipe), new(recipe)
    network = MLP((3, 8, 8, 2), stream(rng, INIT), ACTIVATIONS["silu"])
    assert np.array_equal(model.adam.params, network.params)
    make = noisy(model.data.draw, model.denoiser.schedule, recipe.batch_size, recipe.antithetic)
    batches = chunked(make, stream(rng, TRAINING))
    by_hand = list(train(twin.denoiser, twin.adam, batches, 30, recipe.lr_at))
    assert run(model) == by_hand
    require_equal(model, replace(twin, losses=[loss for _, loss in by_hand]))
    blocks = sample(model.denoiser, model.denoiser.schedule, 5, 2, stream(rng, SAMPLING))
    assert np.array_equal(points(model, 5), next(blocks))


def test_levels_weights_and_rates_are_used():
    """The run of a recipe with all of them, by hand. A layer with 64 inputs learns at half lr."""
    recipe = replace(SMALL, hidden=(64, 8), waves=(2,), levels="low", lr_by_width=True)
    model, twin = new(recipe), new(recipe)
    levels = LowLevels(model.denoiser.schedule)
    make = noisy(model.data.draw, model.denoiser.schedule, recipe.batch_size, recipe.antithetic,
                 levels=levels)
    batches = chunked(make, Model.stream(3, TRAINING))
    factors = rates(twin.denoiser.network)
    assert set(factors) == {0.5, 1}
    by_hand = list(train(twin.denoiser, twin.adam, batches, 30,
                         lambda step: recipe.lr_at(step) * factors, levels.weight))
    assert run(model) == by_hand
    require_equal(model, replace(twin, losses=[loss for _, loss in by_hand]))


def test_a_student_learns_from_pairs_and_walks_by_ddim():
    """By hand. The schedule has the levels that distillation.py says."""
    recipe = replace(SMALL, levels="even", lr_by_width=False)
    pairs = np.random.default_rng(2).standard_normal((50, 3, 2, 2), np.float32)
    model, twin = (Model.new(recipe, 3, shape_data("circle"), pairs=pairs) for _ in range(2))
    schedule = student_schedule(Schedule.linear(), 3)
    assert np.array_equal(model.denoiser.schedule.betas, schedule.betas)
    assert np.array_equal(model.adam.params, new(recipe).adam.params), "the network is a new one"
    batches = chunked(lambda n, rng: student_points(pairs, (n, recipe.batch_size), rng),
                      Model.stream(3, TRAINING))
    by_hand = list(train(twin.denoiser, twin.adam, batches, 30, recipe.lr_at))
    assert run(model) == by_hand
    require_equal(model, replace(twin, losses=[loss for _, loss in by_hand]))
    blocks = sample(model.denoiser, schedule, 5, 2, Model.stream(3, SAMPLING), ddim)
    assert np.array_equal(points(model, 5), next(blocks))
    assert len(list(model.walk())) == 4
    assert model.data.exact is None, "the best that a student could be is not known"


def test_the_recipe_decides_about_pairs():
    losses = [run(new(replace(SMALL, antithetic=pairs)), 1)[0][1] for pairs in (True, False)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_recipes_schedule_is_used(name):
    """Also by a student: its levels are some of its teacher's."""
    recipe, pairs = replace(SMALL, schedule=name), np.zeros((5, 3, 2, 2), np.float32)
    betas = SCHEDULES[name]().betas
    assert np.array_equal(new(recipe).denoiser.schedule.betas, betas)
    student = Model.new(recipe, 3, shape_data("circle"), pairs=pairs).denoiser.schedule
    assert np.array_equal(student.betas, student_schedule(SCHEDULES[name](), 3).betas)


def test_training_keeps_every_loss():
    model = new()
    seen = run(model)
    assert [step for step, _ in seen] == list(range(30)) and model.adam.k == 30
    assert model.losses == [loss for _, loss in seen]
    assert run(model) == [], "nothing is left to do"


@pytest.mark.parametrize("make", [
    new, lambda: new(data=own()), student, lambda: new(data=labelled()),
    lambda: new(data=own_labelled()), lambda: student(labelled())],
    ids=["circle", "own points", "student", "circle with labels", "own labels",
         "student with labels"])
@pytest.mark.parametrize("stop", [0, 13, 29])
def test_a_run_that_was_stopped_ends_bit_for_bit_where_it_would_have(stop, make):
    whole, model = make(), make()
    run(whole)
    run(model, stop)
    run(model)
    require_equal(model, whole)


@pytest.fixture(scope="module")
def whole():
    return points(new(), 2 * BLOCK)


@pytest.mark.parametrize("n, skip", [(5, 0), (BLOCK + 5, 0), (7, 3), (9, BLOCK - 4), (0, 0)])
def test_point_i_depends_on_the_seed_and_on_i_alone(n, skip, whole):
    model = new()
    blocks = list(model.sample(n, skip=skip)) or [np.empty((0, 2), np.float32)]
    assert np.array_equal(np.concatenate(blocks), whole[skip:skip + n])


def test_another_seed_gives_other_points():
    model = new(seed=3)
    assert np.array_equal(points(model, 5), points(model, 5, seed=3))
    assert not np.array_equal(points(model, 5), points(model, 5, seed=4))
    assert not np.array_equal(points(model, 5, seed=0), points(model, 5)), "0 is a seed too"


@pytest.mark.parametrize("variance", ["posterior", "beta"])
def test_the_recipes_variance_is_used(variance):
    model = new(replace(SMALL, variance=variance))
    walk = partial(reverse_process, variance=variance)
    rng = Model.stream(3, SAMPLING)
    blocks = sample(model.denoiser, model.denoiser.schedule, 5, 2, rng, walk)
    assert np.array_equal(points(model, 5), next(blocks))
    other = new(replace(SMALL, variance="beta" if variance == "posterior" else "posterior"))
    assert not np.array_equal(points(other, 5), points(model, 5))


def test_the_walk_ends_on_the_first_block_of_the_sample():
    model = new(replace(SMALL, variance="beta"))
    states = list(model.walk())
    assert len(states) == 51 and all(state.shape == (BLOCK, 2) for state in states)
    assert np.array_equal(states[-1], next(model.sample(BLOCK)))


def test_a_run_that_diverges_says_at_which_step():
    model = new(replace(SMALL, lr=1e30, lr_schedule="constant"))
    with pytest.raises(Diverged, match="the loss at step [1-9] is no longer finite"):
        with np.errstate(all="ignore"):
            run(model)
    assert np.isfinite(model.losses).all(), "the loss that is not finite is not kept"


def test_points_that_are_not_finite_are_not_handed_out():
    model = new()
    model.adam.params[:] = np.nan
    with pytest.raises(Diverged, match="points"):
        next(model.sample(5))


def test_a_bad_recipe_is_refused_before_anything_is_made():
    with pytest.raises(ValueError, match="steps must be"):
        new(replace(SMALL, steps=0))


@pytest.mark.parametrize("waves", [(), (2, 4)])
def test_a_model_with_labels_by_hand(waves):
    """The network has a column for each word, and learns from prompted batches."""
    recipe = replace(SMALL, levels="even", lr_by_width=False, waves=waves)
    model, twin = new(recipe, data=labelled()), new(recipe, data=labelled())
    assert model.denoiser.columns == 4 and len(model.denoiser.network.layers) == 5 + bool(waves)
    make = noisy(model.data.prompted, model.denoiser.schedule, recipe.batch_size, recipe.antithetic)
    by_hand = list(train(twin.denoiser, twin.adam, chunked(make, Model.stream(3, TRAINING)), 30,
                         recipe.lr_at))
    assert run(model) == by_hand
    require_equal(model, replace(twin, losses=[loss for _, loss in by_hand]))


@pytest.mark.parametrize("data", [labelled, own_labelled])
def test_points_of_one_label(data, monkeypatch):
    monkeypatch.setattr(fast_blocks, "BLOCK", 50)
    model = new(data=data())
    run(model)
    label, d = model.data.labels[1], model.data.d
    prompted = points(model, 5, prompt=label)
    guided = Guided(model.denoiser, model.data.rows([label]), 2)
    blocks = sample(guided, model.denoiser.schedule, 5, d, Model.stream(3, SAMPLING))
    assert np.array_equal(points(model, 5, prompt=label, w=2), next(blocks))
    assert np.array_equal(points(model, 3, prompt=label, skip=2), prompted[2:])
    assert np.array_equal(points(model, 5, prompt=label, w=-1), points(model, 5))
    assert not np.array_equal(prompted, points(model, 5, prompt=model.data.labels[0]))
    with pytest.raises(ValueError, match='"x" is not a prompt here'):
        points(model, 5, prompt="x")


@pytest.mark.parametrize("change, rows, units", [
    ({"batch_size": 10 ** 6}, 10 ** 6, 21), ({"hidden": (9000,)}, 2048, 9005)])
def test_a_step_that_would_hold_too_much_is_refused(change, rows, units):
    recipe = replace(RECIPES["default"], hidden=(8, 8))
    with pytest.raises(ValueError, match=f"{rows} points at once, in layers with {units} units, "
                                         f"need room for {rows * units} numbers, and at most "
                                         "16777216 are allowed"):
        Model.new(replace(recipe, **change), 0, shape_data("circle"))


def test_large_batches_are_made_a_few_at_once():
    recipe = replace(RECIPES["default"], hidden=(1,), batch_size=10 ** 6)
    tracemalloc.start()
    next(Model.new(recipe, 0, shape_data("circle")).batches())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 ** 28, "a hundred at once would be 5 GB"
