"""app/show/field.py: arrows that lead where the denoiser guesses that a point came from."""
import re

import numpy as np
import pytest
from pages import SVG, readable, texts

from scratchdiff.app.show.field import ACROSS, LEGEND, LONGEST, POINTS, arrows, field, levels
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.shapes import SHAPES, Standard

SCHEDULE = Schedule.linear()
REAL = SHAPES["circle"].draw(500, np.random.default_rng(0))
PLAIN = Standard(np.zeros(2), np.ones(2))
CLEAN = np.array([0.25, -0.5])


def to_one_point(xt, t):
    """The perfect denoiser of data that is one point: eps = (x_t - sqrt(alpha_bar_t) x_0) / s_t."""
    alpha_bar = SCHEDULE.alpha_bars[t]
    return (xt - np.sqrt(alpha_bar) * CLEAN) / np.sqrt(1 - alpha_bar)


def picture(denoiser, exact=None, standard=PLAIN, real=REAL):
    svg = field(denoiser, exact, SCHEDULE, real, standard, np.random.default_rng(1), ["a caption"])
    return readable(svg)


def panels(root):
    """Of each panel: the nested svg, and where its arrows begin and end, (n, 2) each."""
    for panel in root.findall(SVG + "svg"):
        paths = [path.get("d") for path in panel if path.get("class").startswith("arrow")]
        found = re.findall(r"M([\d.-]+) ([\d.-]+)L([\d.-]+) ([\d.-]+)M", "".join(paths))
        corners = np.array(found, float)
        yield panel, corners[:, :2], corners[:, 2:]


def place(panel, point, half):
    """Where a point is on the page; the panel's box is from -half to half."""
    left, top, width, height = (float(panel.get(name)) for name in ("x", "y", "width", "height"))
    part = (np.asarray(point) + half) / (2 * half)
    return np.array([left + part[0] * width, top + (1 - part[1]) * height])


@pytest.mark.parametrize("size, half", [(1, 1.7), (1.4, 1.7), (2, 2.3), (10, 11.5)])
def test_arrows_lead_to_the_clean_point_of_the_level(size, half):
    """Each arrow is on the straight line to it, towards it, and short ones end there."""
    found = list(panels(picture(to_one_point, real=size * REAL)))
    assert len(found) == 4
    for (panel, begin, end), t in zip(found, levels(50)):
        assert len(np.unique(begin, axis=0)) == len(begin) == ACROSS ** 2
        assert begin.mean(axis=0) == pytest.approx(place(panel, [0, 0], half), abs=0.1)
        apart = float(panel.get("width")) / ACROSS
        goal = place(panel, np.sqrt(SCHEDULE.alpha_bars[t]) * CLEAN, half)
        to_goal, way = goal - begin, end - begin
        length, whole = np.hypot(*way.T), np.hypot(*to_goal.T)
        expected = np.minimum(whole, LONGEST * apart)
        assert length == pytest.approx(expected, abs=0.15), "rounded to 0.1"
        along = np.sum(way * to_goal, axis=1) / (length * whole)
        assert along.min() > 0.99


def test_levels_from_much_noise_to_little():
    assert levels(50) == [49, 25, 10, 2] and levels(3) == [2, 1, 0]
    words = texts(picture(to_one_point))
    assert [word for word in words if "level" in word] == [f"level {t}" for t in levels(50)]
    assert {"a caption", *LEGEND} <= set(words), "each in one line"


def test_the_perfect_denoiser_is_beside_if_it_is_known():
    exact = ExactDenoiser(SCHEDULE, SHAPES["circle"].grid)
    alone, both = picture(to_one_point), picture(to_one_point, exact)
    words = [texts(root) for root in (alone, both)]
    assert "this network" in words[0] and "the perfect denoiser" not in words[0]
    assert {"this network", "the perfect denoiser"} <= set(words[1])
    found = list(panels(both))
    assert len(found) == 8
    rows = [[float(panel.get("y")) for panel, _, _ in some] for some in (found[::2], found[1::2])]
    assert rows[0] == rows[1] == sorted(set(rows[0])), "a level, and beside it the same level"
    pairs = zip(panels(picture(exact)), found[1::2], strict=True)
    for (_, begin, end), (_, same_begin, same_end) in pairs:
        assert np.allclose(end - begin, same_end - same_begin, atol=0.21), "twice rounded to 0.1"


def test_the_dots_are_the_noisy_points_of_the_level():
    for (panel, _, _), t in zip(panels(picture(to_one_point)), levels(50)):
        dots = panel.find(f"{SVG}path[@class='real']").get("d")
        places = np.array(re.findall(r"M([\d.-]+) ([\d.-]+)h0", dots), float)
        assert len(places) == POINTS
        middle = place(panel, [0, 0], 1.7)
        radius = np.median(np.hypot(*(places - middle).T)) / float(panel.get("width")) * 3.4
        noise = np.sqrt(1 - SCHEDULE.alpha_bars[t])
        eps = np.random.default_rng(0).standard_normal((5000, 2))
        noisy = SCHEDULE.add_noise(np.tile([1.0, 0.0], (5000, 1)), t, eps)
        error = 4 * noise / np.sqrt(POINTS) + 0.02
        assert radius == pytest.approx(np.median(np.hypot(*noisy.T)), abs=error)


def test_arrows_are_faint_where_no_noisy_points_are():
    """At the last level they are those that are neither near the circle nor in its middle."""
    *_, (panel, _, _) = panels(picture(to_one_point))
    faint, strong = (re.findall(r"M([\d.-]+) ([\d.-]+)L[\d.-]+ [\d.-]+M", path.get("d"))
                     for path in panel if path.get("class").startswith("arrow"))
    middle = place(panel, [0, 0], 1.7)
    radius = [np.hypot(*(np.array(found, float) - middle).T) / float(panel.get("width")) * 3.4
              for found in (faint, strong)]
    assert len(faint) + len(strong) == ACROSS ** 2
    apart = 3.4 / ACROSS
    assert np.abs(radius[1] - 1).max() < 1.5 * apart + 0.3, "0.3: noise of 0.08, and 3.5 times that"
    assert np.abs(radius[0] - 1).min() > 1.5 * apart - 0.3


def test_axes_in_the_units_of_the_points():
    words = [text.text for text in picture(to_one_point, standard=Standard(
        np.array([1.7e9, 0.0]), np.array([1000.0, 1e-6]))).iter(SVG + "text")]
    assert words.count("+ 1.7e9") == 2 and "\u00d7 1e-6" in words and "-1000" in words


def test_float32_points_and_more_of_them_than_fit():
    def denoiser(xt, t):
        assert xt.dtype == np.float32
        return xt
    assert len(list(panels(picture(denoiser, real=(3 * REAL).astype(np.float32))))) == 4


def test_an_arrow_has_a_head_at_its_end():
    numbers = re.findall(r"-?[\d.]+", arrows(np.array([[0.0, 0.0]]), np.array([[10.0, 0.0]])))
    assert list(map(float, numbers)) == [0, 0, 10, 0, 6, 2, 10, 0, 6, -2]


def test_only_of_the_plane():
    with pytest.raises(ValueError, match=r"real must have shape \(n, 2\), got \(5, 3\)"):
        picture(to_one_point, real=np.zeros((5, 3)))
