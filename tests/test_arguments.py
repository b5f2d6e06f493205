"""app/arguments.py: what can be typed, and the help."""
import os
import subprocess
import sys
from importlib import import_module

import pytest

from scratchdiff.app.arguments import COMMANDS
from scratchdiff.experiment.recipe import RECIPES, shown
from scratchdiff.measure.shapes import SHAPES
from tests.program import ROOT, call

BAD = [     # what is typed, what is said
    ("--steps", "argument --steps: expected one argument"),
    ("--steps 0", "argument --steps: must be a whole number from 1 to 1000000000, got '0'"),
    ("--steps 1.5", "argument --steps: must be a whole number from 1 to 1000000000, got '1.5'"),
    ("--steps 1e10", "argument --steps: must be a whole number from 1 to 1000000000, got '1e10'"),
    ("--batch-size 1000001", "argument --batch-size: must be a whole number from 1 to 1000000"),
    ("--hidden 64 x", "argument --hidden: must be a whole number from 1 to 1000000, got 'x'"),
    ("--points 0", "argument --points: must be a whole number from 1 to 1000000000000, got '0'"),
    ("--seed -1", "argument --seed: must be a whole number, 0 or more, got '-1'"),
    ("--lr nan", "argument --lr: must be a number above 0, got 'nan'"),
    ("--recipe secret", "argument --recipe: invalid choice: 'secret'"),
    ("--variance x", "variance must be one of posterior, beta, mixed, got 'x'"),
    ("--frobnicate", "unrecognized arguments: --frobnicate (see python -m scratchdiff --help)"),
    ("--ste 5", "unrecognized arguments: --ste"),
    ("train", "unrecognized arguments: train (see python -m scratchdiff --help)"),
    ("--animate", "--animate needs --picture FILE"),
    ("--save-every 5", "--save-every needs --save FILE"),
    ("--save-every 0 --save m.npz", "argument --save-every: must be a whole number, 1 or more"),
    ("--save model.txt", "argument --save: must be a file name that ends in .npz, got 'model.txt'"),
    ("--picture p.png", "argument --picture: must be a file name that ends in .svg, got 'p.png'"),
    ("--picture a.svg --loss-curve ./a.svg", "two pictures cannot go to one file"),
    ("--save no/such/m.npz", "cannot write no/such/m.npz: there is no folder no/such"),
    ("--picture no/p.svg", "cannot write no/p.svg: there is no folder no"),
    ("--resume no.npz", "cannot read no.npz: No such file or directory"),
    ("--data no.csv", "cannot read no.csv: No such file or directory"),
    ("--data circel", "cannot read circel: it must be a file"),
    ("--points 1000000000000", "not enough memory: "),
    ("--hidden 1000000 1000000", "2048 points at once, in layers with 2000005 units, need "),
    ("--hidden 9000", "2048 points at once, in layers with 9005 units, need room for 18442240 "
     "numbers, and at most 16777216 are allowed: try a smaller --batch-size or --hidden"),
    ("--batch-size 1000000", "1000000 points at once, in layers with 165 units, need room for "
     "165000000 numbers"),
    ("sample", "the following arguments are required: MODEL"),
    ("sample no.npz", "cannot read no.npz: No such file or directory"),
    ("sample m.npz --out p.txt", "argument --out: must be a file name that ends in .csv or .npy"),
    ("sample m.npz --points 0", "argument --points: must be a whole number from 1 to"),
    ("sample m.npz --skip -1", "argument --skip: must be a whole number from 0 to"),
    ("check --layer Tanh", "argument --layer: invalid choice: 'Tanh'"),
    ("check more", "unrecognized arguments: more (see python -m scratchdiff check --help)"),
]


@pytest.mark.parametrize("typed, said", BAD, ids=[typed for typed, _ in BAD])
def test_bad_input_is_one_line_and_status_2(typed, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = call(*typed.split())
    assert (status, out) == (2, []) and err.startswith(f"scratchdiff: error: {said}")
    assert err.count("\n") == 1 and os.listdir(tmp_path) == []


def test_a_name_that_is_empty_or_cannot_be_printed():
    assert call("--data", "")[2].startswith("scratchdiff: error: cannot read '': it must be a file")
    assert call("--resume", "")[2].startswith("scratchdiff: error: cannot read '': No such file")
    _, _, err = call("--data", "no\nsuch\x1bfile.csv")
    assert err.startswith("scratchdiff: error: cannot read no\\nsuch\\x1bfile.csv: No such file")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_gives_an_example_and_fits(name):
    status, lines, err = call(name, "--help")
    assert (status, err) == (0, "") and lines[0].startswith("usage: python -m scratchdiff")
    assert "python -m scratchdiff" in "\n".join(lines).split("examples:")[1]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("arguments", [["run"], ["sample", "m.npz"], ["clock"]])
def test_a_seed_may_be_0(arguments):
    make_parser, _, _ = COMMANDS[arguments[0]]
    assert make_parser().parse_args([*arguments[1:], "--seed", "0"]).seed == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_a_function_of_its_name_and_stands_in_the_help(name):
    _, module, line = COMMANDS[name]
    assert callable(getattr(import_module(module), name))
    assert line is None or line.startswith(name) and f"  {line}" in call("--help")[1]


def test_the_help_names_every_shape_and_what_each_recipe_sets():
    text = " ".join(" ".join(call("--help")[1]).split())
    assert ", ".join(list(SHAPES)[:-1]) + " or " + list(SHAPES)[-1] in text
    for name in ("steps", "batch_size", "hidden", "lr", "variance"):
        values = "; ".join(f"{key}: {shown(getattr(recipe, name))}"
                           for key, recipe in RECIPES.items())
        assert f"({values})" in text


def test_help_does_not_load_numpy():
    code = ("import sys\nfrom scratchdiff.app.cli import main\n"
            "main(['--help'])\nprint('numpy' in sys.modules)")
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True)
    assert result.stdout.endswith("\nFalse\n")
