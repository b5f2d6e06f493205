"""app/show/axes.py: round numbers that can be read back, at the places of their values."""
from decimal import Decimal
from xml.etree import ElementTree

import numpy as np
import pytest

from scratchdiff.app.show.axes import Axes, labels, ticks
from scratchdiff.app.show.svg import text_width

SVG = "{http://www.w3.org/2000/svg}"
RANGES = [(0, 1), (-1.06, 1.06), (0, 3000), (0.25, 0.52), (1.65, 1.85), (35000, 65000), (0, 7),
          (0.35, 1.1), (0.9, 1.0001), (1.7e9 - 1800, 1.7e9 + 1800), (1.7e9, 1.7e9 + 1e-4),
          (-3e-6, 3e-6), (123456.7, 123457.9), (1e30, 1.1e30), (-1.7e308, 1.7e308),
          (5e-324, 1e-320), (-1e-3, -9e-4), (0, 40)]


def read_back(label, note):
    """The value of a tick: its label, times and plus what the note says."""
    value = Decimal(label)
    for sign, number in zip(note.split()[::2], note.split()[1::2]):
        value = value * Decimal(number) if sign == "\u00d7" else value + Decimal(number)
    return value


@pytest.mark.parametrize("low, high", RANGES)
@pytest.mark.parametrize("most", [2, 4, 6, 10])
def test_ticks_are_few_and_round_and_in_the_range(low, high, most):
    values = ticks(low, high, most)
    assert 2 <= len(values) <= max(most, 5)
    assert Decimal(repr(low)) <= min(values) and max(values) <= Decimal(repr(high))
    step = values[1] - values[0]
    assert {b - a for a, b in zip(values, values[1:])} == {step}, "exact, as Decimals are"
    assert step.normalize().as_tuple().digits in ((1,), (2,), (5,))
    assert all(value % step == 0 for value in values)


@pytest.mark.parametrize("low, high", RANGES)
def test_labels_are_short_and_say_the_value(low, high):
    values = ticks(low, high, 6)
    texts, note = labels(values)
    assert [read_back(text, note) for text in texts] == values
    assert len(set(texts)) == len(texts) and max(map(len, texts)) <= 7
    assert max(text_width(text, 11) for text in texts) <= 50, "room to the left of a frame"


def test_labels_as_they_look():
    assert labels(ticks(0, 1, 6)) == (["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], "")
    assert labels(ticks(1.7e9 - 1200, 1.7e9 + 1200, 6)) == (["-1000", "-500", "0", "500", "1000"],
                                                         "+ 1.7e9")
    assert labels(ticks(35000, 65000, 4)) == (["40000", "50000", "60000"], "")
    assert labels(ticks(-0.01, 0.03, 3)) == (["0.00", "0.02"], "")
    assert labels(ticks(123456.7, 123457.9, 3)) == (["0.0", "0.5"], "+ 123457")
    assert labels(ticks(2e-6, 4e-6, 3)) == (["2", "3", "4"], "\u00d7 1e-6")
    assert labels(ticks(1e6, 3e6, 3)) == (["1", "2", "3"], "\u00d7 1e6")
    assert labels(ticks(1.7, 1.7 + 4e-6, 3))[1] == "\u00d7 1e-6 + 1.7"
    assert labels(ticks(1e9, 1e9 + 4e-6, 3))[1] == "\u00d7 1e-6 + 1e9"


def test_places_upwards_and_in_scale():
    axes = Axes([0, -1], [10, 1], 50, 20, 300, 200)
    places = axes.places(np.array([[0.0, -1.0], [10.0, 1.0], [5.0, 0.0], [2.0, 0.5]]))
    assert places.tolist() == [[50, 220], [350, 20], [200, 120], [110, 70]]


def test_a_point_far_outside_is_just_outside():
    axes = Axes([0, 0], [1, 1], 0, 0, 100, 100)
    places = axes.places(np.array([[1.7e308, -1.7e308], [1.1, 0.5], [-5.0, 0.5]]))
    assert places == pytest.approx(np.array([[120, 120], [110, 50], [-20, 50]]))
    assert axes.outside(np.array([[0.5, 0.5], [0.0, 1.0], [1.1, 0.5], [0.5, -0.1]])) == 2


def test_the_largest_range_there_is():
    axes = Axes([-1.7e308, 0], [1.7e308, 1], 0, 0, 100, 100)
    places = axes.places(np.array([[0.0, 0.5], [1.7e308, 0.0], [-1.7e308, 0.0]]))
    assert places == pytest.approx(np.array([[50, 50], [100, 100], [0, 100]]))


def test_the_numbers_stand_at_the_places_of_their_values():
    axes = Axes([0, 10], [4, 20], 50, 20, 300, 200, ("time", "height"))
    root = ElementTree.fromstring("<g>" + axes.drawing("<path/>") + "</g>")
    texts = {(t.text, t.get("text-anchor")): (float(t.get("x")), float(t.get("y")))
             for t in root.iter("text")}
    assert texts["1", "middle"] == (125, 235) and texts["4", "middle"] == (350, 235)
    assert texts["12", "end"] == (44, 184), "4 below 180, so that its middle is there"
    assert ("time", "end") in texts and ("height", "start") in texts
    grid = root.find("path").get("d")
    assert "M125 20V220" in grid and "M50 180H350" in grid


def test_one_axis_can_go_without_numbers():
    axes = Axes([0, 10], [4, 20], 50, 20, 300, 200)

    def anchors(numbers):
        root = ElementTree.fromstring("<g>" + axes.drawing("", numbers) + "</g>")
        return {t.get("text-anchor") for t in root.iter("text")}
    assert anchors((True, False)) == {"middle"} and anchors((False, True)) == {"end"}


def test_a_long_name_is_shortened():
    axes = Axes([0, 1e9], [4, 2e9], 50, 20, 300, 200, ("salary " * 30, "b"))
    names = [t.text for t in ElementTree.fromstring("<g>" + axes.drawing("") + "</g>").iter("text")]
    assert any(name.endswith("\u2026") for name in names) and "b \u00d7 1e9" in names
