"""app/finetune.py: a new model that starts from a saved one; its file, and what is refused."""
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.store import load_model, save_model
from scratchdiff.app.trouble import losses_on_same_noise
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES, finetuned
from scratchdiff.fast.streams import INIT
from scratchdiff.nn.lora import LoRA, adapted, largest_rank, merged
from scratchdiff.nn.network import Network
from scratchdiff.nn.waves import Waves
from tests.program import SMALL, call

pytestmark = pytest.mark.usefixtures("short_runs")

WAVES = replace(RECIPES["sharp"], hidden=(8, 8), steps=30, batch_size=16)
FINETUNE = ["--steps", 40, "--batch-size", 16, "--points", 50, "--quiet"]
KINDS = {"all parameters": [], "adapters": ["--lora", 2]}


def params(path):
    """What the network in a file computes with, adapters merged: (P,)."""
    return merged(load_model(str(path)).denoiser.network).params


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    path = tmp_path_factory.mktemp("finetune") / "circle.npz"
    assert call(*SMALL, "--points", 50, "--quiet", "--save", path)[0] == 0
    return path


@pytest.fixture(scope="module", params=KINDS, ids=KINDS)
def new(request, old):
    """(a file that was fine-tuned from `old` on the moons, the flags that it was made with)."""
    path = old.parent / f"{request.param}.npz"
    flags = ["--finetune", old, "--data", "moons", *KINDS[request.param], *FINETUNE]
    assert call(*flags, "--save", path)[0] == 0
    return path, flags


def test_it_starts_where_the_old_one_stands(old, new, tmp_path):
    """After a step that is too short to be seen, it is still the old network."""
    path, flags = tmp_path / "one.npz", new[1]
    assert call(*flags, "--steps", 1, "--lr", 1e-30, "--save", path)[0] == 0
    assert np.array_equal(params(path), params(old))


def test_training_moves_it_and_leaves_the_old_file_alone(old, new, tmp_path):
    before, path = old.read_bytes(), tmp_path / "again.npz"
    assert call(*new[1], "--save", path)[0] == 0
    assert old.read_bytes() == before
    assert np.array_equal(params(path), params(new[0])), "the same again, bit for bit"
    assert not np.array_equal(params(path), params(old))
    model = load_model(str(path))
    assert (model.data.name, model.recipe.steps, model.seed) == ("moons", 40, 0)


def test_a_file_is_whole_and_says_what_it_was_made_from(old, new, tmp_path):
    path, flags = new
    alone = tmp_path / "alone.npz"                  # in a folder without the old one
    alone.write_bytes(path.read_bytes())
    status, lines, err = call("sample", alone, "--points", 5)
    assert (status, len(lines), err) == (0, 5, "")
    model = load_model(str(alone))
    assert model.made_from == "circle.npz, 40 steps on the circle"
    assert call("--resume", alone)[1][0] == f"made from {model.made_from}"
    with np.load(alone) as arrays:
        assert ("base" in arrays) == ("--lora" in flags)


@pytest.mark.parametrize("stop", [1, 13, 39])
def test_a_run_that_was_stopped_ends_bit_for_bit_where_it_would_have(stop, new, tmp_path):
    path = tmp_path / "m.npz"
    model = load_model(str(new[0]))
    fresh = Model.new(model.recipe, model.seed, model.data, params(new[0].parent / "circle.npz"))
    for _ in zip(range(stop), fresh.train()):
        pass
    fresh.made_from = model.made_from
    save_model(str(path), fresh)
    assert call("--resume", path, "--save", path, "--quiet")[0] == 0
    with np.load(path) as a, np.load(new[0]) as b:
        assert sorted(a) == sorted(b) and all(np.array_equal(a[key], b[key]) for key in a)


def test_what_a_run_says(old):
    lines = call("--finetune", old, "--data", "moons", "--lora", 2, "--steps", 9)[1]
    assert lines[:3] == [
        "made from circle.npz, 40 steps on the circle",
        "what learns: adapters of rank 2, 42 parameters beside 50 frozen ones",
        "9 steps, lr 0.08; center and scale are those of the new points"]
    lines = call("--finetune", old, "--data", "moons", "--steps", 9, "--lr", 0.1)[1]
    assert lines[1:3] == ["what learns: all 50 parameters",
                          "9 steps, lr 0.1; center and scale are those of the new points"]


def test_own_points_have_their_own_center_and_scale(old, tmp_path):
    points = np.random.default_rng(0).standard_normal((40, 2)) * [10, 0.1] + [500, -3]
    np.savetxt(tmp_path / "p.csv", points, delimiter=",")
    path = tmp_path / "m.npz"
    assert call("--finetune", old, "--data", tmp_path / "p.csv", *FINETUNE, "--save", path)[0] == 0
    standard = load_model(str(path)).data.standard
    assert np.allclose(standard.center, points.mean(axis=0))
    assert np.allclose(standard.scale, points.std(axis=0) * np.sqrt(2))


def test_adapters_on_adapters_start_from_the_merged_network(new, tmp_path):
    path = tmp_path / "third.npz"
    assert call("--finetune", new[0], "--data", "segment", "--lora", 1, *FINETUNE, "--save",
                path)[0] == 0
    model = load_model(str(path))
    assert np.array_equal(model.base, params(new[0])), "and training left it alone"
    assert model.recipe.lora == 1 and model.made_from.endswith(".npz, 40 steps on the moons")


# What is refused.

@pytest.mark.parametrize("flags, said", [
    ("--lora 4", "--lora needs --finetune FILE"),
    ("--finetune {old}", "--finetune needs --data WHAT"),
    ("--finetune no.npz --data moons", "cannot read no.npz: No such file or directory"),
    ("--finetune p.csv --data moons", "cannot use p.csv: it is not a model file, or it is damaged"),
    ("--finetune {old} --data moons --lora 4",
     "--lora must be from 1 to 3, the largest rank of a layer of {old}, got 4"),
    ("--finetune {old} --data moons --lora 0", "argument --lora: must be a whole number from 1"),
    ("--finetune {old} --data p.csv",
     "{old} has learned points with 2 columns: it cannot be fine-tuned on points with 3"),
    ("--finetune {old} --data moons --hidden 9",
     "{old} has hidden 8: it cannot be fine-tuned with 9"),
    ("--finetune {old} --data moons --recipe sharp",
     "{old} has hidden 8: it cannot be fine-tuned with 48 48 48 48"),
    ("--finetune {old} --data moons --recipe sharp --hidden 8",
     "{old} has waves none: it cannot be fine-tuned with 2 4 8"),
    ("--finetune {old} --data moons --recipe prompts --hidden 8",
     "{old} has schedule linear: it cannot be fine-tuned with squares"),
    ("--finetune {old} --data moons --resume {old}", "--resume goes on with a model, --finetune"),
])
def test_bad_input_is_one_line(flags, said, old, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("p.csv", np.random.default_rng(0).standard_normal((30, 3)), delimiter=",")
    status, out, err = call(*flags.format(old=old).split(), "--save", "m.npz")
    assert (status, out) == (2, []) and err.count("\n") == 1
    assert err.startswith("scratchdiff: error: " + said.format(old=old))
    assert not (tmp_path / "m.npz").exists()


def test_what_agrees_with_the_old_model_may_be_said_again(old):
    flags = ["--finetune", old, "--data", "moons", *FINETUNE, "--hidden", 8, "--recipe", "default"]
    assert call(*flags)[0] == 0


@pytest.mark.parametrize("change, said", [
    (lambda arrays: arrays.pop("base"), "its arrays are not those that its header names"),
    (lambda arrays: arrays.update(base=arrays["base"][1:]),
     r"array base has shape \(49,\), it must be \(50,\)"),
    (lambda arrays: arrays.update(base=np.full_like(arrays["base"], np.inf)), "array base holds"),
    (lambda arrays: arrays.update(params=arrays["base"]), r"array params has shape \(50,\)"),
])
def test_every_inconsistency_of_a_file_with_adapters_is_named(change, said, tmp_path):
    path = str(tmp_path / "m.npz")
    recipe = replace(RECIPES["default"], hidden=(8,), steps=3, batch_size=4, lora=2)
    save_model(path, Model.new(recipe, 0, shape_data("circle")))
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(CommandError, match=f"cannot use {path}: {said}"):
        load_model(path)


def test_a_rank_that_the_network_in_a_file_does_not_have(tmp_path):
    """Ranks 8 and 9 have arrays of the same sizes here, so only the rank itself can tell."""
    path = str(tmp_path / "m.npz")
    recipe = replace(RECIPES["default"], hidden=(8, 8), steps=3, batch_size=4, lora=8)
    model = Model.new(recipe, 0, shape_data("circle"))
    model.recipe = replace(recipe, lora=9)
    save_model(path, model)
    with pytest.raises(CommandError, match="r must be from 1 to 8, the largest rank of a layer"):
        load_model(path)


# The model and its recipe.

def test_adapters_for_a_network_with_waves():
    base = Model.new(WAVES, 0, shape_data("spiral"))
    model = Model.new(replace(WAVES, lora=2), 1, shape_data("spiral"), base.adam.params)
    network = model.denoiser.network
    assert isinstance(network, Network) and isinstance(network.layers[0], Waves)
    assert len(model.adam.params) == model.recipe.size(WAVES.widths(2))
    xt, t = np.ones((5, 2), np.float32), np.arange(5)
    assert np.array_equal(model.denoiser(xt, t), base.denoiser(xt, t))
    for _ in model.train():
        pass
    assert np.array_equal(model.base, base.adam.params)
    assert not np.array_equal(model.denoiser(xt, t), base.denoiser(xt, t))
    plain = replace(model, few=None)
    plain.denoiser = replace_network(model.denoiser, merged(network))
    a, b = (np.concatenate(list(one.sample(20))) for one in (model, plain))
    assert np.array_equal(a, b), "sampling runs merged"


def replace_network(denoiser, network):
    return type(denoiser)(network, denoiser.schedule, denoiser.predicts, denoiser.d)


def test_adapters_are_drawn_after_the_weights_of_a_new_network():
    """From the same stream: so A is not a copy of weights that the base once started from."""
    recipe = replace(RECIPES["default"], hidden=(8, 8))
    model, plain = (Model.new(replace(recipe, lora=r), 3, shape_data("circle")) for r in (2, 0))
    assert np.array_equal(model.base, plain.adam.params) and plain.base is None
    same = adapted(plain.denoiser.network, 2, Model.stream(3, INIT))
    assert not np.array_equal(model.adam.params, same.params)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("lora", [0, 1, 4, 100])
def test_the_size_of_a_recipe_is_that_of_its_network(name, lora):
    recipe = replace(RECIPES[name], lora=lora)
    network = Model.new(replace(recipe, lora=0), 0, shape_data("circle")).denoiser.network
    if lora:
        most = min(lora, largest_rank(network))
        network = adapted(network, most, np.random.default_rng(0))
    assert recipe.size(recipe.widths(2)) == len(network.params)


def test_the_learning_rate_follows_the_rank():
    recipe = RECIPES["default"]
    rates = {r: finetuned(recipe, r).lr for r in (0, 1, 2, 8, 32)}
    assert rates[0] == rates[32] == 0.02 and rates[8] == pytest.approx(0.04)
    assert rates[1] / rates[2] == pytest.approx(np.sqrt(2))
    assert finetuned(replace(recipe, lora=4)).lora == 0, "adapters are not inherited"
    assert finetuned(RECIPES["tutorial"]).lr_schedule == "linear"


def test_a_network_that_answers_0_is_one_without_the_base_too():
    """Adapters of 0 leave the old network, so trouble.py must not take these for silence."""
    recipe = replace(RECIPES["default"], hidden=(8, 8))
    plain = Model.new(recipe, 0, shape_data("moons"))
    model = Model.new(replace(recipe, lora=2), 0, shape_data("moons"), plain.adam.params)
    assert any(isinstance(layer, LoRA) for layer in model.denoiser.network.layers)
    assert losses_on_same_noise(model) == losses_on_same_noise(plain)
