"""measure/shapes.py: the built-in shapes, and the standard form."""
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.energy import energy_distance
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.nearest import nearest
from scratchdiff.measure.shapes import COARSEST, SHAPES, SPACING, Standard

NAMES = list(SHAPES)


def placed(name, n=4000):
    """Points as the shape's function places them: not yet in standard form, and without noise."""
    shape = SHAPES[name]
    return shape.place(np.random.default_rng(0).random((n, shape.inputs)))


def test_the_shapes():
    assert NAMES == ["circle", "moons", "spiral", "gaussians", "checkerboard", "square", "segment"]


def test_the_circle_is_its_own_standard_form():
    points = SHAPES["circle"].draw(1000, np.random.default_rng(0))
    assert np.allclose(np.hypot(*points.T), 1, rtol=0, atol=1e-12)


def test_the_angles_on_the_circle_are_uniform():
    """The first Fourier coefficients of a uniform angle are 0, to 4 standard errors."""
    x, y = SHAPES["circle"].draw(40_000, np.random.default_rng(0)).T
    for k in (1, 2, 3):
        angle = k * np.arctan2(y, x)
        assert np.hypot(np.cos(angle).mean(), np.sin(angle).mean()) < 4 / np.sqrt(40_000)


def test_the_square_has_four_sides_and_its_corners():
    points = placed("square")
    on_a_line = [np.isclose(points, line, atol=1e-12).any(axis=1) for line in (0, 1)]
    assert np.all(on_a_line[0] | on_a_line[1])
    assert points.min() >= 0 and points.max() <= 1
    x, y = points.T
    for side in (x == 0, x == 1, y == 0, y == 1):
        assert abs(side.mean() - 0.25) < 0.03, "4 standard errors of 4000 points"
    corners = SHAPES["square"].place(np.array([[0.0], [0.25], [0.5], [0.75], [1 - 1e-12]]))
    assert np.allclose(corners, [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], atol=1e-11)


def test_the_checkerboard_has_eight_squares_that_touch_only_at_corners():
    cells, counts = np.unique(np.floor(placed("checkerboard")), axis=0, return_counts=True)
    dark = [(x, y) for x in range(4) for y in range(4) if (x + y) % 2 == 0]
    assert sorted(map(tuple, cells)) == dark
    assert np.abs(counts / 500 - 1).max() < 0.2, "500 of 4000 in each, 4 standard errors"


def test_the_gaussians_are_eight_and_round():
    centres, counts = np.unique(placed("gaussians").round(9), axis=0, return_counts=True)
    angles = np.sort(np.arctan2(*centres.T[::-1]))
    assert np.allclose(np.hypot(*centres.T), 1)
    assert np.allclose(angles / np.pi * 4, range(-3, 5)), "an eighth of a turn apart"
    assert np.abs(counts / 500 - 1).max() < 0.2, "4 standard errors"
    shape = SHAPES["gaussians"]
    points = shape.standard.back(shape.draw(4000, np.random.default_rng(0)))
    nearest = np.argmin(((points[:, None] - centres) ** 2).sum(axis=-1), axis=1)
    noise = points - centres[nearest]
    assert np.allclose(noise.std(axis=0), 0.1, rtol=0.05)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.07, "4 standard errors"


def test_the_moons_are_two_half_circles_with_noise():
    x, y = placed("moons").T
    upper = np.isclose(np.hypot(x, y), 1) & (y >= 0)
    lower = np.isclose(np.hypot(x - 1, y - 0.5), 1) & (y <= 0.5)
    assert np.all(upper ^ lower) and abs(upper.mean() - 0.5) < 0.03
    starts_and_middles = SHAPES["moons"].place(np.array([[0.0], [0.25], [0.5], [0.75]]))
    assert np.allclose(starts_and_middles, [[1, 0], [0, 1], [0, 0.5], [1, -0.5]])
    assert SHAPES["moons"].width == 0.05


def test_the_spiral_winds_outwards_at_nearly_even_speed():
    points = SHAPES["spiral"].place(np.linspace(0, 1, 1001)[:, None])
    radius, angle = np.hypot(*points.T), np.unwrap(np.arctan2(*points.T[::-1]))
    assert np.all(np.diff(radius) > 0)
    assert angle[-1] - angle[0] == pytest.approx(2.5 * np.pi), "one and a quarter turns"
    speed = np.hypot(*np.diff(points, axis=0).T) * 1000
    assert speed.max() < 1.2 * speed.min()


def test_the_segment_is_straight():
    points = SHAPES["segment"].draw(1000, np.random.default_rng(0))
    assert np.linalg.matrix_rank(points - points.mean(axis=0), tol=1e-9) == 1
    x, y = placed("segment").T
    assert np.allclose(x, 2 * y)


@pytest.mark.parametrize("name", NAMES)
def test_a_draw_has_mean_0_and_mean_square_1(name):
    n = 40_000
    points = SHAPES[name].draw(n, np.random.default_rng(0))
    assert points.shape == (n, 2) and points.dtype == np.float64
    assert np.abs(points.mean(axis=0)).max() < 5 / np.sqrt(n), "5 standard errors, or more"
    assert abs(np.mean(np.sum(points ** 2, axis=1)) - 1) < 0.03


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_a_draw_keeps_the_dtype_and_the_generator_decides(name, dtype):
    a, b, c = (SHAPES[name].draw(5, np.random.default_rng(seed), dtype) for seed in (0, 0, 1))
    assert a.dtype == dtype and np.array_equal(a, b) and not np.array_equal(a, c)


@pytest.mark.parametrize("name", NAMES)
def test_speed_is_the_top_speed(name):
    shape = SHAPES[name]
    u = np.full((10_000, shape.inputs), 0.3)
    u[:, 0] = np.arange(10_000) / 10_000
    steps = np.hypot(*np.diff(shape.place(u), axis=0).T) * 10_000
    smooth = np.sort(steps)[:-shape.parts]          # all but the jumps between parts
    assert -1e-9 < shape.speed - smooth.max() < 0.1, "rounded up, so that a grid is fine enough"


@pytest.mark.parametrize("name", NAMES)
def test_parts_end_where_there_is_a_jump_or_a_corner(name):
    shape = SHAPES[name]
    u = np.full((4001, shape.inputs), 0.3)
    u[:, 0] = (np.arange(4001) + 0.5) / 4001
    bends = np.abs(np.diff(shape.place(u), n=2, axis=0)).max(axis=1) > 2e-4
    breaks = np.flatnonzero(bends[1:] & ~bends[:-1]) / 4001
    ends = np.arange(1, shape.parts) / shape.parts
    assert len(breaks) == shape.parts - 1 and np.allclose(breaks, ends, rtol=0, atol=1e-3)


def test_a_grid_is_made_of_the_middles_of_equal_intervals():
    assert np.allclose(SHAPES["circle"].even(3)[:, 0], [1 / 6, 1 / 2, 5 / 6])
    assert np.allclose(SHAPES["moons"].even(0)[:, 0], [1 / 4, 3 / 4]), "at least one in each part"
    cells = SHAPES["checkerboard"].even(1)
    assert cells.shape == (16, 2) and len(np.unique(cells, axis=0)) == 16


@pytest.mark.parametrize("noise_width", [0.01, 0.03, 0.1])
@pytest.mark.parametrize("name", ["circle", "moons", "spiral", "square", "segment"])
def test_neighbours_on_a_grid_are_as_near_as_promised(name, noise_width):
    """At most 0.7 noise widths apart, and not much less, for that would be wasted."""
    grid = SHAPES[name].grid(noise_width)
    gaps = np.hypot(*np.diff(grid, axis=0).T)
    gaps = np.sort(gaps)[:len(gaps) + 1 - SHAPES[name].parts]       # not from part to part
    assert gaps.max() <= 0.7 * noise_width * (1 + 1e-9)
    assert np.median(gaps) > 0.8 * 0.7 * noise_width


@pytest.mark.parametrize("name", NAMES)
def test_a_grid_is_never_coarser_than_a_tenth(name):
    grid = SHAPES[name].grid(1e9)
    assert np.array_equal(grid, SHAPES[name].grid(0.1 / 0.7)) and (SPACING, COARSEST) == (0.7, 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_a_grid_is_the_distribution(name):
    shape = SHAPES[name]
    grid = shape.grid(0.1 / 0.7)
    if shape.speed:
        assert 0.04 < np.median(nearest(grid, grid, leave_out_itself=True)) <= 0.1
        assert len(shape.grid(0.05 / 0.7)) == pytest.approx(2 ** shape.inputs * len(grid), rel=0.2)
    noisy = grid[np.random.default_rng(1).integers(len(grid), size=700)]
    noise = np.random.default_rng(2).standard_normal(noisy.shape)
    real = shape.draw(700, np.random.default_rng(3))
    assert energy_distance(noisy + shape.standard_width * noise, real) < 0.01, \
        "between two draws of real points it is about 0.002"


def test_noise_counts_in_the_standard_form():
    """Eight centres at distance 1, each with noise of variance 0.1^2 in both coordinates."""
    shape = SHAPES["gaussians"]
    assert shape.standard.scale == pytest.approx(np.sqrt(1 + 2 * 0.01), rel=1e-12)
    assert shape.standard_width == pytest.approx(0.1 / shape.standard.scale[0], rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_shape_keeps_its_proportions(name):
    scale = SHAPES[name].standard.scale
    assert scale.shape == (2,) and scale[0] == scale[1]


# Standard: the map for a person's points.

UNEVEN = np.random.default_rng(0).standard_normal((100, 3)) * [1, 1e6, 1e-6] + [5, 6e9, 7]


def test_each_column_has_its_own_scale():
    standard = Standard.of(UNEVEN)
    there = standard.forth(UNEVEN)
    assert there.shape == UNEVEN.shape
    assert np.allclose(there.mean(axis=0), 0, rtol=0, atol=1e-9), "7 + 1e-6 z has 9 digits of z"
    assert np.allclose(np.mean(there ** 2, axis=0), 1 / 3), "so the mean square distance is 1"
    assert np.allclose(standard.center, UNEVEN.mean(axis=0), rtol=1e-14)
    assert np.allclose(standard.scale, UNEVEN.std(axis=0) * np.sqrt(3), rtol=1e-9)
    assert np.allclose(standard.back(there), UNEVEN, rtol=1e-15)


def test_the_circle_is_left_as_it_is():
    """Its own standard form is the unit circle, by this map too."""
    angle = np.arange(100) / 100 * 2 * np.pi
    points = np.column_stack([np.cos(angle), np.sin(angle)])
    assert np.allclose(Standard.of(points).forth(points), points, rtol=0, atol=1e-14)


@pytest.mark.parametrize("value", [7.0, 0.1, -1e300, 123456789.1, 0.0])
def test_a_constant_column_comes_back_bit_for_bit(value):
    points = np.column_stack([np.full(50, value), np.random.default_rng(0).standard_normal(50)])
    standard = Standard.of(points)
    there = standard.forth(points)
    assert standard.scale[0] == 0 and not there[:, 0].any()
    assert np.mean(there[:, 1] ** 2) == pytest.approx(1), "it does not count in the scale"
    generated = np.random.default_rng(1).standard_normal((9, 2)).astype(np.float32)
    assert (standard.back(generated)[:, 0] == value).all(), "whatever the network says"


def test_a_large_constant_beside_a_tiny_spread():
    tiny = 1e-9 * np.random.default_rng(0).standard_normal(50)
    points = np.column_stack([np.full(50, 123456789.1), tiny])
    standard = Standard.of(points)
    there = standard.forth(points)
    assert not there[:, 0].any() and np.mean(there[:, 1] ** 2) == pytest.approx(1)
    back = standard.back(there.astype(np.float32))
    assert (back[:, 0] == 123456789.1).all()
    assert np.allclose(back[:, 1], tiny, rtol=0, atol=1e-15), "float32 has 7 digits"


@pytest.mark.parametrize("size", [1e-200, 1e-100, 1.0, 1e100, 1e200])
def test_points_of_any_size(size):
    unit = np.random.default_rng(0).standard_normal((100, 2))
    for points in (unit * size, np.column_stack([unit[:, 0], unit[:, 1] * size])):
        standard = Standard.of(points)
        there = standard.forth(points)
        assert np.allclose(np.mean(there ** 2, axis=0), 1 / 2)
        assert np.allclose(standard.back(there), points, rtol=1e-12, atol=0)


def test_the_dtype_forth_and_back():
    standard = Standard.of(UNEVEN)
    for dtype in (np.float32, np.float64):
        assert standard.forth(UNEVEN.astype(dtype)).dtype == dtype
        assert standard.back(UNEVEN.astype(dtype)).dtype == np.float64


def test_two_points_are_enough():
    points = np.array([[1.0, 5.0], [3.0, 5.0]])
    assert Standard.of(points).forth(points).tolist() == [[-1, 0], [1, 0]]


def test_shapes_and_maps_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Standard.of(UNEVEN).scale = np.ones(3)
    with pytest.raises(FrozenInstanceError):
        SHAPES["moons"].width = 1.0


@pytest.mark.parametrize("points", [np.full((7, 2), 0.1), np.ones((1, 2))])
def test_points_that_are_all_equal_have_no_standard_form(points):
    with pytest.raises(ValueError, match="points must not be all equal"):
        Standard.of(points)


def test_misuse_is_named():
    with pytest.raises(TypeError, match="points must be a NumPy array of floats, got list"):
        Standard.of([[1.0]])
    with pytest.raises(ValueError, match=r"points must have shape \(n, d\), got \(3,\)"):
        Standard.of(np.ones(3))


NAMED = [name for name in NAMES if SHAPES[name].names]


def test_which_shapes_have_parts_with_names():
    assert {name: len(SHAPES[name].names) for name in NAMED} == {
        "circle": 4, "moons": 2, "gaussians": 8, "square": 4}


@pytest.mark.parametrize("name", NAMED)
def test_a_part_is_what_its_name_says(name):
    """Its mean lies in that direction. (A square's side and a moon lie off the middle, too.)"""
    shape = SHAPES[name]
    for k, words in enumerate(shape.names):
        x, y = shape.part(k).draw(1000, np.random.default_rng(0)).mean(axis=0)
        up = any(word in words.split() for word in ("upper", "top"))
        down = any(word in words.split() for word in ("lower", "bottom"))
        assert (y > 0.2, y < -0.2) == (up, down), words
        if name != "moons":
            assert (x > 0.2, x < -0.2) == ("right" in words, "left" in words), words


@pytest.mark.parametrize("name", NAMED)
def test_each_point_is_in_the_part_that_it_is_said_to_be_in(name):
    shape = SHAPES[name]
    points, k = shape.draw_labelled(4000, np.random.default_rng(0))
    assert np.array_equal(points, shape.draw(4000, np.random.default_rng(0)))
    count = len(shape.names)
    assert np.abs(np.bincount(k, minlength=count) * count / 4000 - 1).max() < 0.25
    clean = replace(shape, width=0, whole=shape)        # without noise, but as large as it was
    points, k = clean.draw_labelled(4000, np.random.default_rng(0))
    for number in range(count):
        grid = clean.part(number).grid(0.01)            # points at most 0.007 apart
        assert nearest(points[k == number], grid).max() < 0.005


@pytest.mark.parametrize("name", NAMED)
def test_the_parts_make_up_the_whole(name):
    """The density of the whole is the mean of theirs, and they lie where it has them."""
    shape, schedule = SHAPES[name], Schedule.linear()
    x = shape.draw(50, np.random.default_rng(0))
    for t in (0, 20, 49):
        xt = schedule.add_noise(x, t, np.random.default_rng(1).standard_normal(x.shape))
        whole, *parts = (ExactDenoiser(schedule, some.grid, some.standard_width)
                         for some in (shape, *map(shape.part, range(len(shape.names)))))
        together = np.mean([np.exp(part.log_density(xt, t)) for part in parts], axis=0)
        # a sum over a grid is a little off at the ends of a part: see Shape.grid
        assert np.allclose(np.log(together), whole.log_density(xt, t), rtol=0, atol=0.03)
