"""app/values.py: what flags accept, and what they say to anything else."""
from argparse import ArgumentTypeError

import pytest

from scratchdiff.app.errors import LONGEST
from scratchdiff.app.values import ending, finite, positive, whole


@pytest.mark.parametrize("text, number", [("7", 7), ("1e4", 10000), ("2.5e3", 2500), ("3.0", 3),
                                          (" 8 ", 8), ("9" * 30, int("9" * 30))])
def test_a_whole_number(text, number):
    assert whole(1)(text) == number and type(whole(1)(text)) is int


@pytest.mark.parametrize("text", ["", "many", "1.5", "0", "-5", "nan", "inf", "1e400", "0x10"])
def test_no_whole_number(text):
    with pytest.raises(ArgumentTypeError) as caught:
        whole(1)(text)
    assert str(caught.value) == f"must be a whole number, 1 or more, got {text!r}"


def test_a_number_that_float64_cannot_tell_from_the_next_is_none():
    assert whole(1)("9007199254740992.0") == 2 ** 53
    with pytest.raises(ArgumentTypeError):
        whole(1)("9007199254740994.0")


def test_the_largest_whole_number():
    assert whole(2, 5)("5") == 5
    for text in ("1", "6"):
        with pytest.raises(ArgumentTypeError, match=f"number from 2 to 5, got '{text}'"):
            whole(2, 5)(text)


def test_a_positive_number():
    assert positive("2e-3") == 0.002
    for text in ("0", "-1", "nan", "inf", "fast"):
        with pytest.raises(ArgumentTypeError, match=f"must be a number above 0, got '{text}'"):
            positive(text)


def test_a_finite_number():
    assert (finite("-2.5"), finite("0")) == (-2.5, 0)
    for text in ("nan", "-inf", "1e400", "fast"):
        with pytest.raises(ArgumentTypeError, match=f"must be a finite number, got '{text}'"):
            finite(text)


def test_an_ending():
    assert ending(".csv", ".npy")("a.NPY") == "a.NPY"
    with pytest.raises(ArgumentTypeError, match="ends in .csv or .npy, got 'a.txt'"):
        ending(".csv", ".npy")("a.txt")


def test_a_long_value_is_not_repeated_in_full():
    with pytest.raises(ArgumentTypeError) as caught:
        whole(0)("x" * 100_000)
    assert len(str(caught.value)) < LONGEST + 60 and "'xxx" in str(caught.value)
