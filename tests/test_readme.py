"""README.md: every program and command runs, shows what comes out, and every link leads there."""
import io
import re
import shlex
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial, partialmethod
from importlib import import_module
from inspect import getsource
from pathlib import Path

import pytest

from scratchdiff.app import check, clock, distill
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.chain.backprop import adam_is_reference, layer_gradients
from scratchdiff.chain.links import LINKS
from scratchdiff.chain.lora import new_adapters_change_nothing
from scratchdiff.chain.prompts import prompts_are_a_table
from scratchdiff.chain.trained import trained
from scratchdiff.experiment.model import Model
from tests import benchmark, quality
from tests.planted import ALL, MEASURES, first_red, look_at_less, look_at_what_is_edited, plant
from tests.program import call, shorten_runs

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHOWN = {text: shown for (_, text), (kind, shown) in zip(BLOCKS, BLOCKS[1:]) if kind == "text"}
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
QUALITY = "python tests/quality.py\n"
BY_HAND = [QUALITY, *(text for text in COMMANDS if "clock" in text)]    # they take too long here
TO_RUN = [text for text in COMMANDS if text not in BY_HAND and "pytest" not in text]
PLACES = re.findall(r"\[`?([^]`]+)`?\]\(([^)#]+)(?:#L(\d+))?\)", README)
EXERCISES = re.findall(r"^\| \[`\w+`\]\(([^)#]+)\) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|", README,
                       re.MULTILINE)
STARTS = {"scratchdiff/nn/adam.py": adam_is_reference,
          "scratchdiff/nn/lora.py": new_adapters_change_nothing,
          "scratchdiff/beyond/guidance.py": prompts_are_a_table}
NUMBER = r"-?\d+\.?\d*(?:e[-+]\d+)?"


def agree(shown, came):
    """Whether two lines are the same but for what depends on the machine.

    Of numbers with a point, those from 0.1 up may differ by a twentieth, and smaller ones by a
    factor of 2. Those like 1e-9, which are rounding errors, may differ by a factor of 10.
    """
    if re.sub(NUMBER, "#", shown).split() != re.sub(NUMBER, "#", came).split():
        return False
    for a, b in zip(re.findall(NUMBER, shown), re.findall(NUMBER, came)):
        factor = 10 if "e" in a else 1 if "." not in a else 2 if abs(float(a)) < 0.1 else 1.05
        low, high = sorted([abs(float(a)), abs(float(b))])
        if high > factor * low or float(a) * float(b) < 0:
            return False
    return True


@pytest.mark.parametrize("a, b, same", [
    ("step 5 ok", "step  5 ok", True), ("step 5", "step 6", False),
    ("loss 0.50", "loss 0.51", True), ("loss 0.50", "loss 0.54", False),
    ("std 0.002", "std 0.003", True), ("std 0.002", "std 0.005", False),
    ("1e-09 ok", "8e-09 ok", True), ("1e-09", "2e-08", False), ("1.0", "-1.0", False),
    ("a 1.0", "b 1.0", False), ("0.0", "0.0", True), ("1 2", "1 2 3", False)])
def test_when_two_lines_agree(a, b, same):
    assert agree(a, b) is same


def require_shown(block, came):
    """What README.md shows must be what came: every line, or those around `...` in this order."""
    shown = SHOWN.get(block, came)
    rest = iter(came.splitlines())
    for line in shown.splitlines():
        if line.strip() != "...":
            found = (any(agree(line, other) for other in rest) if "..." in shown
                     else agree(line, next(rest, "")))
            assert found, f"README.md shows\n{line}\nbut what came is\n{came}"
    assert "..." in shown or not list(rest), f"README.md does not show all of\n{came}"


@pytest.fixture(scope="module", autouse=True)
def train_once():
    """The default recipe on the circle is trained twice here: take what the chain has trained."""
    done, train = trained(), Model.train

    def train_or_take(model):
        if (model.recipe, model.seed, model.data.name) != (done.recipe, done.seed, "circle"):
            yield from train(model)
            return
        for name in ("params", "m", "v"):
            getattr(model.adam, name)[:] = getattr(done.adam, name)
        for step, loss in enumerate(done.losses):
            model.losses.append(loss)
            model.adam.k += 1
            yield step, loss

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Model, "train", train_or_take)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where everything runs, after the programs have: they write files that the commands read."""
    folder = tmp_path_factory.mktemp("readme")
    for program in PROGRAMS:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(io.StringIO()) as out:
            patch.chdir(folder)
            exec(program, {"__name__": "__main__"})
        require_shown(program, out.getvalue())
    return folder


def test_programs_show_what_they_print(folder):
    assert len(PROGRAMS) == 5 and (folder / "heart.csv").exists()


@pytest.mark.parametrize("block", TO_RUN)
def test_commands_show_what_they_print(block, folder, measured, monkeypatch):
    """In this process, and each link of the chain is measured once in all tests.

    Where README.md does not show what comes, all is short: training, a teacher's walks, the
    report and the sample.
    """
    monkeypatch.chdir(folder)
    if block not in SHOWN:
        monkeypatch.setattr(distill, "BLOCKS", 1)
        shorten_runs(monkeypatch)
    monkeypatch.setattr(check, "LINKS", [
        [replace(link, measure=partial(measured, link.measure)) for link in links]
        for links in LINKS])
    came = []
    for line in block.splitlines():
        _, module, name, *arguments = shlex.split(line.split(" && ")[-1])
        assert (module, name) == ("-m", "scratchdiff")
        if block not in SHOWN:
            arguments += ["--points", "100"] if arguments[0] == "sample" else ["--steps", "20"]
        status, lines, err = call(*arguments)
        assert (status, err) == (0, "")
        came += lines
    require_shown(block, "\n".join(came))
    for name in re.findall(r"--(?:save|picture|out|loss-curve|field) (\S+)", block):
        assert (folder / name).stat().st_size > 1000


def test_the_clock_runs_too_with_few_steps(folder, monkeypatch):
    """What it prints after ten seconds of training is shown, and cannot be compared here."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(clock, "EACH", 1)
    for learner in (Autoencoder, LatentDiffusion):
        monkeypatch.setattr(learner, "train", partialmethod(learner.train, steps=2))
    lines = [line for text in BY_HAND if "clock" in text for line in text.splitlines()]
    for line in lines:
        status, came, err = call(*shlex.split(line)[3:])
        assert (status, err) == (0, "") and any("it shows" in line for line in came)
    assert len(lines) == 2 and (folder / "clocks.svg").stat().st_size > 1000


def test_the_command_to_test_is_this_one():
    assert [block for block in COMMANDS if block not in TO_RUN + BY_HAND] == [COMMANDS[1]]
    assert COMMANDS[1].endswith("&& .venv/bin/python -m pytest\n")


@pytest.mark.parametrize("path, right, wrong, said", EXERCISES, ids=[row[0] for row in EXERCISES])
def test_an_exercise_is_caught_as_it_says(path, right, wrong, said, monkeypatch, capsys):
    """Planted here, and looked for in the links of its lesson."""
    assert (ROOT / path).read_text().count(right) == 1, f"{right!r} is not unique in {path}"
    module = import_module(path.removesuffix(".py").replace("/", "."))
    place, = (what for what in vars(module).values()
              if getattr(what, "__module__", "") == module.__name__ and right in getsource(what))
    look_at_less(monkeypatch)
    look_at_what_is_edited(monkeypatch, [(place, right, wrong)])
    plant(monkeypatch, [(place, right, wrong)])
    red, out = first_red(STARTS.get(path, layer_gradients), capsys)
    assert red, "no link has turned red"
    complaints = [ALL[MEASURES.index(red)].claim, *out.splitlines()]
    assert any(said in line for line in complaints), f"{said!r} is not in\n{out}"


def test_there_are_seven_exercises():
    assert len(EXERCISES) == 7


@pytest.mark.parametrize("name, path, line", PLACES)
def test_links_lead_where_they_say(name, path, line):
    assert (ROOT / path).exists()
    if line:
        there = (ROOT / path).read_text().splitlines()[int(line) - 1]
        assert re.match(rf"\s*(class|def) {name.split('.')[-1]}\b", there), there


def test_the_table_of_quality(capsys, monkeypatch):
    shorten_runs(monkeypatch)
    quality.main({"default": replace(quality.DEFAULT, steps=20)}, range(2), 100)
    heading, perfect, default = capsys.readouterr().out.splitlines()
    shown = SHOWN[QUALITY].splitlines()
    assert shown[0] == heading and len(perfect) == len(default) == len(heading)
    assert [line[:20].rstrip() for line in shown[1:]] == ["perfect denoiser", *quality.RUNS]


def test_the_table_of_speed(capsys):
    training = partial(benchmark.training_row, steps=2, repeats=1)
    sampling = partial(benchmark.sampling_row, repeats=1)
    benchmark.table("heading", [benchmark.TUTORIAL], [8, 16], training, total=False)
    benchmark.table("heading", [benchmark.DEFAULT], [100], sampling, total=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if line and line != "heading"]
    n = r"\d+\.\d\d"
    row = rf"[\w -]{{14}} +[\d,]+ +{n} +{n} +{n} \({n}-{n}\)( +x{n})?"
    assert len(lines) == 3 and all(re.fullmatch(row, line) for line in lines)
    assert benchmark.memory(100) > 0
