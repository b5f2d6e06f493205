"""app/run.py: train, generate, report, save; and Ctrl-C in the middle of it."""
import fcntl
import io
import os
import pty
import re
import shlex
import signal
import struct
import sys
import termios
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest

from scratchdiff.app.cli import main
from scratchdiff.app.files import store
from scratchdiff.app.files.store import load_model
from scratchdiff.app.show.best import loss_parts
from scratchdiff.app.signals import INTERRUPTS
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.measure.exact import ExactDenoiser
from tests.program import SMALL, call, run, walk_together

pytestmark = pytest.mark.usefixtures("short_runs")

QUIET = [*SMALL, "--points", 50, "--quiet"]
quiet_run = cache(lambda: call(*QUIET))


def test_the_tutorials_run():
    status, lines, _ = call("--recipe", "tutorial", "--quiet")
    assert status == 0 and len(lines) == 3
    assert abs(float(lines[1].split()[3]) - 1) <= 0.03 and 0.05 < float(lines[2].split()[3]) <= 0.13


def test_the_same_again_byte_for_byte():
    first, second, other = (call(*QUIET, "--seed", seed)[1] for seed in (5, 5, 6))
    assert first == second != other


def test_quiet_leaves_three_lines():
    _, lines, _ = call(*SMALL, "--points", 7)
    _, quiet, _ = call(*SMALL, "--points", 7, "--quiet")
    assert len(quiet) == 3 and quiet == lines[2:5] and quiet[0] == "generated 7 points"
    assert lines[5].startswith("off the shape = ")
    assert lines[6] == "how good could it be? (every noise level counts alike here)"
    assert lines[7].startswith("loss ") and "the perfect denoiser, 50 steps:" in lines


def test_one_point_has_no_spread():
    _, lines, _ = call(*SMALL, "--points", 1, "--quiet")
    assert lines[0] == "generated 1 point" and lines[2].startswith("std radius = unknown ")


@pytest.mark.parametrize("flag", [
    "--recipe tutorial", "--steps 50", "--batch-size 17", "--hidden 9", "--hidden 8 8", "--lr 0.1",
    "--variance beta", "--seed 1", "--data moons", "--points 51"])
def test_every_flag_changes_the_result(flag):
    assert call(*QUIET, *flag.split())[1] != quiet_run()[1]


def test_a_printed_loss_is_the_mean_since_the_last_one(monkeypatch):
    losses = [0.5, *[0.3] * 499, *[0.25] * 249, *[0.15] * 251, *[0.1] * 10]

    def train(model):
        for step, loss in enumerate(losses):
            model.losses.append(loss)
            model.adam.k += 1
            yield step, loss

    monkeypatch.setattr(Model, "train", train)
    monkeypatch.setattr("scratchdiff.app.run.expect_learned", lambda model: None)
    _, lines, _ = call(*SMALL, "--steps", len(losses))
    assert lines[:4] == ["step     1  loss 0.5000", "step   500  loss 0.3000",
                         "step  1000  loss 0.1998", "step  1010  loss 0.1000"]


def pressing(monkeypatch, number, at):
    """Press Ctrl-C, or send another signal, once training has taken `at` steps."""
    train = Model.train

    def train_and_press(model):
        for step, loss in train(model):
            if step + 1 == at:
                signal.raise_signal(number)
                signal.raise_signal(number)     # impatience changes nothing
            yield step, loss

    monkeypatch.setattr(Model, "train", train_and_press)
    return signal.signal(number, signal.default_int_handler)


@pytest.mark.parametrize("number", INTERRUPTS)
def test_after_ctrl_c_a_run_goes_on_as_if_nothing_had_been(number, tmp_path, monkeypatch):
    stopped, resumed, whole = (tmp_path / name for name in ("it's.npz", "resumed.npz", "whole.npz"))
    _, lines, _ = call(*QUIET, "--save", whole)
    with monkeypatch.context() as patch:
        before = pressing(patch, number, 23)
        try:
            status, out, err = call(*QUIET, "--save", stopped)
        finally:
            signal.signal(number, before)
    name = shlex.quote(str(stopped))
    assert (status, out) == (130, [])
    assert err == (f"scratchdiff: interrupted after 23 steps, saved in {stopped}; "
                   f"go on with --resume {name} --save {name}\n")
    assert load_model(str(stopped)).adam.k == 23
    assert call("--resume", stopped, "--save", resumed, "--points", 50, "--quiet")[1] == lines
    with np.load(whole) as a, np.load(resumed) as b:
        assert sorted(a) == sorted(b) and all(np.array_equal(a[key], b[key]) for key in a)


def test_ctrl_c_without_save(monkeypatch):
    before = pressing(monkeypatch, signal.SIGINT, 5)
    try:
        assert call(*QUIET) == (130, [], "scratchdiff: interrupted\n")
    finally:
        signal.signal(signal.SIGINT, before)


def test_save_every(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(store, "save_model", lambda path, model: steps.append(model.adam.k))
    call(*QUIET, "--save", tmp_path / "m.npz", "--save-every", 15)
    assert steps == [15, 30, 40]


def test_steps_that_will_be_lost(tmp_path):
    model = tmp_path / "m.npz"
    call(*QUIET, "--save", model)
    said = "the 20 steps to come will be lost: without --save FILE, nothing keeps them"
    assert call("--resume", model, "--steps", 60)[1][0] == said
    for flags in (["--steps", 40], ["--steps", 60, "--save", model]):
        assert "will be lost" not in "".join(call("--resume", model, *flags)[1])


def test_own_points_of_any_size_come_back_in_their_own_place(tmp_path):
    rng = np.random.default_rng(0)
    points = np.array([1000.0, -5.0, 3e6]) + rng.standard_normal((200, 3)) * [10, 0.1, 20]
    np.savetxt(tmp_path / "p.csv", points, delimiter=",")
    model, out, picture = (tmp_path / name for name in ("m.npz", "o.csv", "p.svg"))
    status, lines, err = call("--data", tmp_path / "p.csv", "--steps", 300, "--hidden", 32, 32,
                              "--save", model, "--picture", picture)
    assert (status, err) == (0, "") and any("energy distance = " in line for line in lines)
    assert call("sample", model, "--points", 1000, "--out", out)[0] == 0
    made = np.loadtxt(out, delimiter=",")
    assert made.shape == (1000, 3)
    assert np.abs(made.mean(axis=0) - points.mean(axis=0)).max() < 10
    assert np.allclose(made.std(axis=0)[[0, 2]], [10, 20], rtol=0.3)
    assert "p.csv: 500 generated points" in picture.read_text()


def test_the_figures_are_those_of_the_first_points_of_the_sample(tmp_path):
    """Of 300 points, which are made in two blocks."""
    model = tmp_path / "m.npz"
    lines = call(*SMALL, "--points", 300, "--quiet", "--save", model)[1]
    radius = np.hypot(*np.concatenate(list(load_model(str(model)).sample(300))).T)
    assert lines[1].startswith(f"mean radius = {radius.mean():.4f} ")
    assert lines[2].startswith(f"std radius = {radius.std():.4f} ")


def test_a_field_needs_two_columns(tmp_path):
    np.savetxt(tmp_path / "p.csv", np.random.default_rng(0).standard_normal((9, 3)), delimiter=",")
    said = "--field draws two columns, and these points have 3"
    assert call(*QUIET, "--data", tmp_path / "p.csv", "--field", tmp_path / "f.svg") == (
        2, [], f"scratchdiff: error: {said}\n")


def test_a_field_is_of_the_network_beside_the_perfect_denoiser(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("scratchdiff.app.run.field", lambda *given: seen.append(given[:2]) or "")
    call(*QUIET, "--field", tmp_path / "f.svg")
    assert [tuple(map(type, given)) for given in seen] == [(Denoiser, ExactDenoiser)]


def test_every_stream_is_one_of_the_runs_seed(tmp_path, monkeypatch):
    """Seed and part are two whole numbers: swapped, another run's numbers would be used."""
    asked, stream = [], Model.stream
    monkeypatch.setattr(Model, "stream", staticmethod(
        lambda seed, part: asked.append(seed) or stream(seed, part)))
    call(*SMALL, "--seed", 77, "--picture", tmp_path / "p.svg", "--field", tmp_path / "f.svg")
    assert asked.count(0) == 1, "the floor is measured on the same points in every run"
    assert len(asked) > 5 and {*asked} == {0, 77}


def test_data_from_standard_input(monkeypatch):
    text = "\n".join(f"{x},{x * x}" for x in np.linspace(-1, 1, 50))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    status, lines, _ = call(*QUIET, "--data", "-")
    assert status == 0 and lines[1].startswith("energy distance = ")


def test_pictures(tmp_path):
    still, moving, curve = (tmp_path / name for name in ("s.svg", "m.svg", "c.svg"))
    assert call(*QUIET, "--picture", still, "--loss-curve", curve)[0] == 0
    assert call(*QUIET, "--picture", moving, "--animate", "--points", 20)[0] == 0
    assert "<animate" not in still.read_text() and "circle: 50 generated" in still.read_text()
    assert "<animate" in moving.read_text() and "mean radius " in moving.read_text()
    model = Model.new(RECIPES["default"], 0, shape_data("circle"))
    floor = model.levels.shares @ loss_parts(model)[0]
    assert "40 steps" in curve.read_text()
    assert f"the best possible: {floor:.4g}" in curve.read_text(), "not the excess"


def test_own_points_have_a_loss_curve_without_a_floor(tmp_path):
    curve = tmp_path / "c.svg"
    np.savetxt(tmp_path / "p.csv", np.random.default_rng(0).standard_normal((30, 2)), delimiter=",")
    assert call(*QUIET, "--data", tmp_path / "p.csv", "--loss-curve", curve)[::2] == (0, "")
    assert "40 steps" in curve.read_text() and "the best possible" not in curve.read_text()


def test_signals_are_held_while_a_picture_is_written(tmp_path, monkeypatch):
    handlers = []
    monkeypatch.setattr("scratchdiff.app.run.write_text",
                        lambda path, text: handlers.append(signal.getsignal(signal.SIGINT)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        call(*QUIET, "--picture", tmp_path / "p.svg", "--loss-curve", tmp_path / "c.svg")
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(handlers) == 2 and signal.default_int_handler not in handlers


@pytest.mark.parametrize("name, shown", [("a\x01b.csv", "a\\x01b.csv"),
                                         ("\udcff.csv", "\\udcff.csv")])
def test_a_picture_of_a_file_with_any_name(name, shown, tmp_path):
    np.savetxt(tmp_path / name, np.random.default_rng(0).standard_normal((30, 2)), delimiter=",")
    picture = tmp_path / "p.svg"
    assert call(*QUIET, "--data", tmp_path / name, "--picture", picture)[::2] == (0, "")
    label = ElementTree.parse(picture).getroot().get("aria-label")
    assert label.startswith(f"{shown}: 50 generated points")


def read_all(terminal):
    """What is written to a terminal until it is closed."""
    data = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:                 # on Linux, the end of a terminal
            return data.decode()
        if not chunk:
            return data.decode()
        data += chunk


def on_a_terminal(monkeypatch, *arguments):
    """What main() writes to a terminal of 100 columns, standard output and error together."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    with ThreadPoolExecutor(1) as pool:
        text = pool.submit(read_all, master)
        with open(slave, "w", encoding="utf-8") as terminal:
            with redirect_stdout(terminal), redirect_stderr(terminal):
                assert main(arguments) == 0
    os.close(master)
    return text.result()


def test_on_a_terminal_there_is_progress_while_it_trains_and_a_picture_at_the_end(monkeypatch):
    text = on_a_terminal(monkeypatch, *SMALL)
    assert re.search(r"\r=*\.* step 20/40  loss \d\.\d{4}", text)
    lines = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    assert lines[0].startswith("step     1  loss")
    assert not any("step 20/40" in line for line in lines), "it is gone at the end"
    assert sum(any("\u2800" <= sign <= "\u28ff" for sign in line) for line in lines) > 10


def test_in_a_process_of_its_own(monkeypatch):
    status, out, err = run(*QUIET)
    walk_together(monkeypatch, 2048)
    assert (status, err) == (0, "") and out.splitlines() == call(*QUIET)[1]
