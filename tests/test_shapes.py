"""diffusion/shapes.py: the built-in shapes, and the standard form."""
import numpy as np
import pytest

from scratchdiff.measure.energy import energy_distance
from scratchdiff.measure.shapes import SHAPES, Standard

NAMES = list(SHAPES)


def in_place(name, n=4000):
    """Points of a shape as its function places them, before they are brought to standard form, without noise."""
    shape = SHAPES[name]
    return shape.place(np.random.default_rng(0).random((n, shape.inputs)))


def test_the_circle_is_its_own_standard_form():
    points = SHAPES["circle"].draw(1000, np.random.default_rng(0))
    assert np.allclose(np.hypot(*points.T), 1, rtol=0, atol=1e-12)


def test_the_angles_on_the_circle_are_uniform():
    x, y = SHAPES["circle"].draw(40_000, np.random.default_rng(0)).T
    for k in (1, 2, 3):                 # the first Fourier coefficients of a uniform angle are 0; 4 standard errors
        angle = k * np.arctan2(y, x)
        assert np.hypot(np.cos(angle).mean(), np.sin(angle).mean()) < 4 / np.sqrt(40_000)


def test_the_square_has_four_sides_and_its_corners():
    points = in_place("square")
    assert np.all(np.isclose(points, 0, atol=1e-12).any(axis=1) | np.isclose(points, 1, atol=1e-12).any(axis=1))
    assert points.min() >= 0 and points.max() <= 1
    for side in (points[:, 0] == 0, points[:, 0] == 1, points[:, 1] == 0, points[:, 1] == 1):
        assert abs(side.mean() - 0.25) < 0.03
    corners = SHAPES["square"].place(np.array([[0.0], [0.25], [0.5], [0.75], [1 - 1e-12]]))
    assert np.allclose(corners, [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], atol=1e-11)


def test_the_checkerboard_has_eight_squares_that_touch_at_corners_only():
    cells, counts = np.unique(np.floor(in_place("checkerboard")), axis=0, return_counts=True)
    assert sorted(map(tuple, cells)) == [(x, y) for x in range(4) for y in range(4) if (x + y) % 2 == 0]
    assert np.abs(counts / 500 - 1).max() < 0.2, "500 of 4000 in each"


def test_the_gaussians_are_eight_and_round():
    centres, counts = np.unique(in_place("gaussians").round(9), axis=0, return_counts=True)
    angles = np.sort(np.arctan2(*centres.T[::-1]))
    assert np.allclose(np.hypot(*centres.T), 1) and np.allclose(angles / np.pi * 4, range(-3, 5)), "an eighth of a turn apart"
    assert np.abs(counts / 500 - 1).max() < 0.2
    shape = SHAPES["gaussians"]
    points = shape.standard.back(shape.draw(4000, np.random.default_rng(0)))
    to_centre = points - centres[np.argmin(((points[:, None] - centres) ** 2).sum(axis=-1), axis=1)]
    assert np.allclose(to_centre.std(axis=0), 0.1, rtol=0.05) and abs(np.corrcoef(to_centre.T)[0, 1]) < 0.07


def test_the_moons_are_two_half_circles_with_noise():
    points = in_place("moons")
    upper = np.isclose(np.hypot(*points.T), 1) & (points[:, 1] >= 0)
    lower = np.isclose(np.hypot(points[:, 0] - 1, points[:, 1] - 0.5), 1) & (points[:, 1] <= 0.5)
    assert np.all(upper ^ lower) and abs(upper.mean() - 0.5) < 0.03
    ends = SHAPES["moons"].place(np.array([[0.0], [0.25], [0.5], [0.75]]))
    assert np.allclose(ends, [[1, 0], [0, 1], [0, 0.5], [1, -0.5]]), "where each begins, and its middle"
    assert SHAPES["moons"].width == 0.05


def test_the_spiral_winds_outwards_at_nearly_even_speed():
    u = np.linspace(0, 1, 1001)[:, None]
    points = SHAPES["spiral"].place(u)
    radius, angle = np.hypot(*points.T), np.unwrap(np.arctan2(*points.T[::-1]))
    assert np.all(np.diff(radius) > 0) and angle[-1] - angle[0] == pytest.approx(2.5 * np.pi)
    speed = np.hypot(*np.diff(points, axis=0).T) * 1000
    assert speed.max() < 1.2 * speed.min()


def test_the_segment_is_straight():
    points = SHAPES["segment"].draw(1000, np.random.default_rng(0))
    assert np.linalg.matrix_rank(points - points.mean(axis=0), tol=1e-9) == 1
    assert np.allclose(in_place("segment")[:, 0], 2 * in_place("segment")[:, 1])


@pytest.mark.parametrize("name", NAMES)
def test_standard_form_has_mean_0_and_mean_square_1(name):
    n = 40_000
    points = SHAPES[name].draw(n, np.random.default_rng(0))
    assert points.shape == (n, 2) and points.dtype == np.float64
    assert np.abs(points.mean(axis=0)).max() < 5 / np.sqrt(n), "5 standard errors of a coordinate of variance at most 1"
    assert abs(np.mean(np.sum(points ** 2, axis=1)) - 1) < 0.03


@pytest.mark.parametrize("name", NAMES)
def test_length_is_the_top_speed(name):
    shape = SHAPES[name]
    u = np.full((10_000, shape.inputs), 0.3)
    u[:, 0] = np.arange(10_000) / 10_000
    steps = np.hypot(*np.diff(shape.place(u), axis=0).T) * 10_000
    smooth = np.sort(steps)[:-shape.parts]          # all but the jumps between parts
    assert -1e-9 < shape.length - smooth.max() < 0.1, "it may be rounded up, so that a grid is fine enough"


@pytest.mark.parametrize("name", NAMES)
def test_parts_end_where_there_is_a_jump_or_a_corner(name):
    shape = SHAPES[name]
    u = np.full((4001, shape.inputs), 0.3)
    u[:, 0] = (np.arange(4001) + 0.5) / 4001
    bends = np.abs(np.diff(shape.place(u), n=2, axis=0)).max(axis=1) > 2e-4     # a corner: at least a step of 1 / 4001
    breaks = np.flatnonzero(bends[1:] & ~bends[:-1]) / 4001
    assert len(breaks) == shape.parts - 1 and np.allclose(breaks, np.arange(1, shape.parts) / shape.parts, rtol=0, atol=1e-3)


def test_the_grid_is_made_of_the_middles_of_equal_intervals():
    assert np.allclose(SHAPES["circle"].even(3)[:, 0], [1 / 6, 1 / 2, 5 / 6])
    assert np.allclose(SHAPES["moons"].even(0)[:, 0], [1 / 4, 3 / 4]), "one in each part at the least"
    assert np.allclose(SHAPES["circle"].grid(1e9), [[-1, 0]]), "one point, if one is fine enough"


def test_noise_counts_in_the_standard_form():
    """Eight centres at distance 1, each with noise of variance 0.1^2 in both coordinates."""
    shape = SHAPES["gaussians"]
    assert shape.standard.scale == pytest.approx(np.sqrt(1 + 2 * 0.01), rel=1e-12)
    assert shape.standard_width == pytest.approx(0.1 / shape.standard.scale, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_grid_is_the_distribution_and_as_fine_as_asked(name):
    shape = SHAPES[name]
    grid = shape.grid(0.1)
    if shape.length:
        gaps = np.sqrt(((grid[:, None] - grid) ** 2).sum(axis=-1))
        np.fill_diagonal(gaps, np.inf)
        assert 0.04 < np.median(gaps.min(axis=1)) <= 0.1
    assert len(shape.grid(0.05)) == pytest.approx(2 ** shape.inputs * len(grid), rel=0.2) or not shape.length
    noisy = grid[np.random.default_rng(1).integers(len(grid), size=2000)]
    noisy = noisy + shape.standard_width * np.random.default_rng(2).standard_normal(noisy.shape)
    assert energy_distance(noisy, shape.draw(2000, np.random.default_rng(3))) < 0.01, "two halves of real points: about 0.001"


def test_a_map_to_standard_form_and_back():
    points = np.random.default_rng(0).standard_normal((100, 3)) * [1, 10, 0.1] + [5, 6, 7]
    standard = Standard.of(points)
    there = standard.forth(points)
    assert np.allclose(there.mean(axis=0), 0, atol=1e-12) and np.mean(np.sum(there ** 2, axis=1)) == pytest.approx(1)
    assert np.allclose(there.std(axis=0) / there.std(axis=0)[0], points.std(axis=0) / points.std(axis=0)[0]), "one factor"
    assert np.allclose(standard.back(there), points)


def test_a_coordinate_that_never_varies_is_no_hindrance():
    points = np.column_stack([np.full(50, 7.0), np.random.default_rng(0).standard_normal(50)])
    there = Standard.of(points).forth(points)
    assert not there[:, 0].any() and np.mean(there[:, 1] ** 2) == pytest.approx(1)


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_points_of_any_size(size):
    points = np.random.default_rng(0).standard_normal((100, 2)) * size
    assert np.mean(np.sum(Standard.of(points).forth(points) ** 2, axis=1)) == pytest.approx(1)


def test_points_that_are_all_equal_have_no_standard_form():
    with pytest.raises(ValueError, match="points must not be all equal"):
        Standard.of(np.full((7, 2), 0.1))
    with pytest.raises(TypeError, match="points must be a NumPy array of floats"):
        Standard.of([[1.0]])
