"""The battery: the checker calls no right layer wrong, and no wrong layer "ok"."""
import zlib
from functools import cache
from itertools import cycle

import numpy as np
import pytest

from scratchdiff.nn.gradcheck import TOLERANCE, check_gradients
from tests.battery import LAYERS, MISTAKES, RIGHT, Mistaken

ARGUMENTS = {"x": 0, "c": 1}            # the position of those that have a gradient
NOTHING = 1e-10                         # smaller gradients of numbers near 1 are lost in rounding


def make(name):
    return RIGHT[name](np.random.default_rng(zlib.crc32(name.encode())))


@cache
def report(name):
    layer, arguments = make(name)
    return check_gradients(layer, *arguments)


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_ok(name):
    report(name).require()
    assert report(name).error <= TOLERANCE


def test_what_is_wrong_is_not_ok():
    """One mistake in each gradient, and a second if the layer is one of LAYERS. The fault is found
    in the right array. On a constant of 1e8 the verdict may be "cannot tell"."""
    wrong, mistakes = 0, cycle(MISTAKES)
    for name in RIGHT:
        for i, row in enumerate(report(name).arrays):
            for _ in range(1 + (name in LAYERS) if abs(row.backprop) > NOTHING else 0):
                layer, arguments = make(name)
                mistake = next(mistakes)
                layer = Mistaken(layer, MISTAKES[mistake], row.name, ARGUMENTS.get(row.name))
                judged = check_gradients(layer, *arguments)
                faulty = [k for k, array in enumerate(judged.arrays) if array.fault]
                right_verdict = judged.verdict == "WRONG" or "1e+08" in name and not judged.ok
                assert right_verdict and faulty == [i], f"{name}, {row.name}: {mistake}\n{judged}"
                wrong += 1
    assert wrong > 150
