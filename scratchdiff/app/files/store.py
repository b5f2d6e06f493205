"""A model in a file: all that is needed to sample from it, and to train on as if it had never been put away.

An .npz file, which is a zip of .npy files, without pickle and without compression:

    header    text: JSON with the format's version, the recipe, the seed, the steps taken, and what was learnt
    params    (P,)     the network's parameters, layer by layer, W row by row, then b
    m, v      (P,)     Adam's two averages
    losses    (steps,) the loss at every step so far
    center    (d,)     points are (what the network makes) * scale + center
    scale     (d,)
    points    (n, d)   the person's own points, if the data is no built-in shape

The random numbers of a step depend only on the seed and on its number (diffusion/streams.py), so the seed and the
number of steps are the whole state of the generator.
"""
import io
import json
import zipfile
from dataclasses import asdict

import numpy as np

from scratchdiff.experiment.data import OWN, own_data, shape_data
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.whole import parse_npy, read_bytes, whole_file
from scratchdiff.experiment.recipe import Recipe
from scratchdiff.experiment.model import Diverged, Model
from scratchdiff.fast.streams import SPLIT
from scratchdiff.measure.shapes import SHAPES

VERSION = 1


def save_model(path, model):
    """Write a model; CommandError if it cannot be. The file at `path` is the old one or the new one, never half of one."""
    header = {"format": "scratchdiff", "version": VERSION, "recipe": asdict(model.recipe), "seed": model.seed,
              "step": model.adam.k, "data": model.data.name}
    arrays = {"header": np.array(json.dumps(header)), "params": model.adam.params, "m": model.adam.m, "v": model.adam.v,
              "losses": np.array(model.losses, np.float64), "center": model.data.standard.center,
              "scale": model.data.standard.scale}
    if model.data.points is not None:
        arrays["points"] = model.data.points
    if not all(np.isfinite(arrays[name]).all() for name in ("params", "m", "v")):
        raise Diverged("its parameters are no longer finite")
    with whole_file(path) as file:
        np.savez(file, **arrays)


def load_model(path):
    """Read a model; CommandError, naming the file and what is wrong, for anything but a whole and consistent one."""
    data = read_bytes(path)
    try:
        return _model(_arrays(data))
    except ValueError as error:
        raise CommandError(f"cannot use {path}: {error}") from None


def _arrays(data):
    """The arrays of an .npz file by name, none of them larger than the file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
            contents = {member.filename: archive.read(member) for member in members if stored}   # read checks the CRC
    except Exception:                   # zipfile has many ways to trip over bytes that are no zip: all mean one thing
        raise ValueError("it is no model file, or it is damaged") from None
    if not stored:
        raise ValueError("it is compressed, as no model of scratchdiff is")
    return {name.removesuffix(".npy"): parse_npy(content) for name, content in contents.items()}


def _model(arrays):
    """The Model that these arrays hold, each checked before it is used. ValueError says what is wrong with them."""
    header = _header(arrays)
    _require(header.get("format") == "scratchdiff", "it is no model of scratchdiff")
    version = header.get("version")
    _require(isinstance(version, int) and version >= 1, "its format has no version")
    _require(version <= VERSION,
             f"it was written by a newer scratchdiff (its format is {version}, this one knows {VERSION})")
    try:
        recipe = Recipe(**{name: tuple(value) if type(value) is list else value
                           for name, value in header["recipe"].items()}).validated()
    except (KeyError, TypeError) as error:
        raise ValueError(f"its recipe is not complete, or has too much in it ({error})") from None
    seed, step, name = (header.get(key) for key in ("seed", "step", "data"))
    _require(type(seed) is int and seed >= 0, f"its seed is {seed!r}")
    _require(type(step) is int and 0 <= step <= recipe.steps, f"it has taken {step!r} of {recipe.steps} steps")
    _require(name == OWN or name in SHAPES, f"it has learnt {name!r}, which is none of the shapes")

    center = _array(arrays, "center", np.float64, (None,))
    d = len(center)
    widths = recipe.widths(d)
    size = sum(d_in * d_out + d_out for d_in, d_out in zip(widths, widths[1:]))
    params, m, v = (_array(arrays, key, np.float32, (size,)) for key in ("params", "m", "v"))
    _require((v >= 0).all(), "array v has entries below 0")
    losses = _array(arrays, "losses", np.float64, (step,))
    scale = _array(arrays, "scale", np.float64, (d,))
    if name == OWN:
        points = _array(arrays, "points", np.float64, (None, d))
        _require(len(points) >= 2 and np.ptp(points, axis=0).any(), "its points are all equal")
        data = own_data(points, Model.stream(seed, SPLIT))
    else:
        data = shape_data(name)
    _require(np.array_equal(center, data.standard.center)
             and np.array_equal(scale, data.standard.scale),
             "center and scale are not those of its points")

    model = Model.new(recipe, seed, data)
    model.adam.params[:], model.adam.m[:], model.adam.v[:], model.adam.k = params, m, v, step
    model.losses += losses.tolist()
    return model


def _header(arrays):
    """The JSON object in the array `header`."""
    try:
        header = json.loads(arrays["header"].item())
    except (KeyError, ValueError, TypeError, RecursionError):
        header = None
    _require(isinstance(header, dict), "it is no model of scratchdiff")
    return header


def _array(arrays, name, dtype, shape):
    """The array of that name if it is what it must be; None in `shape` stands for any number from 1 up."""
    _require(name in arrays, f"it has no array {name}")
    array = arrays[name]
    _require(array.dtype == dtype, f"array {name} is {array.dtype}, it must be {np.dtype(dtype)}")
    fits = len(array.shape) == len(shape) and all(n == want or want is None and n for n, want in zip(array.shape, shape))
    _require(fits, f"array {name} has shape {array.shape}, it must be {str(shape).replace('None', 'n')}")
    _require(np.isfinite(array).all(), f"array {name} holds a number that is not finite")
    return array


def _require(condition, message):
    if not condition:
        raise ValueError(message)
