"""A saved model: all that sampling needs, and all that training needs to go on bit for bit.

It is an .npz file, a zip of .npy files, without pickle and without compression:

    header    JSON: the format's version, the names of the arrays, the recipe, the seed, the steps
              taken, what was learned, the labels (the prompts), and the place of their column in
              the person's file
    params    (P,)     the parameters that learn, layer by layer: W row by row, then b; or A and B
    base      (P',)    the frozen W and b beside A and B, if the recipe has adapters
    m, v      (P,)     Adam's two averages
    losses    (steps,) the loss at every step so far
    center    (d,)     points are (what the network makes) * scale + center
    scale     (d,)
    points    (n, d)   the person's own points, if the data is not a built-in shape
    label_numbers  (n,)     the number of each point's label, if the points have labels
    pairs     (m, K, 2, d)     what a student learns from (beyond/distillation.py)

The random numbers of a step depend only on the seed and on the step's number (fast/streams.py). So
the seed and the number are the whole state of the generator. A file may be damaged or edited, so
everything in it is checked before use.
"""
import io
import json
import zipfile
from dataclasses import asdict, fields, replace

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.columns import MOST_LABELS
from scratchdiff.app.files.npy import parse_npy
from scratchdiff.app.files.table import MOST_COLUMNS, counted
from scratchdiff.app.files.text import readable
from scratchdiff.app.files.whole import opened, whole_file
from scratchdiff.beyond.prompts import Vocabulary
from scratchdiff.experiment.data import OWN, own_data, shape_data
from scratchdiff.experiment.model import Diverged, Model
from scratchdiff.experiment.recipe import Recipe
from scratchdiff.fast.streams import SPLIT
from scratchdiff.measure.shapes import SHAPES

VERSION = 5
FIELDS = {"format", "version", "arrays", "recipe", "seed", "step", "data", "names", "labels",
          "label", "made_from"}
LARGEST = 2 ** 27       # bytes of a model file: 128 MB, a thousand times what a usual one has
LONGEST_HEADER = 2 ** 20
LONGEST = 1000          # characters in a line about what a model was made from


def save_model(path, model):
    """Write a model. The file at `path` is the old one or the new one, never half of one.

    Raises Diverged if a number in it is not finite, and CommandError if it cannot be written.
    """
    header, arrays = contents(model)
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise Diverged("its parameters are no longer finite")
    with whole_file(path) as file:
        np.savez(file, header=np.array(header), **arrays)


def contents(model):
    """The contents of a model's file: the text of the header, and the arrays by name."""
    header = {"format": "scratchdiff", "version": VERSION, "recipe": asdict(model.recipe),
              "seed": model.seed, "step": model.adam.k, "data": model.data.name,
              "names": model.data.names and list(model.data.names),
              "labels": list(model.data.labels), "label": model.data.label_column,
              "made_from": model.made_from}
    arrays = {"params": model.adam.params, "m": model.adam.m, "v": model.adam.v,
              "losses": np.array(model.losses, np.float64),
              "center": model.data.standard.center, "scale": model.data.standard.scale}
    if model.base is not None:
        arrays["base"] = model.base
    if model.data.points is not None:
        arrays["points"] = model.data.points
    if model.pairs is not None:
        arrays["pairs"] = model.pairs
    if model.data.label_numbers is not None:
        arrays["label_numbers"] = model.data.label_numbers
    header["arrays"] = sorted(arrays)
    return json.dumps(header), arrays


def expect_loadable(model):
    """CommandError if the model's file will be too large to be read after the last step."""
    header, arrays = contents(model)
    losses_to_come = 8 * (model.recipe.steps - model.adam.k)
    if len(header) > LONGEST_HEADER:
        raise CommandError("the labels, and the names of the columns, are too long for --save")
    size = 4 * len(header) + sum(array.nbytes for array in arrays.values()) + losses_to_come
    if size > LARGEST - 2 ** 12:        # the zip's own bytes
        raise CommandError(f"--save would write {size / 2 ** 20:.0f} MB, and a model that can be "
                           f"read again has at most {LARGEST // 2 ** 20}: "
                           "try fewer --hidden units, or fewer --steps")


def load_model(path):
    """Read a model. CommandError names the file and what is wrong with it."""
    try:
        with opened(path) as file:
            data = file.read(LARGEST + 1)
        require(len(data) <= LARGEST, f"it is larger than {LARGEST} bytes")
        arrays = read_arrays(data)
        return checked_model(checked_header(arrays), arrays)
    except ValueError as error:
        raise CommandError(f"cannot use {path}: {error}") from None


def read_arrays(data):
    """The arrays of an .npz file by name. Together they are no larger than the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            fits = sum(member.file_size for member in members) <= len(data)
            contents = {member.filename: archive.read(member)       # read checks the CRC
                        for member in members if stored and fits}
    except Exception:                   # zipfile raises a dozen kinds for damaged bytes
        raise ValueError("it is not a model file, or it is damaged") from None
    require(stored, "it is compressed, and scratchdiff's models are not")
    require(fits, "it is not a model file, or it is damaged")
    arrays = {name.removesuffix(".npy"): parse_npy(content) for name, content in contents.items()}
    require(len(arrays) == len(members), "two of its arrays have the same name")
    return arrays


def checked_header(arrays):
    """The header as a dictionary in which every field has the type that it should have."""
    text = arrays.get("header")
    header = None
    if text is not None and text.shape == () and text.dtype.kind == "U":
        require(text.nbytes <= 4 * LONGEST_HEADER, "its header is too long")
        try:
            header = json.loads(text.item())
        except (ValueError, RecursionError):
            pass                        # the next line reports it
    require(isinstance(header, dict) and header.get("format") == "scratchdiff",
            "it is not a model of scratchdiff")
    version = header.get("version")
    require(type(version) is int and version >= 1, "its format has no version")
    require(version == VERSION, "it was written by another version of scratchdiff "
                                f"(its format is {version}, this one reads {VERSION})")
    require(header.keys() == FIELDS, "its header is not complete, or has unknown fields")
    require(header["arrays"] == sorted(set(arrays) - {"header"}),
            "its arrays are not those that its header names")
    seed, step, name = (header[key] for key in ("seed", "step", "data"))
    header["recipe"] = recipe = checked_recipe(header["recipe"])
    require(type(seed) is int and 0 <= seed, f"its seed is {short(seed)}")
    require(type(step) is int and 0 <= step <= recipe.steps,
            f"it has taken {short(step)} of {recipe.steps} steps")
    require(type(name) is str and (name == OWN or name in SHAPES),
            f"it has learned {short(name)}, which is not one of the shapes")
    made_from = header["made_from"]
    require(type(made_from) is str and made_from.isprintable() and len(made_from) <= LONGEST,
            f"it was made from {short(made_from)}")
    check_words(name, header["names"], header["labels"], header["label"])
    return header


def check_words(name, names, labels, label):
    """ValueError unless these can be the names, the labels, and the labels' column of the data."""
    require(names is None or name == OWN and isinstance(names, list) and all(map(is_cell, names)),
            f"its column names are {short(names)}")
    require(isinstance(labels, list) and len(labels) != 1 and len(labels) <= MOST_LABELS
            and all(is_cell(word) and word for word in labels),
            f"its labels are {short(labels)}")
    require(name == OWN or labels in ([], list(SHAPES[name].names)),
            f"its labels are {short(labels)}, which are not the parts of the {name}")
    require(label is None or name == OWN and labels, f"the column of its labels is {short(label)}")


def checked_recipe(settings):
    """The Recipe in a header. Recipe.validated checks the types and the ranges."""
    names = {field.name for field in fields(Recipe)}
    require(isinstance(settings, dict) and settings.keys() == names
            and isinstance(settings["hidden"], list) and isinstance(settings["waves"], list),
            "its recipe is not complete, or has unknown fields")
    tuples = {name: tuple(settings[name]) for name in ("hidden", "waves")}
    return Recipe(**{**settings, **tuples}).validated()


def checked_model(header, arrays):
    """The Model in a checked header and these arrays. Each array is checked before it is used."""
    recipe, seed = header["recipe"], header["seed"]
    center = checked_array(arrays, "center", np.float64, (None,))
    d = len(center)
    require(d <= MOST_COLUMNS, f"it has {d} columns, at most {MOST_COLUMNS} are allowed")
    scale = checked_array(arrays, "scale", np.float64, (d,))
    labels = header["labels"]
    widths = recipe.widths(d, len(Vocabulary(labels)))
    sizes = dict.fromkeys(("params", "m", "v"), recipe.size(widths))
    if recipe.lora:
        sizes["base"] = replace(recipe, lora=0).size(widths)
    flat = {key: checked_array(arrays, key, np.float32, (size,)) for key, size in sizes.items()}
    v = flat["v"]
    require((v >= 0).all(), "array v has entries below 0")
    losses = checked_array(arrays, "losses", np.float64, (header["step"],))
    if header["data"] == OWN:
        points = checked_array(arrays, "points", np.float64, (None, d))
        require(len(points) >= 2 and np.ptp(points, axis=0).any(), "its points are all equal")
        names = header["names"] and tuple(header["names"])
        named = d if names is None else len(names)
        require(named == d, f"it has {counted(d, 'column')}, but {counted(named, 'name')}")
        words, label = checked_labels(labels, header["label"], arrays, points)
        data = own_data(points, Model.stream(seed, SPLIT), names, labels=words, label_column=label)
    else:
        data = shape_data(header["data"], bool(labels))
    require(np.array_equal(center, data.standard.center)
            and np.array_equal(scale, data.standard.scale),
            "center and scale are not those of its points")
    pairs = None
    if "pairs" in arrays:
        pairs = checked_array(arrays, "pairs", np.float32, (None, None, 2, d))
    model = Model.new(recipe, seed, data, flat.get("base"), pairs)
    model.adam.params[:], model.adam.m[:], model.adam.v[:] = flat["params"], flat["m"], v
    model.made_from = header["made_from"]
    model.adam.k = header["step"]
    model.losses += losses.tolist()
    require(sorted(contents(model)[1]) == header["arrays"], "it has one array too many")
    return model


def checked_labels(labels, label, arrays, points):
    """The label of each point, and (place, name) of the labels' column. None without labels."""
    if not labels:
        return None, None
    n, d = points.shape
    label_numbers = checked_array(arrays, "label_numbers", np.int64, (n,))
    require(labels == sorted(labels)
            and np.array_equal(np.unique(label_numbers), range(len(labels))),
            "its labels are not those of its points")
    require(isinstance(label, list) and len(label) == 2 and type(label[0]) is int
            and 0 <= label[0] <= d and (label[1] is None or is_cell(label[1])),
            f"the column of its labels is {short(label)}")
    return [labels[k] for k in label_numbers.tolist()], tuple(label)


def checked_array(arrays, name, dtype, shape):
    """The array of that name. ValueError unless it has this dtype and shape, and is finite.

    None in `shape` stands for any positive number.
    """
    require(name in arrays, f"it has no array {name}")
    array = arrays[name]
    require(array.dtype == dtype, f"array {name} is {array.dtype}, not {np.dtype(dtype)}")
    fits = len(array.shape) == len(shape) and all(
        n == want or want is None and n for n, want in zip(array.shape, shape))
    wanted = str(shape).replace("None", "n")
    require(fits, f"array {name} has shape {array.shape}, it must be {wanted}")
    require(np.isfinite(array).all(), f"array {name} holds a number that is not finite")
    return array


def is_cell(word):
    """Whether this is a word that a cell in a file of points can hold."""
    if type(word) is not str or any("\ud800" <= sign <= "\udfff" or sign == "\0" for sign in word):
        return False
    return word == readable(word)


def short(value):
    """A value of any kind, in at most 40 characters."""
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def require(condition, message):
    if not condition:
        raise ValueError(message)
