"""app/show/best.py: the loss adds up as printed; the perfect denoiser is held against real ones."""
import re
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff.app.show import best, report
from scratchdiff.app.show.best import PERFECT, loss_lines, loss_parts, perfect_lines
from scratchdiff.app.show.report import COMPARED, figures, more_figures
from scratchdiff.experiment.data import own_data, shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.streams import REPORT
from scratchdiff.measure.energy import energy_distance
from scratchdiff.measure.exact import floor_and_excess

EVEN = np.full(50, 1 / 50)
UNEVEN = np.append(np.zeros(16), np.full(34, 1 / 34))       # the mean of 16 to 49 is 32.5


def untrained(name, seed=0):
    return Model.new(replace(RECIPES["default"], hidden=(4,)), seed, shape_data(name))


def numbers(text):
    return [float(number) for number in re.findall(r"\d+\.\d+", text)]


def test_the_parts_of_the_loss_at_each_level():
    model = untrained("circle")
    floor, excess = loss_parts(model)
    exact = model.data.exact(model.denoiser.schedule)
    other = floor_and_excess(model.denoiser, exact, model.data.draw, np.random.default_rng(1), 1000)
    assert floor.shape == excess.shape == (50,)
    assert floor == pytest.approx(other[0], abs=0.05), "4 standard errors of 0.3 / sqrt(1000)"
    assert excess == pytest.approx(other[1], rel=0.3), "as are these, of numbers about 1"
    assert floor.mean() == pytest.approx(0.324, abs=0.0025), "the standard error is 0.0006"


def test_the_floor_is_the_same_for_every_seed(monkeypatch):
    monkeypatch.setattr(best, "NOISY", 50)
    floors = [loss_parts(untrained("circle", seed))[0] for seed in (0, 1)]
    assert np.array_equal(*floors)


def test_own_points_have_no_floor():
    points = np.random.default_rng(0).standard_normal((50, 2))
    model = Model.new(RECIPES["default"], 0, own_data(points, np.random.default_rng(0)))
    assert loss_parts(model) is None


def test_the_parts_add_up_as_they_are_printed():
    """0.00005 + 0.00005 is 0.0001, and would be printed as 0.0001 = 0.0000 + 0.0000."""
    rng = np.random.default_rng(0)
    unkind = [(0.32345, 0.00155), (0.00005, 0.00005), (0.32394999, 0.00004999), (0.1, 0.2)]
    for floor, excess in unkind + [tuple(rng.random(2)) for _ in range(60)]:
        for line in loss_lines(np.full(50, floor), np.full(50, excess), UNEVEN):
            total, low, more = re.findall(r"\d\.\d{4}", line)
            assert round(float(low) + float(more), 4) == float(total)
            assert float(low) == pytest.approx(floor, abs=5.1e-5)
            assert float(more) == pytest.approx(excess, abs=5.1e-5)


def test_a_line_for_every_ten_levels():
    floor = np.arange(50) / 100
    first, *lines = loss_lines(floor, np.full(50, 0.125), EVEN)
    assert first == "loss 0.3700 = 0.2450 (the best possible) + 0.1250 (this network's error)"
    assert lines[0] == "  levels  0- 9  0.1700 = 0.0450 + 0.1250  (little noise)"
    assert lines[1] == "  levels 10-19  0.2700 = 0.1450 + 0.1250"
    assert lines[4] == "  levels 40-49  0.5700 = 0.4450 + 0.1250  (a lot of noise)"
    assert len(lines) == 5
    short = loss_lines(floor[:23], floor[:23], np.full(23, 1 / 23))
    assert short[-1].startswith("  levels 20-22  0.4200")


def test_the_loss_as_trained():
    """Where training does not weigh all levels alike, a last line has the loss that it printed."""
    floor, excess = np.arange(50) / 100, np.arange(50) / 1000
    lines = loss_lines(floor, excess, UNEVEN)
    assert lines[0].startswith("loss 0.2695 = 0.2450 (") and len(lines) == 7
    assert lines[-1].startswith("  as trained    0.3575 = 0.3250 + 0.0325  (")


def test_the_perfect_denoiser_on_the_circle():
    heading, line = perfect_lines(untrained("circle"))
    assert heading == "the perfect denoiser, 50 steps:"
    assert line.startswith("  mean radius ")
    mean, std = numbers(line)
    assert mean == pytest.approx(1, abs=1e-4) and 0 < std < 1e-5


def test_the_perfect_denoiser_begins_with_noise_of_the_runs_seed():
    model = untrained("circle", 7)
    starts = []
    model.few = lambda denoiser, schedule, x, rng: starts.append(x) or [x]
    perfect_lines(model)
    expected = Model.stream(7, REPORT).standard_normal((PERFECT, 2))
    assert np.array_equal(starts[0], expected)


@pytest.mark.parametrize("name", ["gaussians", "segment"])
def test_the_perfect_denoiser_is_compared_with_real_points(name, monkeypatch):
    """Its energy distance is that of its points to real ones: above 0, as between two real sets."""
    compared = []
    monkeypatch.setattr(best, "distance", lambda *sets: compared.append(sets) or 0.5)
    _, line = perfect_lines(untrained(name))
    (points, real), = compared
    assert len(points) == len(real) == PERFECT and "energy distance 0.50000" in line
    distance = energy_distance(points, real)
    off, _, between = numbers(line)
    assert 0 < distance < 4 * between < 0.03 and off < 2
    data = shape_data(name)
    fresh = [energy_distance(data.real(PERFECT, np.random.default_rng(i)), real) for i in range(10)]
    assert 0.5 * min(fresh) < distance < 2 * max(fresh)
    assert between == pytest.approx(np.mean(fresh), rel=0.5)


@pytest.mark.parametrize("name", ["circle", "moons"])
def test_the_report_fits_80_columns(name, monkeypatch):
    monkeypatch.setattr(best, "PERFECT", 50)
    monkeypatch.setattr(report, "COMPARED", 200)
    model = untrained(name)
    points = model.data.draw(COMPARED, np.random.default_rng(0))
    more = [f"{name} = {value} ({meaning})" for name, value, meaning in
            figures(model, points, 500) + more_figures(model, points)]
    floor = np.full(50, 1.25)
    lines = [*more, *loss_lines(floor, floor, UNEVEN), *perfect_lines(model)]
    assert max(map(len, lines)) <= 80


def test_with_another_network_the_perfect_denoiser_is_the_same(monkeypatch):
    monkeypatch.setattr(best, "PERFECT", 50)
    assert perfect_lines(untrained("gaussians")) == perfect_lines(
        Model.new(RECIPES["default"], 0, shape_data("gaussians")))
