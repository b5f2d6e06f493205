"""nn/free.py: 0 and 1 that are the usual numbers, but leave arrays alone."""
from copy import deepcopy

import numpy as np

from scratchdiff.nn.free import ONE, ZERO


def test_they_are_0_and_1():
    assert (ZERO, ONE) == (0.0, 1.0) and ZERO + 2.5 == 2.5 and ONE * 2.5 == 2.5 and ZERO * 2.5 == 0


def test_an_array_is_not_touched():
    x = np.random.default_rng(0).standard_normal((3, 2))
    assert ONE * x is x and ZERO + x is x and ZERO * x is ZERO
    assert ZERO * x + ONE * x is x


def test_a_copy_does_the_same():
    zero, one = deepcopy((ZERO, ONE))
    x = np.ones(3)
    assert zero * x + one * x is x
