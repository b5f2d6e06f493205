"""README.md: every program and command runs, shows what comes out, and every link leads there."""
import io
import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from os import environ
from pathlib import Path

import pytest

from tests import benchmark, quality

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SHOWN = {text: shown for (_, text), (kind, shown) in zip(BLOCKS, BLOCKS[1:]) if kind == "text"}
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
COMMANDS = [text for kind, text in BLOCKS if kind == "sh"]
QUALITY = "python tests/quality.py\n"
BY_HAND = [QUALITY, *(text for text in COMMANDS if " clock " in text)]  # they take too long here
TO_RUN = [text for text in COMMANDS if text not in BY_HAND and "pytest" not in text]
LINKS = re.findall(r"\[`?([^]`]+)`?\]\(([^)#]+)(?:#L(\d+))?\)", README)
EXERCISES = re.findall(r"^\| \[`\w+`\]\(([^)#]+)\) \| `(.+?)` \| `(.+?)` \| `(.+?)` \|", README,
                       re.MULTILINE)
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


def python(arguments, folder, package=ROOT):
    return subprocess.run([sys.executable, *arguments], cwd=folder, text=True, timeout=120,
                          capture_output=True, env={**environ, "PYTHONPATH": str(package)})


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


def run_block(block, folder):
    """Run a block's commands in turn, in this Python, without setting up an environment."""
    return [python(shlex.split(line.split(" && ")[-1])[1:], folder)
            for line in block.splitlines()]


def run_exercise(exercise, folder):
    """Make the change in a copy of the package, and check it link by link until one fails."""
    path, right, wrong, _ = exercise
    package = folder / f"exercise{EXERCISES.index(exercise)}"
    shutil.copytree(ROOT / "scratchdiff", package / "scratchdiff",
                    ignore=shutil.ignore_patterns("__pycache__"))
    source = (ROOT / path).read_text()
    assert source.count(right) == 1, f"{right!r} is not the one thing of its kind in {path}"
    (package / path).write_text(source.replace(right, wrong))
    code = ("from scratchdiff.app import check\n"
            "for link in sum(check.LINKS, []):\n"
            "    check.LINKS = [[link]]\n"
            "    if not check.print_chain():\n"
            "        raise SystemExit(1)")
    return python(["-c", code], package, package)


@pytest.fixture(scope="module")
def ran(folder):
    """What came of each block of commands and of each exercise, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        blocks = pool.map(partial(run_block, folder=folder), TO_RUN)
        exercises = pool.map(partial(run_exercise, folder=folder), EXERCISES)
        return {**dict(zip(TO_RUN, blocks)), **dict(zip(EXERCISES, exercises))}


def test_programs_show_what_they_print(folder):
    assert len(PROGRAMS) == 4 and (folder / "heart.csv").exists()


@pytest.mark.parametrize("block", TO_RUN)
def test_commands_show_what_they_print(block, ran, folder):
    for result in ran[block]:
        assert (result.returncode, result.stderr) == (0, "")
    require_shown(block, "".join(result.stdout for result in ran[block]))
    for name in re.findall(r"--(?:save|picture|out|loss-curve|field) (\S+)", block):
        assert (folder / name).stat().st_size > 1000


def test_the_command_to_test_is_this_one():
    assert [block for block in COMMANDS if block not in TO_RUN + BY_HAND] == [COMMANDS[1]]
    assert COMMANDS[1].endswith("&& .venv/bin/python -m pytest\n")


@pytest.mark.parametrize("exercise", EXERCISES, ids=[exercise[0] for exercise in EXERCISES])
def test_an_exercise_is_caught_as_it_says(exercise, ran):
    assert ran[exercise].returncode == 1
    out = ran[exercise].stdout
    complaints = [line for line in out.splitlines()
                  if any(word in line for word in ("FAIL", "WRONG", "Error"))]
    assert any(exercise[-1] in line for line in complaints), f"{exercise[-1]!r} is not in\n{out}"


def test_there_are_five_exercises():
    assert len(EXERCISES) == 5


@pytest.mark.parametrize("name, path, line", LINKS)
def test_links_lead_where_they_say(name, path, line):
    assert (ROOT / path).exists()
    if line:
        there = (ROOT / path).read_text().splitlines()[int(line) - 1]
        assert re.match(rf"\s*(class|def) {name.split('.')[-1]}\b", there), there


def test_the_table_of_quality(capsys):
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
