"""app/sample.py: points from a saved model."""
import os
import signal

import numpy as np
import pytest

from scratchdiff.app import sample as module
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.signals import _end
from scratchdiff.experiment.model import Model
from tests.program import SMALL, call

pytestmark = pytest.mark.usefixtures("short_runs")


@pytest.fixture(scope="module")
def model(tmp_path_factory, short_runs):
    path = tmp_path_factory.mktemp("sample") / "m.npz"
    assert call(*SMALL, "--data", "spiral", "--save", path, "--quiet")[0] == 0
    return path


def test_the_first_points_and_those_after_them(model):
    status, lines, err = call("sample", model, "--points", 5)
    assert (status, err, len(lines)) == (0, "", 5)
    assert all(len(line.split(",")) == 2 for line in lines)
    assert call("sample", model, "--points", 3, "--skip", 2)[1] == lines[2:]


def test_without_flags_it_is_the_first_500_points(model):
    lines = call("sample", model)[1]
    assert len(lines) == 500 and lines[:5] == call("sample", model, "--points", 5)[1]


def test_the_seed(model):
    own, same, other = (call("sample", model, "--points", 5, *flags)[1]
                        for flags in ([], ["--seed", 0], ["--seed", 1]))
    assert own == same != other


def test_two_parts_are_the_whole(model, tmp_path):
    whole, first, second = (tmp_path / name for name in ("whole.npy", "first.npy", "second.npy"))
    call("sample", model, "--points", 500, "--out", whole)
    call("sample", model, "--points", 300, "--out", first)
    call("sample", model, "--points", 200, "--skip", 300, "--out", second)
    assert np.array_equal(np.load(whole), np.concatenate([np.load(first), np.load(second)]))


def test_the_two_formats_hold_the_same_points(model, tmp_path):
    text, binary = tmp_path / "a.csv", tmp_path / "a.npy"
    for out in (text, binary):
        assert call("sample", model, "--points", 5, "--out", out) == (0, [], "")
    assert np.array_equal(np.loadtxt(text, delimiter=",", dtype=np.float32),
                          np.load(binary).astype(np.float32))


def test_what_is_for_a_clock_only(model):
    said = f"scratchdiff: error: --animate is for a clock, and {model} is not one\n"
    assert call("sample", model, "--animate") == (2, [], said)


def test_progress_counts_the_points(model, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(Progress, "show", lambda self, done, text: seen.append((done, text)))
    call("sample", model, "--points", 300, "--out", tmp_path / "out.npy")
    assert seen == [(256, "256 of 300 points"), (300, "300 of 300 points")]


def test_ctrl_c_leaves_no_half_of_a_file(model, tmp_path, monkeypatch):
    make = Model.sample

    def make_and_press(*arguments):
        for block in make(*arguments):
            yield block
            assert len(os.listdir(tmp_path)) == 1, "the file is being written, under another name"
            assert signal.getsignal(signal.SIGINT) is not _end, "which would end these tests"
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Model, "sample", make_and_press)
    before = signal.signal(signal.SIGINT, _end)         # as in the program
    try:
        out = tmp_path / "out.csv"
        ended = call("sample", model, "--points", 900, "--out", out)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == (130, [], "scratchdiff: interrupted\n") and os.listdir(tmp_path) == []


@pytest.mark.parametrize("prompt", [None, "upper"])
def test_a_picture_of_the_sample_on_real_points(prompt, tmp_path, monkeypatch):
    """With a prompt, the real points are those with this label: the upper moon's mean is 0.39."""
    model, picture = tmp_path / "m.npz", tmp_path / "p.svg"
    call(*SMALL, "--data", "moons", "--label", "part", "--save", model, "--quiet")
    drawn = []
    monkeypatch.setattr(module, "DRAWN", 300)
    monkeypatch.setattr(module, "scatter", lambda *parts: drawn.append(parts) or "<svg/>")
    asked = ["--prompt", prompt] if prompt else []
    status, lines, err = call("sample", model, "--points", 350, "--picture", picture, *asked)
    assert (status, len(lines), err) == (0, 350, "") and picture.read_text() == "<svg/>"
    (real, made, caption, names), = drawn
    assert len(made) == module.DRAWN and names is None
    assert np.allclose(made[:3], [[float(x) for x in line.split(",")] for line in lines[:3]])
    assert abs(real[:, 1].mean() - 0.39 * bool(prompt)) < 0.1
    assert caption == [f"{module.DRAWN} generated points", *[f"prompt: {prompt}"] * bool(prompt)]


def test_a_picture_that_cannot_be_written_is_refused_first(tmp_path):
    path = tmp_path / "no" / "p.svg"
    status, lines, err = call("sample", tmp_path / "m.npz", "--picture", path)
    assert (status, lines) == (2, []) and f"cannot write {path}: there is no folder" in err
