"""Labels on the command line: run --label, sample --prompt, app/show/labels.py."""
import io
import sys
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.app.files.points import read_points
from scratchdiff.app.files.store import load_model
from scratchdiff.app.show import labels as module
from scratchdiff.app.show.best import loss_parts
from scratchdiff.app.show.labels import label_lines, made_points, right_shares, short
from scratchdiff.app.start import recipe_for
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.batches import noisy
from tests.program import SMALL, call

pytestmark = pytest.mark.usefixtures("short_runs")

QUIET = [*SMALL, "--points", 50, "--quiet"]


def kinds_csv(path):
    """Two kinds in the plane, a column of whole numbers, and the kind between the coordinates."""
    rng = np.random.default_rng(0)
    lines = ["id,x,the kind,y,group"]
    for i in range(60):
        kind = "far right" if i % 3 else "left"
        x, y = rng.standard_normal(2) + [5 if i % 3 else -5, 0]
        lines.append(f"{i},{x:.4f},{kind},{y:.4f},{i % 4}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of points, and three models: of it by its kind, of the moons, of the moons' parts."""
    room = tmp_path_factory.mktemp("labels")
    names = ("p.csv", "own.npz", "plain.npz", "moons.npz")
    csv, own, plain, moons = (room / name for name in names)
    kinds_csv(csv)
    for flags in (["--data", csv, "--label", "the kind", "--save", own],
                  ["--data", "moons", "--save", plain],
                  ["--data", "moons", "--label", "part", "--save", moons]):
        assert call(*QUIET, *flags)[::2] == (0, "")
    return csv, own, plain, moons


def test_a_file_says_which_column_is_the_label(files):
    lines = call(*SMALL, "--data", files[0], "--label", "the kind")[1]
    assert lines[0].endswith("column 1, an index, is left out; column 3 (the kind) is the label)")
    assert lines[1].startswith("recipe: labelled, ")
    by_number = call(*SMALL, "--data", files[0], "--label", 3)[1]
    assert by_number == lines


def test_a_labelled_run_is_another_run_with_the_recipe_for_labels(files, tmp_path):
    _, own, plain, moons = files
    with_labels, without = load_model(str(moons)), load_model(str(plain))
    assert (with_labels.data.labels, without.data.labels) == (("upper", "lower"), ())
    inputs = 2 + 1 + 2          # a point, the time, a column for each word
    assert with_labels.adam.params.size == inputs * 8 + 8 + 8 * 2 + 2
    assert load_model(str(own)).data.label_column == (1, "the kind")
    line = call(*SMALL, "--data", "moons", "--label", "part")[1][0]
    assert line == "recipe: prompts, to learn each part well (--recipe labelled is faster)"
    circle = tmp_path / "c.npz"
    call("--label", "part", "--steps", 1, "--quiet", "--points", 1, "--save", circle)
    assert load_model(str(circle)).recipe == replace(RECIPES["prompts"], steps=1)


def test_the_same_again_and_on_after_a_stop(files, tmp_path):
    csv, own, *_ = files
    first, whole = tmp_path / "first.npz", tmp_path / "whole.npz"
    more = ["--data", csv, "--label", "the kind", "--recipe", "labelled", "--hidden", 8,
            "--batch-size", 16, "--points", 50, "--quiet", "--save"]
    call(*more, whole, "--steps", 60)
    assert call("--resume", own, "--steps", 40, *more, first)[0] == 0
    assert load_model(str(first)).adam.k == 40
    with np.load(own) as a, np.load(first) as b:
        assert sorted(a) == sorted(b) and all(np.array_equal(a[key], b[key]) for key in a)


def test_points_of_one_label_with_its_column_where_it_was(files, tmp_path):
    _, own, _, moons = files
    out = tmp_path / "o.csv"
    assert call("sample", own, "--points", 5, "--out", out, "--prompt", "far right")[::2] == (0, "")
    head, *lines = out.read_text().splitlines()
    assert head == 'x,"the kind",y,group'
    assert all(line.split(",")[1] == '"far right"' and line.count(",") == 3 for line in lines)
    with open(out, "a") as file:
        file.write("1,left,2,3\n")
    assert read_points(str(out), "the kind").labels == 5 * ["far right"] + ["left"]
    printed = call("sample", own, "--points", 5, "--prompt", " far  right ")[1]
    assert printed == [head, *lines]
    assert call("sample", own, "--points", 1)[1][0] == "x,y,group", "any label: no column for it"
    upper, lower, any_of_them = (call("sample", moons, "--points", 3, *flags)[1] for flags in (
        ["--prompt", "upper"], ["--prompt", "lower"], []))
    assert len({*upper, *lower, *any_of_them}) == 9 and upper[0].count(",") == 1


def test_guidance(files):
    own = files[1]

    def made(*flags):
        return call("sample", own, "--points", 3, "--prompt", "left", *flags)[1]
    assert made() == made("--guidance", 0) != made("--guidance", 1)
    assert [line.replace("left,", "") for line in made("--guidance", -1)[1:]] == \
        call("sample", own, "--points", 3)[1][1:]


MODELS = {"own": 1, "plain": 2, "moons": 3}
REFUSED = [     # model, flags of sample, what is said
    ("plain", ["--prompt", "upper"], "{} knows no prompts: train it with --label NAME"),
    ("moons", ["--prompt", "uper"], '"uper" is not a prompt here; there are: upper, lower'),
    ("moons", ["--prompt", ""], '"" is not a prompt here; there are: upper, lower'),
    ("own", ["--prompt", "far", "right"],
     'one prompt at a time, in quotes if it has several words: --prompt "far right"'),
    ("own", ["--prompt", "far"], '"far" is not a prompt here; there are: far right, left'),
    ("own", ["--guidance", 1], "--guidance needs --prompt"),
    ("own", ["--prompt", "left", "--guidance", "nan"],
     "argument --guidance: must be a finite number, got 'nan'"),
]


@pytest.mark.parametrize("model, flags, said", REFUSED)
def test_a_prompt_that_cannot_be(model, flags, said, files):
    path = files[MODELS[model]]
    said = f"scratchdiff: error: {said.format(path)}\n"
    assert call("sample", path, *flags) == (2, [], said)


RUNS_REFUSED = [        # --data, --label, what is said; {} is the file
    ("p.csv", "colour", "cannot use {}: it has no column 'colour' for the label, but 5 columns "
                        "named 'id, x, the kind, y, group'"),
    ("p.csv", "9", "cannot use {}: it has no column '9' for the label, but 5 columns "
                   "named 'id, x, the kind, y, group'"),
    ("each.csv", "2", "cannot use {}: column 2 has a different label in every row, so the "
                      "labels form no groups"),
    ("p.csv", "x", "cannot use {}: line 2: column 3 (the kind) holds 'left', which is not a "
                   "number; leave that column out of the file"),
    ("p.csv", None, "cannot use {}: line 2: column 3 (the kind) holds 'left', which is not a "
                    "number; a column of words: --label 3 learns them as prompts"),
    ("one.csv", "2", "cannot use {}: column 2 has only one label, 'a', which tells nothing "
                     "apart: leave it out of the file"),
    ("moons", "kind", "the labels of a shape are its parts: --label part"),
    ("spiral", "part", "the spiral has no parts with names; these have: circle, moons, gaussians, "
                       "square"),
]


@pytest.mark.parametrize("data, label, said", RUNS_REFUSED)
def test_labels_that_cannot_be_learned(data, label, said, files, tmp_path):
    path = files[0] if data == "p.csv" else data
    if data in ("one.csv", "each.csv"):
        path = tmp_path / data
        path.write_text("1,a\n2,a\n3,a\n" if data == "one.csv" else "1,a\n2,b\n3,c\n")
    flags = ["--data", path, *(["--label", label] if label else [])]
    assert call(*SMALL, *flags) == (2, [], f"scratchdiff: error: {said.format(path)}\n")


RESUMED = [             # model, flags, what is said
    ("moons", "--label part", None), ("moons", "--data moons", None),
    ("moons", "--data moons --label part", None),
    ("own", "--data {csv}", None), ("own", "--data {csv} --label 3", None),
    ("plain", "--label part", "was trained without labels: it cannot go on with label part"),
    ("plain", "--data moons --label part",
     "was trained without labels: it cannot go on with label part"),
    ("moons", "--label x", "was trained with label part: it cannot go on with label x"),
    ("moons", "--data circle", "was trained on other data: it cannot go on on circle"),
    ("own", "--label group", "was trained with label the kind: it cannot go on with label group"),
    ("own", "--data {csv} --label 5",
     "cannot use {csv}: line 2: column 3 (the kind) holds 'left', which is not a number; "
     "leave that column out of the file"),
    ("own", "--data moons", "the labels of a shape are its parts: --label part"),
]


@pytest.mark.parametrize("model, flags, said", RESUMED)
def test_resume_knows_the_labels(model, flags, said, files):
    path = files[MODELS[model]]
    flags = [flag.format(csv=files[0]) for flag in flags.split()]
    status, _, err = call("--resume", path, "--quiet", *flags)
    if said is None:
        assert (status, err) == (0, "")
    else:
        assert status == 2 and said.format(csv=files[0]) in err and err.count("\n") == 1


def test_other_labels_of_the_same_points(files, tmp_path):
    other = tmp_path / "other.csv"
    text = files[0].read_text()
    other.write_text(text[::-1].replace("left"[::-1], "far right"[::-1], 1)[::-1])
    said = f"{files[1]} was trained on other data: it cannot go on on {other}"
    assert call("--resume", files[1], "--data", other)[2] == f"scratchdiff: error: {said}\n"


def test_labels_in_an_array(tmp_path):
    points = np.random.default_rng(0).standard_normal((60, 3))
    points[:, 2] = np.arange(60) % 3
    np.save(tmp_path / "p.npy", points)
    model = tmp_path / "m.npz"
    assert call(*QUIET, "--data", tmp_path / "p.npy", "--label", 3, "--save", model)[0] == 0
    lines = call("sample", model, "--points", 2, "--prompt", 1)[1]
    assert all(line.endswith(",1") and line.count(",") == 2 for line in lines)
    assert call("--resume", model, "--data", tmp_path / "p.npy", "--quiet")[0] == 0


def test_which_recipe_labels_get():
    assert recipe_for("moons", "part") == recipe_for("circle", "part") == "prompts"
    assert recipe_for("p.csv", "kind") == "labelled" and recipe_for("p.csv") == "sharp"
    assert recipe_for("circle") == "default"


def test_labels_from_standard_input(files, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(files[0].read_bytes())))
    assert call(*QUIET, "--data", "-", "--label", "the kind")[::2] == (0, "")


def test_the_report_has_a_line_for_each_label(files):
    _, lines, _ = call(*SMALL, "--data", "moons", "--label", "part")
    first = lines.index("with each prompt, 100 points:  right    (real)  distance    (real)  "
                        "excess")
    upper, lower, legend = lines[first + 1:first + 4]
    assert upper.split()[0] == "upper" and upper.split()[2] == "(100.0%)"
    assert len(upper.split()) == len(lower.split()) == 6 and legend.startswith("  right: ")
    assert max(map(len, lines[first:first + 4])) <= 80
    _, lines, _ = call(*SMALL, "--data", files[0], "--label", 3)
    row = next(line for line in lines if line.startswith("  far right"))
    assert row.endswith("-"), "nobody knows the floor"
    assert "  real: all points of the file, also those that were learned" in lines


def model_of(labels, n=400, d=1):
    points = np.random.default_rng(0).standard_normal((n, d))
    words = [labels[i % len(labels)] for i in range(n)]
    data = own_data(points, np.random.default_rng(0), labels=words, label_column=(d, None))
    return Model.new(replace(RECIPES["default"], hidden=(4,)), 0, data)


def test_the_table_is_of_the_runs_seed(files, monkeypatch):
    model = load_model(str(files[3]))
    model.seed = 77
    asked, stream = [], Model.stream
    monkeypatch.setattr(Model, "stream", staticmethod(
        lambda seed, part: asked.append(seed) or stream(seed, part)))
    list(label_lines(model))
    assert asked.count(77) >= 2
    assert {*asked} == {0, 77}, "the floor is measured on the same points in every run"


def test_of_many_labels_the_worst_are_shown(monkeypatch):
    monkeypatch.setattr(module, "MOST", 1320)
    lines = list(label_lines(model_of([f"a rather long label, number {i}" for i in range(40)])))
    assert lines[0].startswith("with each prompt, 33 points:") and len(lines) == 12
    assert lines[-3].startswith("  32 others, on average") and max(map(len, lines)) <= 80


def test_the_worst_labels_are_those_with_the_fewest_right_points(monkeypatch):
    monkeypatch.setattr(module, "right_shares", lambda *sets, others=False: np.arange(40) / 40)
    lines = list(label_lines(model_of([f"{i:02d}" for i in range(40)])))
    assert [line.split()[0] for line in lines[1:9]] == [f"{i:02d}" for i in range(8)]
    assert lines[9].split()[:4] == ["32", "others,", "on", "average"] and "58.7%" in lines[9]


def test_each_label_is_made_with_its_own_prompt(monkeypatch):
    """A denoiser that leads to the number in its prompt's first column."""
    model = model_of(["a", "b"])

    def toward(xt, t, c):
        signal, noise = (np.sqrt(f(model.denoiser.schedule.alpha_bars[t]))
                         for f in (lambda a: a, lambda a: 1 - a))
        return (xt - signal.astype("f4") * c[:, :1]) / noise.astype("f4")
    monkeypatch.setattr(model, "denoiser", type("D", (), {
        "schedule": model.denoiser.schedule, "__call__": staticmethod(toward)})())
    made = made_points(model, 50)
    assert np.allclose(made[0], 1, atol=1e-3) and np.allclose(made[1], 0, atol=1e-3)
    assert made.shape == (2, 50, 1) and made.dtype == np.float64


def test_the_judge():
    reals = [np.array([[0.0], [1.0], [9.5]]), np.array([[10.0], [11.0]])]
    made = [np.array([[0.2], [9.9], [3.0], [20.0]]), np.array([[12.0]])]
    assert right_shares(reals, made).tolist() == [0.5, 1.0]
    assert right_shares(reals, reals, others=True).tolist() == [2 / 3, 0.5]
    pair = [np.array([[0.0], [10.0]]), np.array([[0.1], [50.0]])]
    assert right_shares(pair, pair, others=True).tolist() == [0, 0]


def test_perfect_points_are_right(monkeypatch):
    """The moons' own points, in the place of those that the model makes."""
    data = shape_data("moons", labels=True)
    model = Model.new(RECIPES["default"], 0, data)
    rng = np.random.default_rng(5)
    monkeypatch.setattr(module, "made_points",
                        lambda model, n: [data.real_with_label(k, n, rng) for k in range(2)])
    for line in list(label_lines(model))[1:3]:
        _, right, _, distance, own, _ = line.split()
        assert right == "100.0%" and float(distance) < 3 * float(own.strip("()"))


def test_a_long_label_is_cut():
    assert short("upper") == "upper" and len(short("w" * 99)) == 22
    assert short("a\x1bb") == "a\\x1bb"


def test_the_parts_of_the_loss_are_those_of_the_loss_that_was_trained():
    """With a share of the prompts dropped, at even levels: against the loss of a large batch."""
    model = Model.new(replace(RECIPES["default"], levels="even", batch_size=30_000, steps=1), 0,
                      shape_data("moons", labels=True))
    model.denoiser.network.params[:] += 0.3         # so that prompts make a difference
    xt, t, eps, c = (array[0] for array in noisy(
        model.data.prompted, model.denoiser.schedule, 30_000)(1, np.random.default_rng(0)))
    loss = np.mean((model.denoiser(xt, t, c) - eps) ** 2)
    floor, excess = loss_parts(model)
    assert floor.mean() + excess.mean() == pytest.approx(loss, rel=0.02)
    whole, _ = loss_parts(Model.new(RECIPES["default"], 0, shape_data("moons")))
    assert floor.mean() < 0.95 * whole.mean(), "who knows the label can guess better"


FINETUNE = ["--steps", 40, "--batch-size", 16, "--points", 50, "--quiet", "--lora", 2]


def test_a_model_with_labels_is_fine_tuned_on_the_same_labels(files, tmp_path):
    csv, own, plain, moons = files
    new = tmp_path / "new.npz"
    more = ["--finetune", own, "--data", csv, "--label", 3, *FINETUNE]
    assert call(*more, "--save", new)[::2] == (0, "")
    assert load_model(str(new)).data.labels == ("far right", "left")
    assert call("sample", new, "--prompt", "left", "--points", 2)[0] == 0
    for model, flags, had, wanted in [
            (moons, ["--data", "moons"], "upper, lower", "no labels"),
            (plain, ["--data", "moons", "--label", "part"], "no labels", "upper, lower"),
            (moons, ["--data", "square", "--label", "part"], "upper, lower",
             "bottom, right, top, left")]:
        said = f"{model} has learned {had}: it cannot be fine-tuned on {wanted}"
        assert call("--finetune", model, *flags, *FINETUNE) == (
            2, [], f"scratchdiff: error: {said}\n")
