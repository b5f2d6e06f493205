"""quality.py: its tables have a row for each thing, and runs that end in an error are counted."""
from dataclasses import replace

import numpy as np
import pytest

from tests import quality

pytestmark = pytest.mark.usefixtures("short_runs")


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    monkeypatch.setattr(quality, "MADE", 200)


def rows(capsys):
    heading, *lines = capsys.readouterr().out.splitlines()
    return heading, lines


@pytest.fixture
def any_excess(monkeypatch):
    monkeypatch.setattr(quality, "loss_parts", lambda model: (np.zeros(50), np.ones(50)))


def test_a_row_for_each_shape(capsys, any_excess):
    names = ("circle", "segment", "own points")
    quality.shapes(names, range(1), steps=20)
    heading, lines = rows(capsys)
    assert [line[:14].rstrip() for line in lines] == list(names)
    assert [line.split()[1] for line in lines[:2]] == ["default", "sharp"]
    assert "std radius" in lines[0] and "off the shape" in lines[1] and "blur" in lines[2]


def test_a_row_for_each_size(capsys, any_excess):
    quality.sizes(range(1), ("circle", "own points"), [(4, 4), (8,)], [1, 9])
    heading, lines = rows(capsys)
    assert [line.split()[:4] for line in lines] == [
        ["4", "x", "2", "1"], ["4", "x", "2", "9"], ["8", "x", "1", "1"], ["8", "x", "1", "9"]]
    assert all(len(line) == len(heading) and line.split()[6::3] == ["0", "0"] for line in lines)


@pytest.mark.parametrize("settings", [{"lr": 1e30}, {"lr": 1e-12, "steps": 150}])
def test_a_run_that_ends_in_an_error_has_no_excess(settings):
    recipe = replace(quality.DEFAULT, **{"hidden": (8,), "steps": 20} | settings)
    assert quality.excess_or_error(recipe, 0, quality.data_of("circle")) == np.inf


def test_own_points_have_a_floor():
    """It is that of the learned points: at little noise, they can be told apart.

    On a curve they could not: the noise along it, half of it, is never known.
    """
    data = quality.own_points()
    model = quality.Model.new(replace(quality.DEFAULT, hidden=(4,)), 0, data)
    floor, excess = quality.loss_parts(model)
    assert floor[0] < 0.25 < floor[5] and excess.min() > 0
