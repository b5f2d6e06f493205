"""app/data.py: shapes and own points, in one form."""
import numpy as np
import pytest

from scratchdiff.experiment.data import OWN, own_data, read_data, shape_data
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.shapes import SHAPES


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape(name):
    data = shape_data(name)
    assert (data.name, data.d, data.points) == (name, 2, None)
    assert data.draw(5, rng()).dtype == np.float32 and data.real(5, rng()).dtype == np.float64
    assert np.allclose(data.draw(5, rng()), SHAPES[name].draw(5, rng(), np.float32))
    assert np.array_equal(data.standard.back(np.ones((1, 2))), np.ones((1, 2))), "a shape is given in standard form"
    exact = data.exact(Schedule.linear())
    assert exact.width == SHAPES[name].standard_width and len(exact.grid(1.0)) == len(SHAPES[name].grid(0.1))


POINTS = np.random.default_rng(1).standard_normal((50, 3)) * 4 + 10


def test_own_points_are_split_into_those_that_are_learnt_and_those_that_are_held_back():
    data = own_data(POINTS, rng())
    assert (data.name, data.d, data.exact) == (OWN, 3, None) and data.points is POINTS
    real = data.standard.back(data.real(2000, rng()))
    drawn = data.standard.back(data.draw(5000, rng()))

    def rows(points):
        return {tuple(row) for row in points.round(3).tolist()}
    assert len(rows(real)) == 5 and len(rows(drawn)) == 45 and rows(real) | rows(drawn) == rows(POINTS)
    assert len(data.real(3, rng())) == 3
    assert data.draw(4, rng()).dtype == np.float32


def test_own_points_in_standard_form():
    data = own_data(POINTS, rng())
    everything = np.concatenate([data.real(50, rng()), data.draw(20_000, rng())[:, :]])
    assert np.abs(everything.mean(axis=0)).max() < 0.1
    assert np.allclose(data.standard.center, POINTS.mean(axis=0))


def test_every_point_is_drawn_as_often():
    data = own_data(np.arange(30.0)[:, None], rng())
    _, counts = np.unique(data.draw(27_000, rng()), return_counts=True)
    assert len(counts) == 27 and np.abs(counts / 1000 - 1).max() < 0.15


@pytest.mark.parametrize("n, held_back", [(2, 0), (19, 0), (20, 2), (142, 14), (30_000, 2000)])
def test_how_many_are_held_back(n, held_back):
    data = own_data(np.arange(float(n))[:, None], rng())
    assert len(data.real(5000, rng())) == held_back


def test_the_split_is_the_generators():
    a, b, c = (own_data(POINTS, np.random.default_rng(seed)).real(9, rng()) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_a_name_or_a_file(tmp_path):
    assert read_data("spiral", rng()).name == "spiral"
    np.save(tmp_path / "p.npy", POINTS)
    assert np.array_equal(read_data(str(tmp_path / "p.npy"), rng()).points, POINTS)
