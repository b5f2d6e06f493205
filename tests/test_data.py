"""experiment/data.py: shapes, and a person's own points, in one form."""
import numpy as np
import pytest

from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.experiment.data import OWN, own_data, shape_data
from scratchdiff.measure.shapes import SHAPES, Standard

POINTS = np.random.default_rng(1).standard_normal((50, 3)) * 4 + 10


def rng(seed=0):
    return np.random.default_rng(seed)


def rows(points):
    return {tuple(row) for row in points.round(3).tolist()}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape(name):
    data, shape = shape_data(name), SHAPES[name]
    assert (data.name, data.d, data.points) == (name, 2, None)
    drawn, real = data.draw(5, rng()), data.real(5, rng())
    assert drawn.dtype == np.float32 and real.dtype == np.float64
    assert np.array_equal(drawn, shape.draw(5, rng(), np.float32))
    assert np.array_equal(real, shape.draw(5, rng()))
    assert data.standard.center.shape == data.standard.scale.shape == (2,)
    one = np.ones((1, 2))
    assert np.array_equal(data.standard.back(one), one), "a shape is given in standard form"


@pytest.mark.parametrize("name", SHAPES)
def test_the_perfect_denoiser_of_a_shape(name):
    shape, schedule = SHAPES[name], Schedule.linear()
    exact = shape_data(name).exact(schedule)
    assert exact.width == shape.standard_width and exact.schedule is schedule
    assert np.array_equal(exact.points(1.0), shape.grid(1.0))


def test_own_points_are_split_into_learned_and_held_back():
    data = own_data(POINTS, rng())
    assert (data.name, data.d, data.exact) == (OWN, 3, None) and data.points is POINTS
    real = data.standard.back(data.real(2000, rng()))
    drawn = data.standard.back(data.draw(5000, rng()))
    assert len(rows(real)) == 5 and len(rows(drawn)) == 45
    assert rows(real) | rows(drawn) == rows(POINTS)


def test_what_is_drawn_of_own_points():
    data = own_data(POINTS, rng())
    assert data.draw(4, rng()).shape == (4, 3) and data.draw(4, rng()).dtype == np.float32
    assert np.array_equal(data.draw(4, rng(1)), data.draw(4, rng(1)))
    assert not np.array_equal(data.draw(4, rng(1)), data.draw(4, rng(2)))
    assert data.real(3, rng()).shape == (3, 3) and data.real(3, rng()).dtype == np.float64
    assert np.array_equal(data.real(9, rng(1)), data.real(9, rng(2))), "always the same"


def test_own_points_are_in_standard_form():
    data = own_data(POINTS, rng())
    shuffled = np.concatenate([data.real(50, rng()), data.draw(20_000, rng())])
    assert np.abs(shuffled.mean(axis=0)).max() < 0.1
    standard = Standard.of(POINTS)
    assert np.array_equal(data.standard.center, standard.center)
    assert np.array_equal(data.standard.scale, standard.scale)


def test_every_learned_point_is_drawn_equally_often():
    data = own_data(np.arange(30.0)[:, None], rng())
    _, counts = np.unique(data.draw(27_000, rng()), return_counts=True)
    assert len(counts) == 27 and np.abs(counts / 1000 - 1).max() < 0.15, "4.7 standard errors"


@pytest.mark.parametrize("n, held_back",
                         [(2, 0), (19, 0), (20, 2), (29, 2), (142, 14), (30_000, 2000)])
def test_how_many_are_held_back(n, held_back):
    data = own_data(np.arange(float(n))[:, None], rng())
    assert len(data.real(5000, rng())) == held_back
    assert len(np.unique(data.draw(20 * n if n < 1000 else n, rng()))) <= n - held_back


def test_the_split_depends_on_the_generator():
    a, b, c = (own_data(POINTS, rng(seed)).real(9, rng()) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_points_that_are_all_equal_are_refused():
    with pytest.raises(ValueError, match="points must not be all equal"):
        own_data(np.ones((5, 2)), rng())
