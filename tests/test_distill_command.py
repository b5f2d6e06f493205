"""app/distill.py: a student from the command line, and what can be done with its file."""
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.app import distill as module
from scratchdiff.app.distill import MOST, student_recipe, walks
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.store import LARGEST, load_model, save_model
from scratchdiff.app.show.progress import Progress
from scratchdiff.app.trouble import expect_learned
from scratchdiff.beyond.distillation import student_pairs, student_schedule
from scratchdiff.beyond.few_steps import ddim
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast import blocks
from scratchdiff.fast.blocks import sample
from scratchdiff.fast.streams import PAIRS, SAMPLING, SPLIT
from tests import quality_few_steps
from tests.program import SMALL, call, compare, walk_together

pytestmark = pytest.mark.usefixtures("short_runs")

SHORT = ["--steps", 40, "--quiet"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A teacher and its student of three steps, hardly trained."""
    folder = tmp_path_factory.mktemp("distill")
    assert call(*SMALL, "--save", folder / "teacher.npz", "--quiet")[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCKS", 1)
        assert call("distill", folder / "teacher.npz", "--sampler-steps", 3, *SHORT,
                    "--save", folder / "student.npz")[::2] == (0, "")
    return folder


@pytest.fixture
def few_walks(monkeypatch):
    monkeypatch.setattr(module, "BLOCKS", 1)


def require_equal(a, b):
    assert (a.recipe, a.losses, a.adam.k) == (b.recipe, b.losses, b.adam.k)
    for name in ("params", "m", "v"):
        assert np.array_equal(getattr(a.adam, name), getattr(b.adam, name)), name
    assert np.array_equal(a.pairs, b.pairs)


def test_what_is_printed(folder, tmp_path, few_walks):
    status, lines, err = call("distill", folder / "teacher.npz", "--save", tmp_path / "s.npz",
                              "--steps", 40)
    assert (status, err) == (0, "")
    assert lines[0] == "the teacher has walked 256 times, in 16 steps"
    assert lines[1].startswith("step     1  loss ") and lines[2].startswith("step    40  loss ")
    assert lines[3] == "the student, 4 steps:" and lines[5] == "the teacher, 50 steps:"
    assert lines[4].startswith("  mean radius ") and ", std radius " in lines[6]
    assert len(lines) == 7
    quiet = call("distill", folder / "teacher.npz", "--save", tmp_path / "s.npz", *SHORT)[1]
    assert quiet == lines[3:], "the same figures again"


def test_a_student_is_as_good_as_its_teacher(tmp_path, monkeypatch):
    """One step, on moons. The energy distance of two samples of 1000 real points is 0.0026."""
    compare(monkeypatch, 1000)
    monkeypatch.setattr(module, "BLOCKS", 3)
    walk_together(monkeypatch, 2048)
    teacher, student = tmp_path / "t.npz", tmp_path / "s.npz"
    assert call("--data", "moons", "--hidden", 32, 32, "--steps", 400, "--save", teacher,
                "--quiet")[0] == 0
    _, lines, _ = call("distill", teacher, "--sampler-steps", 1, "--steps", 400,
                       "--save", student, "--quiet")
    assert lines[0] == "the student, 1 step:"
    theirs, ours = (float(lines[i].split("energy distance ")[1].split(",")[0]) for i in (3, 1))
    assert ours < theirs + 0.003


def test_progress_counts_the_blocks(folder, tmp_path, few_walks, monkeypatch):
    seen = []
    monkeypatch.setattr(Progress, "show", lambda self, done, text: seen.append((done, text)))
    call("distill", folder / "teacher.npz", "--save", tmp_path / "s.npz", *SHORT)
    assert seen[0] == (1, "the teacher walks, block 1 of 1")


def test_a_teacher_walks_from_noise_of_its_own_seed(folder, few_walks, monkeypatch):
    teacher = load_model(str(folder / "teacher.npz"))
    teacher.seed = 77
    asked, path = [], Model.stream
    monkeypatch.setattr(Model, "stream", staticmethod(
        lambda seed, part: asked.append((seed, part)) or path(seed, part)))
    list(walks(teacher, 1))
    assert asked == [(77, PAIRS)]


def test_its_sample_takes_its_steps(folder):
    model = load_model(str(folder / "student.npz"))
    schedule = student_schedule(Schedule.linear(), 3)
    rng = Model.stream(model.seed, SAMPLING)
    expected = np.concatenate(list(sample(model.denoiser, schedule, 5, 2, rng, ddim)))
    _, lines, _ = call("sample", folder / "student.npz", "--points", 5)
    made = np.array([line.split(",") for line in lines], np.float32)
    assert np.allclose(made, model.data.standard.back(expected), rtol=0, atol=1e-7)
    assert len(list(model.walk())) == 4 and model.denoiser.schedule.T == 3


@pytest.mark.parametrize("flags", [("--sampler", "dpm"), ("--sampler", "ddpm"),
                                   ("--sampler-steps", 3)])
def test_another_walk_is_refused(folder, flags):
    said = ("scratchdiff: error: a student has learned one walk: --sampler and --sampler-steps "
            "are for its teacher\n")
    for command in (["sample", folder / "student.npz"], ["--resume", folder / "student.npz"]):
        assert call(*command, *flags) == (2, [], said)


def test_resumed_it_ends_bit_for_bit_where_it_would_have(folder, tmp_path, few_walks):
    """Stopped by Ctrl-C after 23 steps; the reference never stopped."""
    stopped = tmp_path / "stopped.npz"
    train = Model.train

    def train_and_press(model):
        for step, loss in train(model):
            if step + 1 == 23:
                signal.raise_signal(signal.SIGINT)
            yield step, loss

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Model, "train", train_and_press)
            ended = call("distill", folder / "teacher.npz", "--sampler-steps", 3, *SHORT,
                         "--save", stopped)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == (130, [], f"scratchdiff: interrupted after 23 steps, saved in {stopped}; "
                              f"go on with --resume {stopped} --save {stopped}\n")
    assert load_model(str(stopped)).adam.k == 23
    assert call("--resume", stopped, "--save", stopped, "--quiet")[0] == 0
    require_equal(load_model(str(stopped)), load_model(str(folder / "student.npz")))


def test_more_steps_and_all_pictures(folder, tmp_path):
    more, film, curve, field = (tmp_path / name for name in ("m.npz", "f.svg", "c.svg", "a.svg"))
    status, lines, err = call("--resume", folder / "student.npz", "--steps", 60, "--save", more,
                              "--picture", film, "--animate", "--loss-curve", curve,
                              "--field", field)
    assert (status, err) == (0, "") and load_model(str(more)).adam.k == 60
    assert not any("possible" in line or "perfect" in line for line in lines)
    assert all(f">level {t}<" in film.read_text() for t in (2, 1, 0))
    assert "60 steps" in curve.read_text() and "level 2" in field.read_text()


def test_ctrl_c_while_the_teacher_walks(folder, tmp_path, monkeypatch):
    made = []

    def make_and_press(*arguments):
        for block in walks(*arguments):
            signal.raise_signal(signal.SIGINT)
            made.append(block)
            yield block

    monkeypatch.setattr(module, "walks", make_and_press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        ended = call("distill", folder / "teacher.npz", "--save", tmp_path / "s.npz")
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == (130, [], "scratchdiff: interrupted\n")
    assert os.listdir(tmp_path) == [] and len(made) == 1


REFUSED = [     # flags, what is said
    ("teacher.npz", "the following arguments are required: --save"),
    ("--save s.npz", "the following arguments are required: MODEL"),
    ("teacher.npz --save s.txt", "argument --save: must be a file name that ends in .npz"),
    ("teacher.npz --save no/s.npz", "cannot write no/s.npz: there is no folder no"),
    ("teacher.npz --save ./teacher.npz", "the student would replace its teacher: "),
    ("teacher.npz --save s.npz --sampler-steps 0", "argument --sampler-steps: must be a whole "),
    ("teacher.npz --save s.npz --sampler-steps 51", "--sampler-steps must be from 1 to 50, got 51"),
    ("teacher.npz --save s.npz --steps 0", "argument --steps: must be a whole number from 1 to"),
    ("teacher.npz --save s.npz --lr 0", "argument --lr: must be a number above 0"),
    ("student.npz --save s.npz", "student.npz is a student itself: distill its teacher"),
    ("no.npz --save s.npz", "cannot read no.npz: No such file or directory"),
    ("clock.npz --save s.npz", "clock.npz is a clock, and distill is for models of points"),
    ("wild.npz --save s.npz", "the generated points lie "),
    ("teacher.npz --save s.npz more", "unrecognized arguments: more (see python -m scratchdiff "
                                      "distill --help)"),
]


@pytest.mark.parametrize("typed, said", REFUSED, ids=[typed for typed, _ in REFUSED])
def test_bad_input_is_one_line_and_status_2(typed, said, folder, monkeypatch):
    monkeypatch.chdir(folder)
    np.savez("clock.npz", header='{"format": "scratchdiff clock", "version": 1}')
    wild = load_model("teacher.npz")
    wild.denoiser.network.params[-2:] = 1e6
    save_model("wild.npz", wild)
    before = sorted(os.listdir())
    status, out, err = call("distill", *typed.split())
    assert (status, out) == (2, []) and err.startswith(f"scratchdiff: error: {said}")
    assert err.count("\n") == 1 and sorted(os.listdir()) == before


def test_a_student_has_a_network_like_its_teachers_and_settings_for_pairs():
    recipe = student_recipe(replace(RECIPES["tutorial"], waves=(3,), schedule="squares"))
    assert (recipe.hidden, recipe.activation, recipe.waves) == ((64, 64), "relu", (3,))
    assert recipe.schedule == "squares", "its levels are some of its teacher's"
    assert (recipe.predicts, recipe.levels, recipe.antithetic) == ("v", "even", False)


def test_a_student_is_compared_with_points_that_its_teacher_has_not_seen(tmp_path, few_walks):
    """Of a person's points, the same are held back; and the columns keep their names."""
    points = np.random.default_rng(1).standard_normal((60, 3)) * 4 + 10
    teacher = Model.new(replace(RECIPES["default"], hidden=(8,), steps=1), 5,
                        own_data(points, Model.stream(5, SPLIT), ("a", "b", "c")))
    path, student = str(tmp_path / "t.npz"), str(tmp_path / "s.npz")
    save_model(path, teacher)
    assert call("distill", path, *SHORT, "--save", student)[0] == 0
    again = load_model(student)
    held_back = [m.data.real(9, np.random.default_rng(0)) for m in (teacher, again)]
    assert np.array_equal(*held_back) and again.data.names == ("a", "b", "c")
    assert again.pairs.shape == (module.BLOCK, 4, 2, 3)


def test_the_walks_do_not_begin_where_a_sample_does(few_walks):
    """Or the figures would be those of points that it has learned by heart."""
    teacher = Model.new(replace(RECIPES["default"], hidden=(8,)), 0, shape_data("circle"))
    pairs, = walks(teacher, 2)
    start = next(teacher.walk())
    assert pairs.shape == (module.BLOCK, 2, 2, 2) and pairs.dtype == start.dtype == np.float32
    assert len(np.intersect1d(pairs[:, 1, 0], start)) < 10


def test_blocks_of_walks_differ(monkeypatch):
    monkeypatch.setattr(module, "BLOCKS", 2)
    teacher = Model.new(replace(RECIPES["default"], hidden=(8,)), 0, shape_data("circle"))
    first, second = walks(teacher, 1)
    assert not np.array_equal(first, second)


def test_with_labels_the_teacher_is_asked_for_each_in_turn(monkeypatch):
    """The walks of the second block, by hand: upper, lower, none, upper, lower, ..."""
    monkeypatch.setattr(module, "BLOCKS", 2)
    data = shape_data("moons", labels=True)
    teacher = Model.new(replace(RECIPES["default"], hidden=(8, 8)), 3, data)
    first, second = walks(teacher, 2)
    noise = second[:, 1, 0]
    asked = np.arange(module.BLOCK, 2 * module.BLOCK) % 3
    for k, denoiser in enumerate([teacher.guided(["upper"]), teacher.guided(["lower"]),
                                  teacher.denoiser]):
        want = student_pairs(denoiser, teacher.denoiser.schedule, 2, noise[asked == k])
        assert np.allclose(second[asked == k], want, rtol=0, atol=1e-5), "float32"
    student = Model.new(teacher.recipe, 3, data, pairs=np.concatenate([first, second]))
    xt, t, target, c = student.taught(1000, np.random.default_rng(0))
    rows = {row.tobytes(): i for i, row in enumerate(student.pairs[:, 1, 0])}
    for i in np.flatnonzero(t == 1)[:50]:
        walk = rows[xt[i].tobytes()]
        assert c[i].tolist() == data.prompts_of_walks(walk).tolist()
        assert np.array_equal(target[i], student.pairs[walk, 1, 1])


def test_the_file_of_any_student_can_be_read_again(monkeypatch):
    """Of wide points there are fewer walks. Here, of 3 columns, as if much less were allowed."""
    monkeypatch.setattr(module, "BLOCKS", 2)
    monkeypatch.setattr(module, "MOST", 5000)
    assert LARGEST > 1.9 * MOST, "which leaves room for the parameters"
    points = np.random.default_rng(0).standard_normal((30, 3))
    teacher = Model.new(replace(RECIPES["default"], hidden=(8,)), 0,
                        own_data(points, Model.stream(0, SPLIT)))
    pairs = list(walks(teacher, 4))
    assert [len(block) for block in pairs] == [26, 26]
    assert 4800 < sum(block.nbytes for block in pairs) <= 5000


def test_a_fine_tuned_teacher_has_students_and_a_student_is_not_fine_tuned(folder, few_walks):
    teacher, student = folder / "adapted.npz", folder / "of_adapted.npz"
    assert call("--finetune", folder / "teacher.npz", "--data", "moons", "--lora", 2, *SHORT,
                "--save", teacher)[0] == 0
    assert call("distill", teacher, *SHORT, "--save", student)[0] == 0
    model = load_model(str(student))
    assert (model.recipe.lora, model.data.name, model.denoiser.schedule.T) == (0, "moons", 4)
    assert model.made_from == "adapted.npz, 40 steps on the moons"
    assert call("--finetune", student, "--data", "circle") == (
        2, [], f"scratchdiff: error: {student} is a student, which knows few noise levels: "
               "fine-tune its teacher, and distill that\n")


def test_the_table_of_few_steps(monkeypatch, capsys):
    """tests/quality_few_steps.py, of networks that have learned nothing, and are no students."""
    monkeypatch.setattr(quality_few_steps, "COUNTS", {"circle": 50, "moons": 50})
    monkeypatch.setattr(quality_few_steps, "TIMED", 50)
    monkeypatch.setattr(blocks, "BLOCK", 50)
    monkeypatch.setattr(quality_few_steps, "OF_SAMPLERS", (50, 1))
    monkeypatch.setattr(quality_few_steps, "taught", lambda name, seed: Model.new(
        replace(RECIPES["default"], hidden=(4,)), seed, shape_data(name)))
    monkeypatch.setattr(quality_few_steps, "distilled", lambda teacher, K: teacher)
    quality_few_steps.table()
    header, *rows = capsys.readouterr().out.splitlines()
    circle = [4, 5, 5, 4, 5, 5, 7]
    assert [len(row.split()) for row in rows] == [*circle, 4, *circle], "words of each row"
    assert len(header.split()) == 3 + len(quality_few_steps.STEPS)
    quality_few_steps.bounds(seeds=range(2))
    assert len(capsys.readouterr().out.splitlines()) == 2 + 7


def test_a_student_that_has_learned_nothing(folder):
    student = load_model(str(folder / "student.npz"))
    student.losses *= 3                 # as after 120 steps: of fewer than 100, nothing is said
    expect_learned(student)
    student.denoiser.network.params[:] = 0
    with pytest.raises(CommandError, match="the network has learned nothing in 120 steps"):
        expect_learned(student)
