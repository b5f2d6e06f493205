"""The battery: the checker calls no right layer wrong, and no wrong layer "ok"."""
import zlib
from functools import cache
from itertools import cycle

import numpy as np
import pytest

from scratchdiff.nn.gradcheck import TOLERANCE, check_gradients
from tests.battery import LAYERS, MISTAKES, RIGHT, Mistaken

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
    """A mistake in every other gradient, then in the rest; twice if the layer is one of LAYERS. The
    faults are found in these arrays alone. On a constant of 1e8 the verdict may be "cannot tell".
    """
    wrong, mistakes = 0, cycle(MISTAKES)
    for name in RIGHT:
        rows = [(i, row.name) for i, row in enumerate(report(name).arrays)
                if abs(row.backprop) > NOTHING]
        for some in filter(None, [rows[::2], rows[1::2]] * (1 + (name in LAYERS))):
            layer, arguments = make(name)
            made = {array: next(mistakes) for _, array in some}
            layer = Mistaken(layer, {array: MISTAKES[made[array]] for array in made})
            judged = check_gradients(layer, *arguments)
            faulty = [k for k, array in enumerate(judged.arrays) if array.fault]
            right_verdict = judged.verdict == "WRONG" or "1e+08" in name and not judged.ok
            assert right_verdict and faulty == [i for i, _ in some], f"{name}: {made}\n{judged}"
            wrong += len(some)
    assert wrong > 150
