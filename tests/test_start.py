"""app/start.py: from options to a model, new or resumed."""
from types import SimpleNamespace

import numpy as np
import pytest

from scratchdiff.app.files.store import load_model
from scratchdiff.app.start import label_flag, read_data
from scratchdiff.experiment.data import own_data
from scratchdiff.experiment.model import Model
from scratchdiff.fast.streams import SPLIT
from tests.program import SMALL, call

pytestmark = pytest.mark.usefixtures("short_runs")

QUIET = [*SMALL, "--points", 50, "--quiet"]
REFUSED = [     # flags for a model of SMALL, what is said
    ("--lr 1", "was trained with lr 0.015: it cannot go on with 1.0"),
    ("--hidden 8 8", "was trained with hidden 8: it cannot go on with 8 8"),
    ("--recipe tutorial", "was trained with hidden 8: it cannot go on with 64 64, "
                          "as --recipe tutorial has it"),
    ("--variance beta", "was trained with variance posterior: it cannot go on with beta"),
    ("--batch-size 1", "was trained with batch_size 16: it cannot go on with 1"),
    ("--seed 1", "was trained with seed 0: it cannot go on with 1"),
    ("--data moons", "was trained on other data: it cannot go on on moons"),
    ("--data p.csv", "was trained on other data: it cannot go on on p.csv"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("start") / "m.npz"
    assert call(*QUIET, "--save", path)[0] == 0
    return path


@pytest.mark.parametrize("flags, said", REFUSED, ids=[flags for flags, _ in REFUSED])
def test_resume_refuses_what_contradicts_the_file(flags, said, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savetxt("p.csv", np.random.default_rng(0).standard_normal((30, 2)), delimiter=",")
    before = model.read_bytes()
    line = f"scratchdiff: error: {model} {said}\n"
    assert call("--resume", model, *flags.split(), "--save", model) == (2, [], line)
    assert model.read_bytes() == before


def test_a_run_and_its_resume_hold_back_the_same_points(tmp_path):
    """Of 30 points, 3 that neither learns from. The seed is that of the run."""
    file, model = str(tmp_path / "p.csv"), tmp_path / "m.npz"
    points = np.random.default_rng(0).standard_normal((30, 2))
    np.savetxt(file, points, delimiter=",")
    held_back = own_data(points, Model.stream(7, SPLIT)).real(9, None)
    assert np.allclose(read_data(file, 7).real(9, None), held_back, rtol=0, atol=1e-12)
    assert not np.allclose(read_data(file, 8).real(9, None), held_back)
    assert call(*QUIET, "--data", file, "--seed", 7, "--save", model)[0] == 0
    assert np.allclose(load_model(str(model)).data.real(9, None), held_back, rtol=0, atol=1e-12)


def test_an_outlier_is_refused(tmp_path):
    file = tmp_path / "p.csv"
    np.savetxt(file, np.append(np.arange(40.0), 1e9))
    status, _, err = call(*QUIET, "--data", file)
    assert status == 2
    assert err.startswith(f"scratchdiff: error: cannot learn from {file}: line 41: column 1 holds")


@pytest.mark.parametrize("labels, label, flag", [
    ((), None, None), (("left", "right"), None, "part"),
    (("a", "b"), (1, "kind"), "kind"), (("a", "b"), (1, None), "2"), (("a", "b"), (0, ""), "1")])
def test_what_label_calls_the_labels(labels, label, flag):
    """A column's name, or its number from 1; a shape's parts."""
    assert label_flag(SimpleNamespace(labels=labels, label_column=label)) == flag


def test_fewer_steps_than_it_has_taken(model):
    said = f"scratchdiff: error: --steps 39 is fewer than the 40 steps that {model} has taken\n"
    assert call("--resume", model, "--steps", 39) == (2, [], said)


def test_what_does_not_contradict_may_be_said_again(model):
    for flags in ([], SMALL, "--seed 0 --data circle --variance posterior".split()):
        assert call("--resume", model, "--quiet", *flags)[0] == 0


def test_more_steps_for_a_model_that_is_done(model, tmp_path):
    more = tmp_path / "more.npz"
    assert call("--resume", model, "--steps", 60, "--save", more, "--quiet")[0] == 0
    trained = load_model(str(more))
    assert (trained.adam.k, trained.recipe.steps, len(trained.losses)) == (60, 60, 60)


@pytest.mark.parametrize("flags, steps", [((), 50), (("--sampler", "ddpm"), 50),
                                          (("--sampler", "dpm"), 10),
                                          (("--sampler", "ddim", "--sampler-steps", 3), 3)])
def test_the_sampler_decides_the_steps(flags, steps):
    status, out, _ = call(*SMALL, *flags)
    assert status == 0 and any(f"the perfect denoiser, {steps} steps:" in line for line in out)


@pytest.mark.parametrize("flags, said", [
    (("--sampler", "heun"), "--sampler must be one of ddpm, ddim, dpm, got heun"),
    (("--sampler-steps", 10), "the ddpm walk takes all 50 steps: for fewer, --sampler dpm"),
    (("--sampler", "dpm", "--sampler-steps", 51), "--sampler-steps must be from 1 to 50, got 51")])
def test_steps_that_no_sampler_has(flags, said):
    assert call(*SMALL, *flags) == (2, [], f"scratchdiff: error: {said}\n")


def test_a_saved_model_takes_few_steps_too(tmp_path):
    model = tmp_path / "m.npz"
    call(*SMALL, "--save", model)
    dpm = call("sample", model, "--points", 3, "--sampler", "dpm")
    assert dpm[0] == 0 and dpm[1] != call("sample", model, "--points", 3)[1]
