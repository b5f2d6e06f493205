"""app/svg.py: pictures that are well-formed, to scale, small, and have no script in them."""
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from scratchdiff.app.show.svg import DRAWN, MOVING, SIZE, animation, loss_curve, plane, scatter, ticks

SVG = "{http://www.w3.org/2000/svg}"
RING = np.column_stack([np.cos(np.arange(500)), np.sin(np.arange(500))])
STATES = [RING * scale for scale in np.linspace(3, 1, 51)]


def parts(text):
    root = ElementTree.fromstring(text)
    assert root.tag == SVG + "svg" and not root.findall(f".//{SVG}script")
    assert text.count("href") == 0, "nothing from elsewhere"
    return root


def dots(root, name):
    """The places of the dots of a path, (n, 2)."""
    path = root.find(f".//{SVG}path[@class='{name}']")
    return places(path.get("d"))


def places(d):
    assert re.fullmatch(r"(M-?[\d.]+ -?[\d.]+h0)*", d)
    return np.array([[float(number) for number in place.split()] for place in re.findall(r"M(-?[\d.]+ -?[\d.]+)h0", d)])


def texts(root):
    return [text.text for text in root.iter(SVG + "text")]


def test_points_in_one_scale_for_both_axes_and_upwards():
    real = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]])
    root = parts(scatter(real, real + [0.0, 1.0], ["a"]))
    corner, right, up = dots(root, "real")
    assert right[0] - corner[0] == pytest.approx(2 * (corner[1] - up[1]), abs=1) and up[1] < corner[1]
    assert np.allclose((dots(root, "real") + [0, 0]).mean(axis=0)[0], SIZE / 2 + (right[0] - SIZE / 2) / 3, atol=1)
    made = dots(root, "made")
    assert np.allclose(made[:, 0], dots(root, "real")[:, 0]) and np.all(made[:, 1] < dots(root, "real")[:, 1])
    assert ((dots(root, "real") > 0) & (dots(root, "real") < SIZE)).all(), "all real points are in sight"


def test_real_points_are_below_the_generated_ones():
    names = [path.get("class") for path in parts(scatter(RING, RING, ["a"])).iter(SVG + "path")]
    assert names == ["real", "made"]


def test_no_more_points_than_a_picture_can_show():
    many = np.random.default_rng(0).standard_normal((DRAWN + 100, 2))
    root = parts(scatter(many, many, ["a"]))
    assert len(dots(root, "real")) == len(dots(root, "made")) == DRAWN


@pytest.mark.parametrize("points", [[[7.0, 3.0], [7.0, 3.0]], [[0.0, 0.0], [1e-320, 0.0]]])
def test_points_all_in_one_place_are_in_the_middle(points):
    root = parts(scatter(np.array(points), np.array(points), ["a"]))
    assert np.array_equal(dots(root, "real"), np.full((2, 2), SIZE / 2)), "whose distance is too small to divide by"


def test_the_caption_is_text_whatever_is_in_it():
    root = parts(scatter(RING, RING, ['a < b & "c"', "second line"]))
    assert texts(root) == ['a < b & "c"', "second line"]
    assert root.get("aria-label") == 'a < b & "c"; second line'


def test_an_animation_goes_from_noise_to_shape_and_pauses():
    text = animation(RING, STATES, ["a"])
    root = parts(text)
    made = root.find(f".//{SVG}path[@class='made']")
    play = made.find(SVG + "animate")
    frames = [places(d) for d in play.get("values").split(";")]
    times = [float(time) for time in play.get("keyTimes").split(";")]
    assert len(frames) == len(times) == 27 and times[0] == 0 and times[-1] == 1 and times == sorted(times)
    assert np.array_equal(frames[-1], frames[-2]) and times[-1] - times[-2] > 0.4, "a pause on the finished shape"
    assert np.array_equal(dots(root, "made"), frames[-1]), "what is seen where nothing plays"
    sizes = [np.ptp(frame) for frame in frames[:-1]]
    assert all(a > b for a, b in zip(sizes, sizes[1:]))
    assert play.get("repeatCount") == "indefinite" and play.get("attributeName") == "d"
    assert {len(frame) for frame in frames} == {500}, "a path can glide only if all its states are alike"
    assert len(text) < 300_000


@pytest.mark.parametrize("far", [[100.0, 0.0], [-3.0, 1e4]])
def test_an_animation_is_the_same_wherever_its_points_are(far):
    here, there = ([places(d) for d in parts(animation(RING + shift, [state + shift for state in STATES], ["a"]))
                    .find(f".//{SVG}animate").get("values").split(";")] for shift in (0, far))
    assert np.allclose(here, there, atol=0.5), "to the half unit that places are rounded to"


def test_an_animation_of_many_points_shows_some():
    many = [np.random.default_rng(t).standard_normal((MOVING + 50, 2)) for t in range(51)]
    text = animation(many[-1], many, ["a"])
    assert len(dots(parts(text), "made")) == MOVING and len(text) < 300_000


def test_a_point_far_outside_does_not_break_the_picture():
    made = RING.copy()
    made[0] = [1e30, -1e30]
    assert np.abs(dots(parts(scatter(RING, made, ["a"])), "made")).max() <= 2 * SIZE


def test_a_loss_curve_with_its_floor():
    losses = 0.3 + 0.2 * np.exp(-np.arange(2000) / 300) + 0.05 * np.sin(np.arange(2000))
    root = parts(loss_curve(losses.tolist(), 0.29, ["loss"]))
    line = np.array([[float(n) for n in place.split()] for place in root.find(f".//{SVG}path[@class='line']").get("d")[1:].split("L")])
    assert np.all(np.diff(line[:, 0]) > 0) and line[0, 1] < line[-1, 1], "from left to right, and down (y is downwards)"
    floor = float(root.find(f".//{SVG}path[@class='floor']").get("d").split()[1].split("H")[0])
    assert floor > line[:, 1].max(), "the floor is below all of it"
    assert "0.290, the least that any denoiser can reach" in texts(root) and {"0", "500", "2000"} <= set(texts(root))


@pytest.mark.parametrize("losses", [[0.5], [0.5, 0.4], [0.5] * 10])
def test_a_loss_curve_of_hardly_anything(losses):
    root = parts(loss_curve(losses, None, ["loss"]))
    assert root.find(f".//{SVG}path[@class='floor']") is None and "nan" not in ElementTree.tostring(root, "unicode")


def test_what_is_drawn_of_other_numbers_of_coordinates():
    assert np.array_equal(plane(np.arange(6.0).reshape(2, 3)), [[0, 1], [3, 4]])
    line = plane(np.linspace(0, 10, 50)[:, None])
    assert np.array_equal(line[:, 0], np.linspace(0, 10, 50)) and 1 < np.ptp(line[:, 1]) <= 3
    assert len(np.unique(line[:, 1])) == 50


@pytest.mark.parametrize("low, high", [(0.25, 0.52), (0, 2000), (0, 1), (0.321, 0.323), (0, 7), (0, 40)])
def test_ticks_are_few_and_round(low, high):
    values = ticks(low, high)
    assert 3 <= len(values) <= 11 and low <= min(values) and max(values) <= high * (1 + 1e-12)
    assert all(float(f"{value:.4g}") == pytest.approx(value) for value in values)


def test_light_and_dark():
    text = scatter(RING, RING, ["a"])
    assert "prefers-color-scheme:dark" in text and 'class="ground"' in text
