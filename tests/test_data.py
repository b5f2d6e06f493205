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


KINDS = ["c", "a b"] * 20 + ["a b"] * 9 + ["rare"]


def kinds_data(seed=0):
    return own_data(POINTS, rng(seed), labels=KINDS, label_column=(1, "kind"))


def test_data_without_labels_has_no_prompts():
    for data in (shape_data("moons"), own_data(POINTS, rng())):
        assert (data.labels, data.columns) == ((), 0)
        assert data.label_numbers is None and data.label_column is None


def test_a_shapes_parts_are_its_labels():
    data = shape_data("circle", labels=True)
    assert data.labels == SHAPES["circle"].names and data.columns == 4
    assert data.rows(["upper left", "lower left"]).tolist() == [[0, 1, 1, 0], [1, 0, 1, 0]]
    points, k = data.draw_labelled(5, rng())
    assert points.dtype == np.float32 and np.array_equal(points, data.draw(5, rng()))
    assert np.array_equal(points, shape_data("circle").draw(5, rng()))
    assert (data.real_with_label(2, 50, rng()) < 0).all(), "the lower left"
    schedule = Schedule.linear()
    assert (data.exact(schedule, 2).points(0.1) < 0).all()
    assert np.array_equal(data.exact(schedule).points(0.1), SHAPES["circle"].grid(0.1))


def test_a_shape_without_parts_has_no_labels():
    with pytest.raises(ValueError, match="the spiral has no parts with names; these have: circle"):
        shape_data("spiral", labels=True)


def test_own_labels():
    data = kinds_data()
    assert data.labels == ("a b", "c", "rare") and data.label_column == (1, "kind")
    assert [data.labels[k] for k in data.label_numbers] == KINDS
    assert data.columns == 4, "(a, c, rare) in place 1, and b in place 2"
    points, k = data.draw_labelled(5000, rng())
    assert np.array_equal(points, data.draw(5000, rng()))
    where = {tuple(row): kind for row, kind in zip(POINTS.round(3).tolist(), KINDS)}
    back = data.standard.back(points).round(3).tolist()
    assert all(where[tuple(row)] == data.labels[number] for row, number in zip(back, k))
    assert set(k) == {0, 1, 2}, "the only rare one is not held back"
    assert len(data.real(9, rng())) == 5 and len(data.real_with_label(1, 99, rng())) == 20
    assert len(data.real_with_label(1, 7, rng())) == 7
    seven, others = (data.real_with_label(1, 7, rng(seed)) for seed in (0, 1))
    assert rows(seven) != rows(others), "any seven"
    assert data.standard.back(data.real_with_label(2, 9, rng())) == pytest.approx(POINTS[-1:])


@pytest.mark.parametrize("seed", range(5))
def test_of_each_label_a_point_is_learned_whatever_the_split(seed):
    labels = [str(i // 2) for i in range(50)]
    data = own_data(POINTS, rng(seed), labels=labels, label_column=(3, None))
    assert set(data.draw_labelled(9000, rng())[1]) == set(range(25))
    assert len(data.real(9, rng())) == 5


def test_labels_that_leave_nothing_to_hold_back():
    labels = [str(max(i, 1)) for i in range(20)]
    data = own_data(POINTS[:20], rng(), labels=labels, label_column=(0, None))
    assert len(data.labels) == 19 and len(data.real(9, rng())) == 1


def test_the_rows_of_prompts_are_those_of_their_points():
    x0, c = kinds_data().prompted(20_000, rng())
    points, k = kinds_data().draw_labelled(20_000, rng())
    assert np.array_equal(x0, points) and x0.dtype == c.dtype == np.float32
    kept = c.any(axis=1)
    assert np.array_equal(c[kept], kinds_data().rows(list(kinds_data().labels))[k[kept]])
    assert abs(kept.mean() - 0.7) < 4 * np.sqrt(0.3 * 0.7 / 20_000), "4 standard errors"


def test_a_prompt_that_is_no_label_is_answered_with_those_that_are():
    for prompt in ("a", "b", "", "A b"):
        with pytest.raises(ValueError) as raised:
            kinds_data().rows([prompt])
        assert str(raised.value) == f'"{prompt}" is not a prompt here; there are: a b, c, rare'
    labels = [f"{i // 2:02d}" for i in range(50)]
    many = own_data(POINTS, rng(), labels=labels, label_column=(3, None))
    with pytest.raises(ValueError, match="there are: 00, 01, .*, 19 and 5 more$"):
        many.rows(["x"])
