"""The command line, as a person uses it."""
import fcntl
import gc
import io
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from scratchdiff.app.files import store
from scratchdiff.app.cli import main
from scratchdiff.app.errors import INTERRUPTS
from scratchdiff.app.files.store import load_model

ROOT = Path(__file__).parent.parent
SMALL = ["--steps", "40", "--hidden", "8", "--batch-size", "16"]
COMMAND = [sys.executable, "-m", "scratchdiff"]


def run(*arguments, **rest):
    """In a process of its own."""
    return subprocess.run([*COMMAND, *map(str, arguments)], cwd=ROOT, text=True, capture_output=True, timeout=60, **rest)


@pytest.fixture
def cli(capsys):
    """In this process, which is faster: the exit status, the lines on stdout, and what is on stderr."""
    def call(*arguments):
        status = main(list(map(str, arguments)))
        out, err = capsys.readouterr()
        return status, out.splitlines(), err
    return call


def test_the_tutorials_run(cli):
    status, lines, _ = cli("--recipe", "tutorial", "--quiet")
    assert status == 0 and len(lines) == 3
    assert abs(float(lines[1].split()[3]) - 1) <= 0.03 and 0.05 < float(lines[2].split()[3]) <= 0.13


def test_the_same_again_byte_for_byte():
    first, second, other = (run(*SMALL, "--seed", seed).stdout for seed in (5, 5, 6))
    assert first == second != other


def test_quiet_leaves_the_last_three_lines(cli):
    _, lines, _ = cli(*SMALL, "--points", 7)
    _, quiet, _ = cli(*SMALL, "--points", 7, "--quiet")
    assert len(quiet) == 3 and quiet == lines[1:4] and quiet[0] == "generated 7 points"


def test_one_point_has_no_spread(cli):
    _, lines, _ = cli(*SMALL, "--points", 1, "--quiet")
    assert lines[0] == "generated 1 point" and lines[2].startswith("std radius = unknown ")


@pytest.mark.parametrize("flag, value", [("--recipe", "tutorial"), ("--steps", 400), ("--batch-size", 17), ("--lr", 0.5),
                                         ("--variance", "beta"), ("--seed", 1), ("--data", "moons"), ("--points", 501)])
def test_every_flag_changes_the_result(cli, flag, value):
    assert cli(*SMALL, "--points", 50, "--quiet")[1] != cli(*SMALL, "--points", 50, "--quiet", flag, value)[1]


def test_hidden_layers(cli):
    assert len({tuple(cli("--steps", 5, "--batch-size", 16, "--hidden", *widths)[1]) for widths in [(8,), (9,), (8, 8)]}) == 3


@pytest.mark.parametrize("arguments, said", [
    (["--steps", "0"], "argument --steps: wants a whole number from 1 to 1000000000, got '0'"),
    (["--steps", "-5"], "argument --steps: wants a whole number from 1 to 1000000000, got '-5'"),
    (["--steps", "many"], "argument --steps: wants a whole number from 1 to 1000000000, got 'many'"),
    (["--steps", "1.5"], "argument --steps: wants a whole number"), (["--steps"], "argument --steps: expected one argument"),
    (["--lr", "nan"], "argument --lr: wants a number above 0, got 'nan'"), (["--lr", "0"], "argument --lr: wants a number above 0"),
    (["--lr", "inf"], "argument --lr: wants a number above 0"), (["--lr", "-1"], "argument --lr: wants a number above 0"),
    (["--lr", "fast"], "argument --lr: wants a number above 0, got 'fast'"),
    (["--hidden", "0"], "argument --hidden: wants a whole number from 1 to 1000000, got '0'"),
    (["--hidden", "64", "x"], "argument --hidden: wants a whole number from 1 to 1000000, got 'x'"),
    (["--points", "-3"], "argument --points: wants a whole number from 1 to 1000000000000, got '-3'"),
    (["--points", "0"], "argument --points: wants a whole number from 1 to 1000000000000, got '0'"),
    (["--steps", "9" * 30], "argument --steps: wants a whole number from 1 to 1000000000, got '999"),
    (["--batch-size", "1000001"], "argument --batch-size: wants a whole number from 1 to 1000000, got '1000001'"),
    (["--hidden", "8", "1000001"], "argument --hidden: wants a whole number from 1 to 1000000, got '1000001'"),
    (["--points", "1" + "0" * 12], "not enough memory: "), (["--data", ""], "cannot read '': it must be a file"),
    (["--resume", ""], "cannot read '': No such file"),
    (["--picture", "a.svg", "--loss-curve", "./a.svg"], "--picture and --loss-curve must be two files"),
    (["--data", "no\nsuch\x1bfile.csv"], "cannot read no\\nsuch\\x1bfile.csv: No such file"),
    (["--batch-size", "0"], "argument --batch-size: wants a whole number from 1 to 1000000, got '0'"),
    (["--seed", "-1"], "argument --seed: wants a whole number from 0 up, got '-1'"),
    (["--recipe", "secret"], "argument --recipe: invalid choice: 'secret'"), (["--variance", "x"], "argument --variance: invalid choice"),
    (["--frobnicate"], "unrecognized arguments: --frobnicate"), (["--ste", "5"], "unrecognized arguments: --ste"),
    (["train"], "unrecognized arguments: train (see python -m scratchdiff --help)"), (["--animate"], "--animate needs --picture FILE"),
    (["--save-every", "5"], "--save-every needs --save"), (["--save-every", "0", "--save", "m.npz"], "argument --save-every: wants"),
    (["--save", "model.txt"], "argument --save: wants a file name that ends in .npz, got 'model.txt'"),
    (["--picture", "p.png"], "argument --picture: wants a file name that ends in .svg"),
    (["--save", "no/such/m.npz"], "cannot write no/such/m.npz: there is no folder no/such"),
    (["--picture", "no/p.svg"], "cannot write no/p.svg: there is no folder no"), (["--resume", "no.npz"], "cannot read no.npz: No such file"),
    (["--data", "no.csv"], "cannot read no.csv: No such file or directory"), (["--data", "circel"], "cannot read circel: it must be a file"),
    (["--hidden", "1000000", "1000000"], "not enough memory: "), (["sample"], "the following arguments are required: MODEL"),
    (["sample", "no.npz"], "cannot read no.npz: No such file"), (["sample", "m.npz", "--out", "p.txt"], "argument --out: wants a file name"),
    (["sample", "m.npz", "--points", "0"], "argument --points: wants"), (["sample", "m.npz", "--skip", "-1"], "argument --skip: wants"),
    (["check", "--layer", "Tanh"], "argument --layer: invalid choice: 'Tanh'"), (["check", "more"], "unrecognized arguments: more (see python -m scratchdiff check --help)")])
def test_bad_input_is_one_line_and_status_2(cli, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = cli(*arguments)
    assert (status, out) == (2, []) and err.startswith(f"scratchdiff: error: {said}") and err.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_bad_input_in_a_process_of_its_own():
    result = run("--steps", "0")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "scratchdiff: error: argument --steps: wants a whole number from 1 to 1000000000, got '0'\n"


@pytest.mark.parametrize("recipe", ["default", "tutorial"])
def test_a_loss_that_explodes_stops_the_run(cli, recipe):
    status, out, err = cli("--lr", "1e6", "--recipe", recipe)
    assert status == 2 and len(out) <= 1
    assert re.fullmatch(r"scratchdiff: error: the network has diverged, the loss at step \d+ is no longer finite: "
                        r"try an --lr smaller than 1e\+06\n", err)


def test_a_last_step_that_is_too_long_is_noticed_too(tmp_path, cli):
    """The loss is the one before the step."""
    model = tmp_path / "m.npz"
    said = "scratchdiff: error: the network has diverged, {} are no longer finite: try an --lr smaller than {}\n"
    for flags in (["--steps", 5, "--quiet", "--save", model], ["--steps", 10, "--quiet", "--picture", tmp_path / "p.svg"]):
        assert cli("--lr", 1, *flags) == (2, [], said.format("the points that it makes", 1))
    assert cli("sample", model) == (2, [], said.format("the points that it makes", 1)), "the file is sound: its points are not"
    model.unlink()
    assert cli("--lr", 1e39, "--steps", 1, "--quiet", "--save", model) == (2, [], said.format("its parameters", "1e+39"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name, shown", [("a\x01b.csv", "a\\x01b.csv"), ("\udcff.csv", "\\udcff.csv")])
def test_a_picture_of_a_file_with_any_name(name, shown, tmp_path, cli):
    np.savetxt(tmp_path / name, np.random.default_rng(0).standard_normal((30, 2)), delimiter=",")
    assert cli(*SMALL, "--data", tmp_path / name, "--picture", tmp_path / "p.svg")[::2] == (0, "")
    assert ElementTree.parse(tmp_path / "p.svg").getroot().get("aria-label").startswith(f"{shown}: 500 generated points")


@pytest.mark.parametrize("command, first", [([], "usage: python -m scratchdiff [-h]"), (["sample"], "usage: python -m scratchdiff sample"),
                                            (["check"], "usage: python -m scratchdiff check")])
def test_help_shows_an_example_and_fits(capsys, command, first):
    with pytest.raises(SystemExit) as caught:
        main([*command, "--help"])
    out = capsys.readouterr().out
    assert caught.value.code == 0 and out.startswith(first)
    assert "python -m scratchdiff" in out.split("example", 1)[1] and max(map(len, out.splitlines())) <= 80


def test_help_does_not_load_numpy():
    code = ("import sys\nsys.argv = ['scratchdiff', '--help']\nfrom scratchdiff.app.cli import main\n"
            "try:\n    main()\nexcept SystemExit:\n    print('numpy' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.endswith("False\n")


def test_a_reader_that_has_seen_enough_is_no_error():
    result = subprocess.run(f"{sys.executable} -m scratchdiff --steps 40 --hidden 8 | head -1", shell=True, cwd=ROOT, text=True,
                            capture_output=True, timeout=60)
    assert result.stdout.startswith("step     0") and result.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_an_output_that_is_full_is_said():
    for arguments in (SMALL, ["--help"]):
        with open("/dev/full", "w") as full:
            result = subprocess.run([*COMMAND, *arguments], cwd=ROOT, text=True, stdout=full, stderr=subprocess.PIPE, timeout=60)
        assert result.returncode == 1
        assert result.stderr == "scratchdiff: error: cannot write to standard output: No space left on device\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that can close a stream")
@pytest.mark.parametrize("closed, arguments, status, said", [
    (">&-", "--steps 5 --hidden 8", 0, ""), ("2>&-", "--steps none", 2, ""),
    ("<&-", "--data -", 2, "scratchdiff: error: cannot use standard input: it is empty\n")])
def test_a_standard_stream_that_is_closed(closed, arguments, status, said):
    result = subprocess.run(f"{sys.executable} -m scratchdiff {arguments} {closed}", shell=True, cwd=ROOT, text=True,
                            capture_output=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", said)


def test_a_folder_that_is_gone(tmp_path, cli, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli(*SMALL, "--save", "m.npz") == (2, [], "scratchdiff: error: cannot write m.npz: No such file or directory\n")


def interrupted(*arguments, presses=1, by=signal.SIGINT):
    """A run of many quick steps that gets Ctrl-C, or another signal, a moment after its first line; (exit status, stderr)."""
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    time.sleep(0.1)
    for _ in range(presses):
        process.send_signal(by)
        time.sleep(0.003)
    _, err = process.communicate(timeout=20)
    return process.returncode, err


QUICK = ["--hidden", 8, "--batch-size", 8]


def test_ctrl_c_while_it_loads_ends_it_at_once():
    code = ("import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "import scratchdiff.__main__; os.kill(os.getpid(), signal.SIGINT)")
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=20)
    assert (result.returncode, result.stderr) == (-signal.SIGINT, b"")


def test_what_is_set_while_it_loads_ends_then_and_other_programs_are_left_alone(cli):
    before = signal.getsignal(signal.SIGTERM)
    cli(*SMALL)
    assert signal.getsignal(signal.SIGTERM) is before and not gc.get_freeze_count()
    gc.disable()                        # as __main__.py does
    try:
        cli(*SMALL)
        assert gc.isenabled() and gc.get_freeze_count(), "loaded modules are set aside, the collector is on again"
        assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("by", INTERRUPTS)
def test_ctrl_c(by):
    assert interrupted(*QUICK, "--steps", 1_000_000, by=by) == (130, "scratchdiff: interrupted\n")


@pytest.mark.parametrize("by, ignored", [(signal.SIGINT, signal.SIGUSR1), (signal.SIGTERM, signal.SIGINT)], ids=["Ctrl-C", "in the background"])
def test_ctrl_c_leaves_no_half_of_a_sample(by, ignored, tmp_path, cli):
    model, out = tmp_path / "m.npz", tmp_path / "out.csv"
    cli(*SMALL, "--save", model)
    process = subprocess.Popen([*COMMAND, "sample", model, "--points", "100000000", "--out", out], cwd=ROOT, stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(ignored, signal.SIG_IGN))
    while len(os.listdir(tmp_path)) == 1:
        time.sleep(0.01)
        assert process.poll() is None
    process.send_signal(by)
    assert process.communicate(timeout=20)[1] == b"scratchdiff: interrupted\n" and process.returncode == 130
    assert os.listdir(tmp_path) == ["m.npz"]


@pytest.mark.parametrize("by", INTERRUPTS)
def test_ctrl_c_keeps_the_model_and_the_run_goes_on_as_if_it_had_never_stopped(by, tmp_path, cli):
    stopped, resumed, whole = (tmp_path / name for name in ("stopped.npz", "resumed.npz", "whole.npz"))
    status, err = interrupted(*QUICK, "--steps", 5000, "--save", stopped, presses=5, by=by)
    assert status == 130
    said = re.fullmatch(rf"scratchdiff: interrupted after (\d+) steps, saved in {stopped}; go on with --resume {stopped} --save {stopped}\n", err)
    assert 0 < int(said[1]) < 5000 and load_model(str(stopped)).adam.k == int(said[1])
    _, lines, _ = cli("--resume", stopped, "--save", resumed, "--quiet")
    assert lines == cli(*QUICK, "--steps", 5000, "--save", whole, "--quiet")[1]
    with np.load(whole) as a, np.load(resumed) as b:
        assert sorted(a) == sorted(b) and all(np.array_equal(a[name], b[name]) for name in a), "bit for bit"


def test_save_sample_and_the_parts_of_a_sample(tmp_path, cli):
    model = tmp_path / "m.npz"
    assert cli(*SMALL, "--data", "spiral", "--save", model)[0] == 0
    status, lines, _ = cli("sample", model, "--points", 5)
    assert status == 0 and all(len(line.split(",")) == 2 for line in lines) and len(lines) == 5
    assert cli("sample", model, "--points", 3, "--skip", 2)[1] == lines[2:]
    assert cli("sample", model, "--points", 5, "--seed", 1)[1] != lines == cli("sample", model, "--points", 5, "--seed", 0)[1]
    whole, first, second = (tmp_path / name for name in ("whole.npy", "first.npy", "second.npy"))
    cli("sample", model, "--points", 5000, "--out", whole)
    cli("sample", model, "--points", 3000, "--out", first)
    cli("sample", model, "--points", 2000, "--skip", 3000, "--out", second)
    assert np.array_equal(np.load(whole), np.concatenate([np.load(first), np.load(second)]))
    assert np.allclose(np.load(whole)[:5], [[float(x) for x in line.split(",")] for line in lines], rtol=1e-7)


def test_own_points_of_any_size_come_back_in_their_own_place(tmp_path, cli):
    rng = np.random.default_rng(0)
    points = np.array([1000.0, -5.0, 3e6]) + rng.standard_normal((200, 3)) * [10, 0.1, 20]
    np.savetxt(tmp_path / "p.csv", points, delimiter=",")
    model, out = tmp_path / "m.npz", tmp_path / "o.csv"
    status, lines, err = cli("--data", tmp_path / "p.csv", "--steps", 300, "--save", model, "--picture", tmp_path / "p.svg")
    assert (status, err) == (0, "") and lines[-2].startswith("energy distance = ") and lines[-1].startswith("between real points = ")
    assert cli("sample", model, "--points", 1000, "--out", out)[0] == 0
    made = np.loadtxt(out, delimiter=",")
    assert made.shape == (1000, 3)
    assert np.abs(made.mean(axis=0) - points.mean(axis=0)).max() < 10
    assert np.allclose(made.std(axis=0)[[0, 2]], [10, 20], rtol=0.3)
    assert "p.csv: 500 generated points" in (tmp_path / "p.svg").read_text()


def test_data_from_standard_input(monkeypatch, cli):
    text = "\n".join(f"{x},{x * x}" for x in np.linspace(-1, 1, 50))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    status, lines, _ = cli(*SMALL, "--data", "-", "--quiet")
    assert status == 0 and lines[1].startswith("energy distance = ")


def test_resume_refuses_what_contradicts_the_file(tmp_path, cli):
    model = tmp_path / "m.npz"
    cli(*SMALL, "--save", model)
    before = model.read_bytes()
    np.savetxt(tmp_path / "p.csv", np.random.default_rng(0).standard_normal((30, 2)), delimiter=",")
    for flags, said in [(["--lr", 1], "was trained with lr 0.02: it cannot go on with 1.0"),
                        (["--hidden", 8, 8], "was trained with hidden 8: it cannot go on with 8 8"),
                        (["--recipe", "tutorial"], "was trained with hidden 8: it cannot go on with 64 64, as --recipe tutorial has it"),
                        (["--variance", "beta"], "was trained with variance posterior"), (["--batch-size", 1], "was trained with batch_size 16"),
                        (["--seed", 1], "was trained with seed 0: it cannot go on with 1"), (["--data", "moons"], "was trained on other data"),
                        (["--data", tmp_path / "p.csv"], "was trained on other data"), (["--steps", 39], "is fewer than the 40 steps")]:
        status, out, err = cli("--resume", model, *flags, "--save", model)
        assert (status, out) == (2, []) and said in err and str(model) in err and err.count("\n") == 1
    assert model.read_bytes() == before
    for flags in ([], SMALL, ["--seed", 0, "--data", "circle", "--variance", "posterior"]):
        assert cli("--resume", model, *flags)[0] == 0, "what does not contradict may be said again"


def test_more_steps_for_a_model_that_is_done(tmp_path, cli):
    model, more = tmp_path / "m.npz", tmp_path / "more.npz"
    cli(*SMALL, "--save", model)
    assert cli("--resume", model, "--steps", 60, "--save", more)[0] == 0
    model = load_model(str(more))
    assert (model.adam.k, model.recipe.steps, len(model.losses)) == (60, 60, 60)


def test_save_every(tmp_path, cli, monkeypatch):
    steps = []
    monkeypatch.setattr(store, "save_model", lambda path, model: steps.append(model.adam.k))
    cli(*SMALL, "--save", tmp_path / "m.npz", "--save-every", 15)
    assert steps == [15, 30, 40]


def test_pictures(tmp_path, cli):
    still, moving, curve = (tmp_path / name for name in ("s.svg", "m.svg", "c.svg"))
    assert cli(*SMALL, "--picture", still, "--loss-curve", curve)[0] == 0
    assert cli(*SMALL, "--picture", moving, "--animate", "--quiet", "--points", 20)[0] == 0
    assert "<animate" not in still.read_text() and "circle: 500 generated points" in still.read_text()
    assert "<animate" in moving.read_text() and "mean radius " in moving.read_text()
    assert "loss of each of 40 steps" in curve.read_text() and "the least that any denoiser can reach" in curve.read_text()


def on_a_terminal(*arguments, **environment):
    """What the program writes to a terminal of 100 columns, standard output and error together."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    process = subprocess.Popen([*COMMAND, *map(str, arguments)], cwd=ROOT, stdout=slave, stderr=slave, close_fds=True,
                               env={**clean, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **environment})
    os.close(slave)
    data = b""
    while select.select([master], [], [], 30)[0]:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(master)
    assert process.wait(timeout=30) == 0
    return data.decode()


def test_on_a_terminal_there_is_progress_while_it_trains_and_a_picture_at_the_end():
    text = on_a_terminal(*SMALL)
    assert re.search(r"\r=*\.* step 20/40  loss \d\.\d{4}", text)
    lines = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    assert "step     0  loss" in lines[0] and not any("step 20/40" in line for line in lines), "gone at the end"
    assert sum(any("\u2800" <= sign <= "\u28ff" for sign in line) for line in lines) > 10


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "latin-1"}])
def test_no_picture_where_it_is_not_wanted(environment):
    text = on_a_terminal(*SMALL, **environment)
    assert "generated 500 points" in text and not any("\u2800" <= sign <= "\u28ff" for sign in text)
