"""app/files/checks.py: what can be learnt, what is odd, and outliers that spoil the scale."""
import numpy as np
import pytest

from scratchdiff.app.files.checks import LARGEST, SMALLEST, check_points, outliers, remarks

TITLES = ("column 1 (x)", "column 2")


def said_of(points):
    with pytest.raises(ValueError) as caught:
        check_points(np.array(points), TITLES, lambda row: f"line {row + 2}")
    return str(caught.value)


@pytest.mark.parametrize("points", [
    [[1.0, 2.0], [1.0, 3.0]], [[LARGEST, SMALLEST], [-LARGEST, 0.0]],
    [[1.7e9, 0.0], [1.7e9, 1e-9]]])
def test_what_can_be_learnt(points):
    check_points(np.array(points), TITLES, None)


@pytest.mark.parametrize("points, said", [
    ([[1.0, 2.0]], "it holds 1 point, there must be two or more"),
    ([[1.0, 2.0], [1.0, 2.0]], "all its points are equal"),
    ([[2.0 ** 53, 0.0], [2.0 ** 53, 0.0]],
     "all its points are equal in the 16 digits of a float64"),
    ([[1.0, 2.0], [1.0, np.nan]],
     "line 3: column 2 holds nan: every number must be finite, and no larger than 1e+100"),
    ([[-np.inf, 2.0], [np.inf, np.nan]],
     "line 2: column 1 (x) holds -inf: every number must be finite, and no larger than 1e+100"),
    ([[1.0, 2.0], [-2e100, 2.0]],
     "line 3: column 1 (x) holds -2e+100: every number must be finite, and no larger than 1e+100"),
    ([[1.0, 0.0], [2.0, 5e-324]],
     "column 2 varies by 4.9e-324 only: less than 1e-100 cannot be scaled")])
def test_what_cannot(points, said):
    assert said_of(points) == said


def test_remarks():
    points = np.random.default_rng(0).standard_normal((9, 2))
    assert remarks(points, TITLES) == []
    points[:, 1] = 7.5
    assert remarks(points, TITLES) == ["column 2 is always 7.5"]
    assert remarks(np.eye(3), TITLES) == [], "as many points as coordinates"
    titles = [f"column {k}" for k in range(1, 13)]
    assert remarks(np.vstack([np.zeros(12), np.arange(12) == 11]), titles) == [
        "column 1 is always 0", "column 2 is always 0", "column 3 is always 0",
        "8 more columns are constant", "fewer points than coordinates: transposed?"]


RING = np.cos(np.arange(60) / 60 * 2 * np.pi)


@pytest.mark.parametrize("far", [[1e6], [-500.0], [1e6, -1e6, 3e5], [np.float64(1e99)]])
def test_outliers(far):
    x = np.concatenate([far, RING])
    rows, times = outliers(x)
    assert sorted(rows) == list(range(len(far))) and abs(x[rows[-1]]) == max(np.abs(far))
    assert times == pytest.approx(min(np.abs(far)), rel=0.1)


def test_what_are_no_outliers():
    rng = np.random.default_rng(0)
    for x in (RING, RING * 0, [1.0, 2.0, 1e9], np.append(RING, 50.0), np.append(RING * 0, 1.0),
              np.append(np.tile(RING, 50), 60), np.append(RING, 30 * [1e6]),
              rng.exponential(size=1000), rng.lognormal(0, 2, 1000), rng.standard_t(2, 1000),
              rng.random(1000) < 0.01):
        assert len(outliers(np.array(x, float))[0]) == 0


def test_a_heavy_tail_has_none():
    """Where the docstring says one in fifty: 400 samples have 8 +- 3."""
    rng = np.random.default_rng(0)
    assert sum(len(outliers(rng.standard_cauchy(300))[0]) > 0 for _ in range(400)) < 16
