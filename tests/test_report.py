"""app/report.py: the figures of a result are the figures of its points."""
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.chain import trained
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.app.show.report import COMPARED, could_be_lines, figures, loss_parts
from scratchdiff.measure.energy import energy_distance


def untrained(data):
    return Model.new(replace(RECIPES["default"], hidden=(4,)), 0, data)


def test_the_radius_of_the_points_that_were_asked_for():
    points = np.array([[1.5, 0.0], [0.0, -0.5], [100.0, 100.0]], np.float32)
    assert figures(untrained(shape_data("circle")), points, 2) == [
        ("mean radius", "1.000", "target 1.000"), ("std radius", "0.500", "small = points really are on the circle")]


def test_one_point_has_no_spread():
    model = untrained(shape_data("circle"))
    point = np.array([[0.0, 2.0]], np.float32)
    assert figures(model, point, 1)[1][1] == "unknown"
    assert could_be_lines(model, point, (0.25, 0.125))[2] == "  radius  2.00000 std unknown  this network, 50 steps"


def test_the_energy_distance_to_real_points():
    data = shape_data("moons")
    model = untrained(data)
    points = np.random.default_rng(0).standard_normal((COMPARED + 48, 2)).astype(np.float32)
    (name, value, meaning), (other, halves, _) = figures(model, points, 5)
    assert (name, other, meaning) == ("energy distance", "between real points", "2000 generated points to 2000 real ones")
    real = data.draw(COMPARED, np.random.default_rng(5)).astype(np.float64)
    assert float(value) == pytest.approx(energy_distance(points[:COMPARED].astype(np.float64), real), rel=0.2)
    two_halves = [energy_distance(*(data.real(COMPARED, np.random.default_rng([i, j])) for j in (0, 1))) for i in range(4)]
    assert float(halves) == pytest.approx(np.mean(two_halves), rel=1), "four halves: their average is good to about a half"


def test_real_points_are_as_good_as_real():
    data = shape_data("square")
    _, value, _ = figures(untrained(data), data.draw(COMPARED, np.random.default_rng(5)), COMPARED)[0]
    assert float(value) < 0.005


def test_own_points_are_compared_with_those_that_were_held_back():
    points = np.random.default_rng(1).standard_normal((300, 3))
    model = untrained(own_data(points, np.random.default_rng(0)))
    assert figures(model, np.zeros((COMPARED, 3), np.float32), 5)[0][2] == "30 generated points to 30 real ones"
    assert loss_parts(model) is None


def test_too_few_points_to_compare():
    model = untrained(own_data(np.arange(10.0)[:, None], np.random.default_rng(0)))
    assert [value for _, value, _ in figures(model, np.zeros((COMPARED, 1), np.float32), 5)] == ["unknown", "unknown"]


def test_how_good_it_could_have_been():
    model = trained()
    floor, excess = loss_parts(model)
    assert floor == pytest.approx(0.3238, abs=0.004) and 0 < excess < 0.006
    heading, loss, radius, perfect = could_be_lines(model, np.array([[1.0, 0.0], [0.0, 3.0]]), (0.25, 0.125))
    assert heading == "how good could it have been?"
    assert loss.split() == "loss 0.3750 = 0.2500 that no denoiser can avoid + 0.1250 of its own".split()
    assert radius.split() == "radius 2.00000 std 1.0000000 this network, 50 steps".split()
    words = perfect.split()
    assert float(words[1]) == pytest.approx(1, abs=1e-4) and float(words[3]) < 1e-5 and words[4:7] == ["the", "perfect", "denoiser,"]


def test_how_good_another_shape_could_have_been():
    model = untrained(shape_data("gaussians"))
    *_, last = could_be_lines(model, np.zeros((3, 2)), (0.25, 0.125))
    assert last.split()[:2] == ["energy", "distance"] and float(last.split()[2]) < 0.005
