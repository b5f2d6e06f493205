"""app/show/curve.py: the mean of the losses, and the floor where the floor is."""
import re

import numpy as np
import pytest
from pages import SVG, readable, texts

from scratchdiff.app.show.curve import grouped, loss_curve

STEPS = np.arange(2000)
LOSSES = (0.3 + 0.2 * np.exp(-STEPS / 300) + 0.05 * np.sin(STEPS)).tolist()


def drawn(svg, style):
    """The corners of a path, (n, 2); None if it is not there."""
    path = readable(svg).find(f".//{SVG}path[@class='{style}']")
    if path is None:
        return None
    numbers = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))
    return np.array(numbers, float)


def height_of(svg, loss):
    """Where a loss is in the picture, from the numbers on its axis."""
    ends = [(float(t.text), float(t.get("y")) - 4)
            for t in readable(svg).iter(SVG + "text")
            if t.get("text-anchor") == "end" and t.get("class") == "number"]
    (a, y_a), (b, y_b) = ends[0], ends[-1]
    return y_a + (loss - a) / (b - a) * (y_b - y_a)


def test_the_floor_is_drawn_at_the_floor():
    for floor in (0.29, 0.27):
        svg = loss_curve(LOSSES, floor, ["loss"])
        assert drawn(svg, "floor")[0, 1] == pytest.approx(height_of(svg, floor), abs=0.2)
        assert f"the best possible: {floor}" in texts(readable(svg))
    assert drawn(loss_curve(LOSSES, None, ["loss"]), "floor") is None


def test_the_mean_is_drawn_at_the_mean_and_falls():
    svg = loss_curve(LOSSES, 0.29, ["loss"])
    line = drawn(svg, "line")
    assert np.all(np.diff(line[:, 0]) > 0) and np.all(np.diff(line[2:-1, 1]) > 0), "y is downwards"
    assert line[[0, -1], 0].tolist() == [50, 380], "from one side of the frame to the other"
    assert line[-1, 1] == pytest.approx(height_of(svg, 0.3), abs=2)
    assert line[0, 1] == pytest.approx(height_of(svg, 0.5), abs=8), "the first 20 steps"
    assert {"0", "500", "2000"} <= set(texts(readable(svg)))


def test_the_mean_does_not_cross_a_floor_that_single_losses_cross():
    """Losses as of a run: about 0.038 from batch to batch, at the end 0.0015 above the floor."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        steps = np.arange(3000)
        losses = 0.3255 + 0.03 * (1 - steps / 3000) + 0.038 * rng.standard_normal(3000)
        svg = loss_curve(losses.tolist(), 0.324, ["loss"])
        assert losses.min() < 0.23
        assert np.all(drawn(svg, "line")[:, 1] < drawn(svg, "floor")[0, 1]), "above it"


def test_the_band_holds_four_in_five():
    losses = np.random.default_rng(0).random(5000)
    svg = loss_curve(losses.tolist(), None, ["loss"])
    heights = drawn(svg, "band")[:, 1]
    upper, lower = np.split(heights, 2)
    assert upper[-1] == pytest.approx(height_of(svg, 0.9), abs=5), "the last 1000 of them"
    assert lower[0] == pytest.approx(height_of(svg, 0.1), abs=5)
    assert np.all(upper < lower[::-1])


def test_the_band_goes_there_above_and_back_below():
    band = drawn(loss_curve(LOSSES, 0.29, ["loss"]), "band")
    there, back = np.split(band, 2)
    assert np.all(np.diff(there[:, 0]) > 0) and np.array_equal(there[:, 0], back[::-1, 0])
    assert np.all(there[:, 1] < back[::-1, 1]) and np.all(np.diff(back[1:-2, 1]) < 0)


@pytest.mark.parametrize("offset", [-0.01, -0.0005, 0.01])
def test_a_mean_is_drawn_where_it_is(offset):
    """Also below the floor, where chance may take it: a picture shows what was measured."""
    losses = np.full(3000, 0.324 + offset) + np.resize([0.04, -0.04], 3000)
    svg = loss_curve(losses.tolist(), 0.324, ["loss"])
    line, floor = drawn(svg, "line")[-1, 1], drawn(svg, "floor")[0, 1]
    assert np.sign(floor - line) == np.sign(offset)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 99, 100, 101, 3000, 20000])
def test_every_step_is_in_one_group(n):
    edges = grouped(n)
    assert edges[0] == 0 and edges[-1] == n and np.all(np.diff(edges) > 0) and len(edges) < 60
    if n > 100:
        assert edges[-1] - edges[-2] >= 0.3 * n, "the last mean is over many steps"
        assert edges[1] <= n // 50, "the first ones show how the loss falls"


@pytest.mark.parametrize("losses", [[0.5], [0.5, 0.4], [0.5] * 10, [0.0, 0.0], [1.7e308] * 300,
                                    [1.7e308, 0.1, 1.7e308], [1e-300, 2e-300], [1e300, 0.3, 0.2]])
@pytest.mark.parametrize("floor", [None, 0.3])
def test_losses_of_any_number_and_size(losses, floor):
    svg = loss_curve(losses, floor, ["loss"])
    numbers = drawn(svg, "line"), drawn(svg, "band")
    assert all(np.isfinite(places).all() for places in numbers) and "nan" not in svg
    assert max(places.max() for places in numbers) < 400
