"""app/show/report.py: the figures of a result are the figures of its points, and notice faults."""
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.app.show import report
from scratchdiff.app.show.best import PERFECT, perfect_lines
from scratchdiff.app.show.report import COMPARED, digits, figures, more_figures, real_points
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.streams import REPORT
from scratchdiff.measure.energy import energy_distance
from scratchdiff.measure.shapes import SHAPES

RNG = np.random.default_rng(0)


def untrained(data):
    return Model.new(replace(RECIPES["default"], hidden=(4,)), 0, data)


def model_of(points):
    return untrained(own_data(points, np.random.default_rng(0)))


def rows(figures):
    """{name: (value, meaning)}"""
    return {name: (value, meaning) for name, value, meaning in figures}


def percent(text):
    assert text.endswith("%")
    return float(text[:-1])


def test_the_radius_of_the_points_that_were_asked_for():
    points = np.array([[1.5, 0.0], [0.0, -0.5], [100.0, 100.0]], np.float32)
    assert figures(untrained(shape_data("circle")), points, 2) == [
        ("mean radius", "1.0000", "target 1.000"),
        ("std radius", "0.5000", "small = points really are on the circle")]


def test_one_point_has_no_spread():
    point = np.array([[0.0, 2.0]], np.float32)
    (_, mean, _), (_, std, _) = figures(untrained(shape_data("circle")), point, 1)
    assert (mean, std) == ("2.0000", "unknown")


def test_a_shape_with_its_own_measure_is_one_row(monkeypatch):
    shape = replace(SHAPES["segment"], figures=lambda points: [("count", len(points), "of them")])
    monkeypatch.setitem(SHAPES, "segment", shape)
    model = untrained(shape_data("segment"))
    assert figures(model, np.zeros((9, 2)), 5) == [("count", "5.0000", "of them")]
    assert perfect_lines(model)[1] == f"  count {PERFECT}.0000000"


def test_the_energy_distance_to_real_points(monkeypatch):
    n = 500
    monkeypatch.setattr(report, "COMPARED", n)
    data = shape_data("moons")
    points = RNG.standard_normal((n + 48, 2)).astype(np.float32)
    found = figures(untrained(data), points, 5)
    assert [name for name, _, _ in found] == ["energy distance", "between real points"]
    assert "500 generated points to 500 real ones" in found[0][2]
    real = data.draw(n, np.random.default_rng(5)).astype(np.float64)
    expected = energy_distance(points[:n].astype(np.float64), real)
    assert float(found[0][1]) == pytest.approx(expected, rel=0.2)
    halves = [energy_distance(*(data.real(n, np.random.default_rng([i, j])) for j in (0, 1)))
              for i in range(2)]
    assert float(found[1][1]) == pytest.approx(np.mean(halves), rel=1.2), "two are good to a half"


def test_a_run_has_real_points_of_its_seed():
    model = Model.new(replace(RECIPES["default"], hidden=(4,)), 7, shape_data("moons"))
    expected = model.data.real(COMPARED, Model.stream(7, REPORT))
    assert np.array_equal(real_points(model), expected)


def test_real_points_are_as_good_as_real(monkeypatch):
    monkeypatch.setattr(report, "COMPARED", 1000)
    for name in ("square", "checkerboard"):
        data = shape_data(name)
        points = data.draw(1000, np.random.default_rng(5))
        assert 0 < float(figures(untrained(data), points, 1000)[0][1]) < 0.01


@pytest.mark.parametrize("name", SHAPES)
def test_points_off_the_shape_are_counted(name, monkeypatch):
    """Of real points hardly any, none of the shape itself; a blur changes it, and so do strays."""
    monkeypatch.setattr(report, "COMPARED", 300)
    model = untrained(shape_data(name))

    def off(points):
        (found, value, meaning), = more_figures(model, points)
        assert found == "off the shape" and "real points: " in meaning
        assert ("(3 widths)" in meaning) == (SHAPES[name].width > 0)
        return percent(value), percent(meaning.split("real points: ")[1])
    points = model.data.draw(300, np.random.default_rng(5)).astype(np.float64)
    real, said = off(points)
    assert real == pytest.approx(said, abs=1) and real <= 2
    assert real == 0 or SHAPES[name].width
    strays = points.copy()
    strays[::4] += 5
    assert off(strays)[0] == pytest.approx(25 + 0.75 * real, abs=0.5)
    allowed = 3 * SHAPES[name].standard_width or 0.05
    blurred = points + 2 * allowed * np.random.default_rng(6).standard_normal(points.shape)
    assert off(blurred)[0] > 10, "the checkerboard has the least: only at its edges"


def test_the_edge_of_what_is_off_the_circle():
    model = untrained(shape_data("circle"))
    angles = np.linspace(0, 2 * np.pi, 100)
    for radius, share in [(1.049, 0), (0.951, 0), (1.051, 100), (0.949, 100)]:
        points = radius * np.column_stack([np.cos(angles), np.sin(angles)])
        assert percent(more_figures(model, points)[0][1]) == share


def test_own_points_are_compared_with_those_that_were_held_back():
    model = model_of(RNG.standard_normal((300, 3)))
    value, meaning = rows(figures(model, np.zeros((COMPARED, 3), np.float32), 5))["energy distance"]
    assert "30 generated points to 30 real ones" in meaning and float(value) > 0.1


@pytest.mark.parametrize("n, held_back, says", [
    (10, 0, None), (20, 2, "almost nothing"), (199, 19, "almost nothing"), (200, 20, "says little"),
    (999, 99, "says little"), (1000, 100, None)])
def test_few_held_back_points_say_little(n, held_back, says):
    model = model_of(RNG.standard_normal((n, 2)))
    points = RNG.standard_normal((COMPARED, 2)).astype(np.float32)
    main, more = rows(figures(model, points, 5)), rows(more_figures(model, points))
    assert (main["energy distance"][0] == "unknown") == (held_back < 2)
    assert (main["between real points"][0] == "unknown") == (held_back < 2)
    assert ("held back" in more) == (says is not None)
    if says:
        assert more["held back"][0] == f"{held_back} points" and says in more["held back"][1]


def test_a_figure_for_each_column_in_its_own_unit():
    real = np.column_stack([1.75 + 0.05 * RNG.standard_normal(400), 5e4 + 1e4 * RNG.random(400)])
    model = model_of(real)
    made = model.data.standard.forth(real * [1, 0.5]).astype(np.float32)
    found = rows(more_figures(model, made, ["height", "salary"]))
    (value, meaning), (half, whole) = found["height"], found["salary"]
    assert value == f"mean {real[:, 0].mean():.4f}, std {real[:, 0].std():.4f}"
    assert meaning == f"real points: {value}"
    assert half == f"mean {real[:, 1].mean() / 2:.0f}, std {real[:, 1].std() / 2:.0f}"
    assert whole == f"real points: mean {real[:, 1].mean():.0f}, std {real[:, 1].std():.0f}"


def test_of_many_columns_the_worst_are_shown():
    real = 5 + RNG.standard_normal((400, 30))
    real[:, 5] /= 1000                  # what is off counts in units of its own spread
    model = model_of(real)
    made = real + 0.1
    made[:, 5] = real[:, 5].mean() + 0.2 * (real[:, 5] - real[:, 5].mean())
    made[:, 20] += 1
    names = [name for name, _, _ in more_figures(model, model.data.standard.forth(made))]
    assert {"column 6", "column 21"} <= set(names[:8]) and names[8] == "other columns"
    assert sum(name.startswith("column ") for name in names) == 8


def test_a_column_is_off_by_the_difference_of_its_means():
    """One that is off and lies around 0, among many that are right and lie far from 0."""
    real = RNG.standard_normal((400, 12)) + np.append(0, np.full(11, 100))
    model = model_of(real)
    made = model.data.standard.forth(real + np.append(1, np.zeros(11)))
    assert more_figures(model, made)[0][0] == "column 1"
    made = model.data.standard.forth(real * np.append(3, np.ones(11)))
    assert more_figures(model, made)[0][0] == "column 1"


def test_a_column_without_spread():
    real = np.column_stack([RNG.standard_normal(50), np.full(50, 7.0)])
    model = model_of(real)
    points = np.column_stack([RNG.standard_normal(COMPARED), np.zeros(COMPARED)])
    value, meaning = rows(more_figures(model, points.astype(np.float32)))["column 2"]
    assert value == "mean 7.00, std 0.00" and meaning == "real points: mean 7.00, std 0.00"


@pytest.mark.parametrize("number, spread, text", [
    (-0.0004, 8.9, "0.00"), (-0.4, 8.9, "-0.40"),
    (1699999972.3, 1273.0, "1699999972"), (1.74849, 0.0707, "1.7485"), (-3.0, 0.5, "-3.000"),
    (2.5e-7, 1e-6, "2.5e-07"), (54.31, 16.7, "54.3"), (1e300, 1e299, "1e+300"), (0.0, 1e-300, "0")])
def test_as_many_digits_as_the_spread_needs(number, spread, text):
    assert digits(number, spread) == text


def ring(n, rng, width=0.0):
    angle = 2 * np.pi * rng.random(n)
    radius = 1 + width * rng.standard_normal(n)
    return radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])


def blur_and_gaps(real, made):
    model = model_of(real)
    found = rows(more_figures(model, model.data.standard.forth(made)))
    assert all(found[name][1].endswith("; 5% if perfect") for name in ("blur", "gaps"))
    return percent(found["blur"][0]), percent(found["gaps"][0])


def test_blur_and_gaps_of_a_perfect_sample_are_as_said():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found.append(blur_and_gaps(ring(400, rng, 0.1), ring(COMPARED, rng, 0.1)))
    assert np.mean(found, axis=0) == pytest.approx([5, 5], abs=1), "the standard error is 0.3"


def test_a_blur_is_seen():
    rng = np.random.default_rng(0)
    blur, _ = blur_and_gaps(ring(400, rng), ring(COMPARED, rng, 0.1))
    assert blur > 50


def test_a_collapse_is_seen():
    """Half of the ring is missing; then all but one place. What is there is not blurred."""
    rng = np.random.default_rng(0)
    real, made = ring(400, rng, 0.02), ring(2 * COMPARED, rng, 0.02)
    blur, gaps = blur_and_gaps(real, made[made[:, 0] > 0])
    assert blur < 10 and gaps == pytest.approx(50, abs=7)
    blur, gaps = blur_and_gaps(real, np.tile(real[:1], (COMPARED, 1)))
    assert blur == 0 and gaps > 90


def test_points_that_come_twice():
    """Distances between equal points say nothing: a lattice is as far apart as its places."""
    real = RNG.integers(0, 10, (500, 2)).astype(float)
    blur, gaps = blur_and_gaps(real, RNG.integers(0, 10, (COMPARED, 2)) + 0.2)
    assert blur == 0 and gaps < 5


def test_more_own_points_than_are_compared():
    real = RNG.standard_normal((3 * COMPARED, 2))
    model = model_of(real)
    points = model.data.standard.forth(RNG.standard_normal((COMPARED, 2))).astype(np.float32)
    found = rows(more_figures(model, points))
    assert percent(found["blur"][0]) == pytest.approx(5, abs=2.5)
    assert percent(found["gaps"][0]) == pytest.approx(5, abs=2.5)


def test_two_own_points():
    model = model_of(np.array([[0.0, 1.0], [2.0, 3.0]]))
    points = RNG.standard_normal((COMPARED, 2)).astype(np.float32)
    assert len(figures(model, points, 5)) == 2 and len(more_figures(model, points)) == 4
