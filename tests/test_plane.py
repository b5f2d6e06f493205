"""app/show/plane.py: what is drawn of points, and in which box."""
import numpy as np
import pytest

from scratchdiff.app.show.plane import box, plane


def test_the_first_two_columns():
    assert np.array_equal(plane(np.arange(6.0).reshape(2, 3)), [[0, 1], [3, 4]])
    assert np.array_equal(plane(np.arange(4.0).reshape(2, 2)), [[0, 1], [2, 3]])


def test_a_single_column_is_spread_out():
    line = plane(np.linspace(0, 10, 50)[:, None])
    assert np.array_equal(line[:, 0], np.linspace(0, 10, 50)) and 1 < np.ptp(line[:, 1]) <= 3
    assert len(np.unique(line[:, 1])) == 50 and abs(line[:, 1]).max() <= 1.5
    flat = plane(np.full((50, 1), 7.0))
    assert np.all(flat[:, 0] == 7) and 0.1 < np.ptp(flat[:, 1]) <= 0.3


def test_one_scale_where_the_spreads_are_alike():
    center, half, alike = box(np.array([-1.0, 0.0]), np.array([1.0, 8.0]))
    assert (center.tolist(), half.tolist(), alike) == ([0, 4], [1, 4], True)
    for scale in (1, 1e-6, 1e6):
        for wide, alike in [(8.0, True), (8.1, False)]:
            low, high = np.array([-1.0, 0.0]) * scale, np.array([1.0, wide]) * scale
            assert box(low, high)[2] == box(low[::-1], high[::-1])[2] == alike


@pytest.mark.parametrize("value, half", [
    (0.0, 1.0), (5.0, 0.5), (0.02, 0.002), (-2e9, 2e8), (1e-320, 1.0)])
def test_a_column_without_spread_gets_some(value, half):
    _, got, alike = box(np.array([0.0, value]), np.array([2.0, value]))
    assert got == pytest.approx([1, half]) and not alike


def test_the_largest_numbers_do_not_overflow():
    center, half, alike = box(np.array([-1.7e308, 1.6e308]), np.array([1.7e308, 1.7e308]))
    assert center[0] == 0 and half[0] == 1.7e308
    assert center[1] == pytest.approx(1.65e308) and not alike
