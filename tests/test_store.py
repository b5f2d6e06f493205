"""app/store.py: models in files; nothing in a file is believed unseen."""
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from scratchdiff.app.errors import CommandError, shortened
from scratchdiff.app.files import store
from scratchdiff.app.files.store import contents, expect_loadable, load_model, save_model
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Diverged, Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.streams import SPLIT

pytestmark = pytest.mark.usefixtures("short_runs")

ROOT = Path(__file__).parent.parent
RECIPE = replace(RECIPES["default"], hidden=(8, 8), steps=30, batch_size=16)
POINTS = np.random.default_rng(1).standard_normal((40, 3)) * 4 + 10


def trained(steps, data=None, recipe=RECIPE, seed=3, pairs=None):
    model = Model.new(recipe, seed, data or shape_data("circle"), pairs=pairs)
    for _ in islice(model.train(), steps):
        pass
    return model


def own(seed=3):
    return own_data(POINTS, Model.stream(seed, SPLIT))


def labelled(seed=3):
    kinds = ["a", "b", "b c", "b"] * 10
    return own_data(POINTS, Model.stream(seed, SPLIT), labels=kinds, label_column=(1, "kind"))


def with_adapters():
    model = Model.new(replace(RECIPE, lora=2), 3, shape_data("circle"))
    model.made_from = "m.npz, 30 steps on the moons"
    next(model.train())
    return model


STUDENTS_PAIRS = np.ones((9, 3, 2, 2), np.float32)
MODELS = {"circle": lambda: trained(5), "own": lambda: trained(5, own()),
          "labelled": lambda: trained(5, labelled()),
          "parts": lambda: trained(5, shape_data("moons", labels=True)), "adapters": with_adapters,
          "student": lambda: trained(5, pairs=STUDENTS_PAIRS)}


@cache
def file_of(kind):
    """The bytes of a file that save_model writes: of one of MODELS, made once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "m.npz"
        save_model(str(path), MODELS[kind]())
        return path.read_bytes()


ALL_DATA = [None, own(), labelled(), shape_data("moons", labels=True)]


def same(a, b):
    assert (a.recipe, a.seed, a.adam.k) == (b.recipe, b.seed, b.adam.k)
    assert (a.losses, a.data.name, a.data.names) == (b.losses, b.data.name, b.data.names)
    assert np.array_equal(a.pairs, b.pairs)
    assert (a.data.labels, a.data.label_column) == (b.data.labels, b.data.label_column)
    assert np.array_equal(a.data.label_numbers, b.data.label_numbers)
    for name in ("params", "m", "v"):
        assert np.array_equal(getattr(a.adam, name), getattr(b.adam, name)), name
    assert a.adam.params is a.denoiser.network.params
    assert np.array_equal(next(a.sample(20)), next(b.sample(20)))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "m.npz")


@pytest.mark.parametrize("data", ALL_DATA)
def test_what_is_read_is_what_was_saved(path, data):
    model = trained(20, data)
    save_model(path, model)
    again = load_model(path)
    same(again, model)
    for drawn in ("draw", "real"):
        mine, theirs = (getattr(m.data, drawn)(9, np.random.default_rng(0)) for m in (again, model))
        assert np.array_equal(mine, theirs)


@pytest.fixture(scope="module", params=ALL_DATA)
def whole_run(request):
    """Data, and a model that has been trained on it without a stop."""
    return request.param, trained(30, request.param)


@pytest.mark.parametrize("stop", [0, 13, 29])
def test_a_run_that_was_stopped_and_kept_ends_bit_for_bit_where_it_would_have(
        path, whole_run, stop):
    data, whole = whole_run
    save_model(path, trained(stop, data))
    model = load_model(path)
    for _ in model.train():
        pass
    same(model, whole)


@pytest.mark.parametrize("stop", [0, 13, 30])
def test_a_student_that_was_kept_goes_on_bit_for_bit(path, stop):
    pairs = np.random.default_rng(2).standard_normal((50, 3, 2, 2), np.float32)
    save_model(path, trained(stop, pairs=pairs))
    model = load_model(path)
    same(model, trained(stop, pairs=pairs))
    for _ in model.train():
        pass
    same(model, trained(30, pairs=pairs))
    assert model.denoiser.schedule.T == 3


def test_the_file_is_plain(path):
    save_model(path, trained(5, own()))
    with np.load(path, allow_pickle=False) as arrays:
        assert sorted(arrays) == ["center", "header", "losses", "m", "params", "points", "scale",
                                  "v"]
        header = json.loads(arrays["header"].item())
    assert header == {"format": "scratchdiff", "version": 5, "names": None, "seed": 3, "step": 5,
                      "labels": [], "label": None, "data": "points", "made_from": "",
        "arrays": ["center", "losses", "m", "params", "points", "scale", "v"], "recipe": {
        "hidden": [8, 8], "activation": "silu", "predicts": "v", "steps": 30, "batch_size": 16,
        "antithetic": True, "lr": 0.015, "waves": [], "levels": "low", "lr_by_width": True,
        "lora": 0, "lr_schedule": "linear", "variance": "posterior", "schedule": "linear"}}


def changed(path, kind, header=None, drop=(), compress=False, **arrays):
    """Write the file of one of MODELS with changes; `header` is merged into its, or replaces it."""
    with np.load(io.BytesIO(file_of(kind))) as old:
        new = {**old, **arrays}
    if isinstance(header, np.ndarray):
        new["header"] = header
    else:
        merged = json.loads(new["header"].item())
        for key, value in (header or {}).items():
            merged[key] = {**merged[key], **value} if isinstance(value, dict) else value
        merged["arrays"] = sorted({*new} - {*drop, "header"})
        new["header"] = np.array(json.dumps(merged))
    for name in drop:
        del new[name]
    (np.savez_compressed if compress else np.savez)(path, **new)


P = 3 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2
f32 = np.float32


@pytest.mark.parametrize("change, said", [
    ({"drop": ["header"]}, "it is not a model of scratchdiff"),
    ({"header": np.array("{")}, "it is not a model of scratchdiff"),
    ({"header": np.array("[1]")}, "it is not a model of scratchdiff"),
    ({"header": np.zeros(3)}, "it is not a model of scratchdiff"),
    ({"header": {"format": "other"}}, "it is not a model of scratchdiff"),
    ({"header": {"version": None}}, "its format has no version"),
    ({"header": {"version": 2}}, r"another version .* \(its format is 2, this one reads 5\)"),
    ({"header": {"recipe": 5}}, "its recipe is not complete"),
    ({"header": {"recipe": {"more": 1}}}, "its recipe is not complete"),
    ({"header": {"recipe": {"hidden": 8}}}, "its recipe is not complete"),
    ({"header": {"recipe": {"lr": -1}}}, "lr must be a number"),
    ({"header": {"recipe": {"hidden": [8, 10 ** 6]}}},
     rf"array params has shape \({P},\), it must be"),
    ({"header": {"recipe": {"batch_size": 10 ** 30}}},
     "batch_size must be made of whole numbers from 1 to 1000000, got 10000"),
    ({"header": {"recipe": {"hidden": [8] * 101}}}, "hidden must have at most 100 entries"),
    ({"header": {"seed": -1}}, "its seed is -1"), ({"header": {"seed": 1.5}}, "its seed is 1.5"),
    ({"header": {"step": 31}}, "it has taken 31 of 30 steps"),
    ({"header": {"step": True}}, "it has taken True of 30 steps"),
    ({"header": {"step": 4}}, r"array losses has shape \(5,\), it must be \(4,\)"),
    ({"header": {"made_from": None}}, "it was made from None"),
    ({"header": {"made_from": "a\nb"}}, r"it was made from 'a\\nb'"),
    ({"header": {"recipe": {"lora": -1}}}, "lora must be a whole number from 0 up, got -1"),
    ({"header": {"recipe": {"lora": 4}}}, r"array params has shape .* it must be \(117,\)"),
    ({"header": {"data": "cube"}}, "it has learned 'cube', which is not one of the shapes"),
    ({"header": {"data": "points"}}, "it has no array points"),
    ({"header": {"data": "points", "names": ["x"]}, "points": np.eye(2)},
     "it has 2 columns, but 1 name"),
    ({"header": {"names": "xy"}}, "its column names are 'xy'"),
    ({"header": {"names": ["x", 1]}}, r"its column names are \['x', 1\]"),
    ({"header": {"data": "moons"}}, None),
    ({"drop": ["m"]}, "it has no array m"),
    ({"params": np.zeros(P - 1, f32)},
     rf"array params has shape \({P - 1},\), it must be \({P},\)"),
    ({"params": np.zeros(P)}, "array params is float64, not float32"),
    ({"v": np.full(P, np.nan, f32)}, "array v holds a number that is not"),
    ({"params": np.full(P, np.inf, f32)}, "array params holds a number that is not finite"),
    ({"v": np.full(P, -1, f32)}, "array v has entries below 0"),
    ({"center": np.zeros(3)}, r"array scale has shape \(2,\), it must be \(3,\)"),
    ({"center": np.zeros(0)}, r"array center has shape \(0,\), it must be \(n,\)"),
    ({"center": np.zeros(101), "scale": np.ones(101)},
     "it has 101 columns, at most 100 are allowed"),
    ({"center": np.ones(2)}, "center and scale are not those of its points"),
    ({"scale": np.full(2, 2.0)}, "center and scale are not those"),
    ({"scale": np.ones(1)}, r"array scale has shape \(1,\), it must be \(2,\)"),
    ({"losses": np.full(5, np.nan)}, "array losses holds"),
    ({"pairs": np.zeros((9, 3, 2, 2))}, "array pairs is float64, not float32"),
    ({"pairs": np.zeros((9, 3, 2, 3), f32)},
     r"array pairs has shape \(9, 3, 2, 3\), it must be \(n, n, 2, 2\)"),
    ({"pairs": np.zeros((9, 51, 2, 2), f32)}, "K must be from 1 to 50, .* got 51"),
    ({"pairs": np.full((9, 3, 2, 2), np.nan, f32)}, "array pairs holds a number that is not"),
    ({"compress": True}, "it is compressed, and scratchdiff's models are not")])
def test_every_inconsistency_is_named(path, change, said):
    changed(path, "circle", **change)
    if said is None:                    # the moons have the same standard form as the circle
        assert load_model(path).data.name == "moons"
        return
    with pytest.raises(CommandError, match=f"cannot use {path}: .*{said}") as caught:
        load_model(path)
    assert caught.value.status == 2


@pytest.mark.parametrize("points, said", [
    (np.ones((40, 3)), "its points are all equal"),
    (POINTS[:1], "its points are all equal"),
    (POINTS[:, :2], r"points has shape \(40, 2\)"),
    (POINTS + 1, "center and scale are not those"),
    (POINTS.astype(f32), "array points is float32"),
    (POINTS * np.nan, "array points holds")])
def test_every_inconsistency_of_own_points_is_named(path, points, said):
    changed(path, "own", points=points)
    with pytest.raises(CommandError, match=said):
        load_model(path)


@pytest.mark.parametrize("change, said", [
    ({"header": {"labels": None}}, "its labels are None"),
    ({"header": {"labels": ["a"]}}, r"its labels are \['a'\]"),
    ({"header": {"labels": ["a", "b", 5]}}, "its labels are"),
    ({"header": {"labels": ["a", "b", " c"]}}, "its labels are"),
    ({"header": {"labels": ["a", "b", ""]}}, "its labels are"),
    ({"header": {"labels": ["w"] * 301}}, "its labels are"),
    ({"header": {"labels": ["a", "b", "c d"]}}, "array params has shape"),
    ({"header": {"labels": ["b", "a", "b c"]}}, "its labels are not those of its points"),
    ({"header": {"labels": []}}, "the column of its labels is"),
    ({"header": {"label": None}}, "the column of its labels is None"),
    ({"header": {"label": [1]}}, "the column of its labels is"),
    ({"header": {"label": [4, "kind"]}}, "the column of its labels is"),
    ({"header": {"label": [True, "kind"]}}, "the column of its labels is"),
    ({"header": {"label": [0, 1]}}, "the column of its labels is"),
    ({"header": {"label": [0, "\ud800"]}}, "the column of its labels is"),
    ({"header": {"names": ["x", "y"]}}, "it has 3 columns, but 2 names"),
    ({"header": {"names": ["x", "y", 1]}}, "its column names are"),
    ({"header": {"names": ["x", "y", "\ud800"]}}, "its column names are"),
    ({"header": {"names": ["x", "y", "a\0"]}}, "its column names are"),
    ({"header": {"names": ["x", "y", "a  b"]}}, "its column names are"),
    ({"drop": ["label_numbers"]}, "it has no array label_numbers"),
    ({"label_numbers": np.zeros(40)}, "array label_numbers is float64, not int64"),
    ({"label_numbers": np.zeros(39, int)}, "array label_numbers has shape"),
    ({"label_numbers": np.zeros(40, int)}, "its labels are not those of its points"),
    ({"label_numbers": np.arange(40) % 4}, "its labels are not those of its points"),
    ({"label_numbers": np.arange(40) % 3 - 1}, "its labels are not those of its points")])
def test_every_inconsistency_of_labels_is_named(path, change, said):
    changed(path, "labelled", **change)
    with pytest.raises(CommandError, match=f"cannot use {path}: .*{said}"):
        load_model(path)


VALUES = [None, True, False, 0, 1, 2, -1, 0.5, 31, 10 ** 6, 10 ** 30, 10 ** 400, 1e308, np.nan,
          np.inf, "", "x", "circle", "points", "relu", "a\nb", "\ud800", "x" * 9999, [], [1],
          ["x"], [None], [[1]], [8, 8.0], [True, 8], [10 ** 400], [1] * 200, ["a", "b"],
          ["a", "b", "b\0"], ["x", "y", "\ud800"], ["x", "y", " z"], [1, "kind"], [-1, "x"],
          [0, "\ud800"], {}, {"a": 1}, [{}]]


def other_arrays(a):
    """An array in other types and shapes, and with numbers that it should not hold."""
    for dtype in (np.float64, f32, np.float16, np.int64, np.bool_, np.complex64, ">f4", "U9"):
        yield a.astype(dtype)
    yield from (a[:0], a[:-1], a[..., :0], a[None], a[..., None], np.concatenate([a, a]), a.T,
                a.ravel(), a.ravel()[0], a[:1], np.repeat(a, 60, axis=min(1, a.ndim - 1)))
    numbers = (np.nan, -np.inf, -1, 0, 3, 1e30) if a.dtype.kind == "f" else (-1, 0, 1, 2 ** 62)
    for number in numbers:
        yield np.full_like(a, number)
        last = a.copy()
        last.flat[-1] = number
        yield last


def edited(kind, rng):
    """Edits of a model file: (header, arrays), each field by many values, each array by others."""
    with np.load(io.BytesIO(file_of(kind))) as file:
        whole = dict(file)
    header = json.loads(whole.pop("header").item())
    for fields in (header, header["recipe"]):
        for name in fields:
            for new in [*rng.sample(VALUES, 3), None]:
                more = {**fields, name: new}
                yield more if fields is header else {**header, "recipe": more}, whole
            less = {key: value for key, value in fields.items() if key != name}
            yield less if fields is header else {**header, "recipe": less}, whole
    for name, array in whole.items():
        for new in other_arrays(array):
            yield header, {**whole, name: new}
        yield header, {key: value for key, value in whole.items() if key != name}
        yield header, {**whole, "x" + name: array}
        yield {**header, "arrays": sorted([*whole, "x" + name])}, {**whole, "x" + name: array}


@pytest.mark.parametrize("kind", MODELS)
def test_an_edited_file_is_refused_in_a_line_or_it_is_the_model_that_it_describes(
        path, kind, monkeypatch):
    """What is accepted would be saved as it was, so nothing was overlooked; and it can learn.

    The edits are in the arrays as they are read: to zip and to unzip them takes much longer.
    """
    Path(path).write_bytes(file_of(kind))
    accepted, refused = 0, 0
    for header, arrays in edited(kind, random.Random(kind)):
        read = as_read({"header": json.dumps(header), **arrays})
        monkeypatch.setattr(store, "read_arrays", lambda data: read)
        try:
            model = load_model(path)
        except CommandError as error:
            assert str(error).startswith(f"cannot use {path}: ")
            assert shortened(str(error)).isprintable() and error.status == 2
            refused += 1
            continue
        accepted += 1
        text, saved = contents(model)
        assert json.loads(text) == header
        assert saved.keys() == arrays.keys()
        assert all(np.array_equal(saved[name], arrays[name]) for name in saved)
        with suppress(Diverged), np.errstate(all="ignore"):
            next(model.train(), None)
    assert accepted > 15 and refused > 150


def as_read(arrays):
    """Arrays as they come from a file: nothing can be written into them."""
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def test_arrays_are_read_as_they_were_written_and_cannot_be_changed():
    read = store.read_arrays(file_of("labelled"))
    with np.load(io.BytesIO(file_of("labelled"))) as file:
        written = as_read(file)
    assert read.keys() == written.keys()
    for name, array in read.items():
        assert np.array_equal(array, written[name]) and array.dtype == written[name].dtype
        assert not array.flags.writeable


def test_labels_of_a_shape_are_its_parts(path):
    changed(path, "parts", header={"labels": ["lower", "upper"]})
    with pytest.raises(CommandError, match="which are not the parts of the moons"):
        load_model(path)


def test_two_arrays_of_the_same_name_are_refused(path):
    """Which of them is meant? zipfile would take the last."""
    Path(path).write_bytes(file_of("circle"))
    with zipfile.ZipFile(path) as archive:
        params = archive.read("params.npy")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("params", params)
    with pytest.raises(CommandError, match="two of its arrays have the same name"):
        load_model(path)


def test_an_array_that_is_lost_is_missed(path):
    """Without its pairs, a student would be an ordinary model that makes nonsense."""
    with np.load(io.BytesIO(file_of("student"))) as file:
        rest = {name: file[name] for name in file if name != "pairs"}
    np.savez(path, **rest)
    with pytest.raises(CommandError, match="its arrays are not those that its header names"):
        load_model(path)


def test_a_run_does_not_begin_if_its_file_could_not_be_read(monkeypatch):
    long = Model.new(replace(RECIPE, steps=17 * 10 ** 6), 0, shape_data("circle"))
    with pytest.raises(CommandError, match="would write 130 MB, and a model that can be read again "
                                           "has at most 128: try fewer --hidden units, or fewer"):
        expect_loadable(long)
    expect_loadable(trained(0))
    monkeypatch.setattr(store, "LARGEST", 2 ** 21)      # three arrays of 500 x 500 are 3 MB
    with pytest.raises(CommandError, match="would write 3 MB, .* at most 2: try fewer --hidden"):
        expect_loadable(Model.new(replace(RECIPE, hidden=(500, 500)), 0, shape_data("circle")))
    expect_loadable(trained(0))


def test_a_header_has_an_end(path):
    names = ("x" * 2 ** 20, "y", "z")
    model = trained(5, own_data(POINTS, Model.stream(3, SPLIT), names))
    with pytest.raises(CommandError, match="names of the columns, are too long for --save"):
        expect_loadable(model)
    save_model(path, model)
    with pytest.raises(CommandError, match="its header is too long"):
        load_model(path)


def test_files_that_are_no_models(path, tmp_path):
    for content in (b"", b"rubbish" * 100, b"PK\3\4" + bytes(100)):
        (tmp_path / "m.npz").write_bytes(content)
        with pytest.raises(CommandError, match="it is not a model file, or it is damaged"):
            load_model(path)
    np.savez(path, some=np.ones(3), other=np.zeros(2))
    with pytest.raises(CommandError, match="it is not a model of scratchdiff"):
        load_model(path)
    np.savez(path, header=np.array([None]))
    with pytest.raises(CommandError, match="it holds .*, not numbers"):
        load_model(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("header.npy", "not an array")
    with pytest.raises(CommandError, match="it is not a .npy file"):
        load_model(path)
    with pytest.raises(CommandError, match="cannot read .*no.npz: No such file"):
        load_model(str(tmp_path / "no.npz"))


def test_damage_is_found_wherever_it_is(path):
    """A byte changed, or the end cut off: refused in one line, or read as it was.

    The zip has a few spare bytes, which mean nothing.
    """
    whole, saved = file_of("circle"), contents(MODELS["circle"]())
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(150):
        place = int(rng.integers(len(whole)))
        damaged = whole[:place] if trial % 2 else \
            whole[:place] + bytes([whole[place] ^ int(rng.integers(1, 256))]) + whole[place + 1:]
        Path(path).unlink(missing_ok=True)      # to write over it would wait for the disk
        Path(path).write_bytes(damaged)
        try:
            header, arrays = contents(load_model(path))
        except CommandError as error:
            assert str(error).startswith(f"cannot use {path}: ") and "\n" not in str(error)
            refused += 1
        else:
            assert header == saved[0]
            assert all(np.array_equal(arrays[name], saved[1][name]) for name in saved[1])
    assert refused > 125


def test_a_small_file_cannot_ask_for_much_memory(path):
    """A header that claims a terabyte, with a right checksum."""
    with zipfile.ZipFile(io.BytesIO(file_of("circle"))) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    file = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (10 ** 12,)}
    np.lib.format.write_array_header_1_0(file, header)
    contents["params.npy"] = file.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    with pytest.raises(CommandError, match="its size does not fit its header"):
        load_model(path)


def test_nothing_is_read_of_a_file_whose_members_overlap(path, monkeypatch):
    """Its directory names each member three times: together they are larger than the file."""
    save_model(path, trained(1))
    with zipfile.ZipFile(path, "a") as archive:
        archive.filelist *= 3
        archive.comment = b"so that the directory is written anew"
    reads = []
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, member: reads.append(member))
    with pytest.raises(CommandError, match="it is not a model file, or it is damaged"):
        load_model(path)
    assert not reads


@pytest.mark.parametrize("name", ["params", "m", "v"])
def test_a_model_that_has_diverged_does_not_replace_one_that_has_not(path, name):
    model = Model.new(RECIPES["tutorial"], 0, shape_data("circle"))
    save_model(path, model)
    getattr(model.adam, name)[3] = np.inf
    with pytest.raises(Diverged, match="its parameters are no longer finite"):
        save_model(path, model)
    assert np.isfinite(load_model(path).adam.params).all()


def test_a_file_that_is_too_large_is_not_read(path, monkeypatch):
    save_model(path, trained(1))
    size = os.path.getsize(path)
    monkeypatch.setattr("scratchdiff.app.files.store.LARGEST", size)
    load_model(path)
    monkeypatch.setattr("scratchdiff.app.files.store.LARGEST", size - 1)
    with pytest.raises(CommandError, match=f"it is larger than {size - 1} bytes"):
        load_model(path)


def test_a_kill_at_any_moment_leaves_a_whole_file(path):
    """--save-every 1, stopped at random moments: the file that is there can be read.

    It is the file that a kill would leave at that moment.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "scratchdiff", "--steps", "9999999", "--hidden", "8", "--save",
         path, "--batch-size", "8", "--save-every", "1", "--quiet"],
        cwd=ROOT, stderr=subprocess.DEVNULL)
    with process:
        try:
            while not os.path.exists(path):
                time.sleep(0.01)
                assert process.poll() is None
            seen = []
            for _ in range(6):
                time.sleep(0.01)
                process.send_signal(signal.SIGSTOP)
                os.waitpid(process.pid, os.WUNTRACED)       # until it stands still
                seen.append(load_model(path).adam.k)
                process.send_signal(signal.SIGCONT)
        finally:
            process.kill()
    assert seen == sorted(seen) and seen[0] > 0
