"""app/show/scatter.py: points to scale, that fill the frame, and the way there."""
import re

import numpy as np
import pytest
from pages import SVG, readable, texts

from scratchdiff.app.show.scatter import DRAWN, FRAMES, MOVING, animation, scatter
from scratchdiff.app.show.svg import SIZE
from scratchdiff.diffusion.schedule import Schedule

SCHEDULE = Schedule.linear()
LEVELS = range(49, -1, -1)
RING = np.column_stack([np.cos(np.arange(500)), np.sin(np.arange(500))])
STATES = [RING * scale for scale in np.linspace(3, 1, 51)]
MANY = np.random.default_rng(0).standard_normal((5100, 2))


def dots(root, style):
    """The places of the dots of a path, (n, 2)."""
    return places(root.find(f".//{SVG}path[@class='{style}']").get("d"))


def places(d):
    assert re.fullmatch(r"(M-?[\d.]+ -?[\d.]+h0)*", d)
    return np.array([[float(number) for number in place.split()]
                     for place in re.findall(r"M(-?[\d.]+ -?[\d.]+)h0", d)])


def frame(root):
    """(left, top, width, height) of the part of the page with the points."""
    return [float(root.find(SVG + "svg").get(name)) for name in ("x", "y", "width", "height")]


def test_points_in_one_scale_for_both_axes_and_upwards():
    real = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 2.0]])
    root = readable(scatter(real, real + [0.0, 1.0], ["a"]))
    corner, right, up = dots(root, "real")
    assert right[0] - corner[0] == pytest.approx(2 * (corner[1] - up[1]), abs=1)
    assert up[1] < corner[1] and up[0] == right[0]
    made = dots(root, "made")
    assert np.allclose(made[:, 0], [corner[0], right[0], right[0]])
    assert np.all(made[:, 1] < dots(root, "real")[:, 1])


@pytest.mark.parametrize("scale", [[1, 1], [4, 1], [1, 4], [1, 2.5], [1e-6, 1e-6], [0.1, 15000]])
@pytest.mark.parametrize("shift", [[0, 0], [1.7e9, 0]])
def test_real_points_fill_the_frame(scale, shift):
    real = RING * scale + np.array(shift) * scale
    root = readable(scatter(real, real, ["a"]))
    left, top, width, height = frame(root)
    right = SIZE - 20 - left - width
    assert left - 50 == pytest.approx(right, abs=0.01), "in the middle, but for the numbers"
    part = (dots(root, "real") - [left, top]) / [width, height]
    assert part.min() > 0 and part.max() < 1, "all in sight"
    assert np.ptp(part, axis=0).min() > 0.9
    assert left + width <= SIZE and max(width, height) > 0.8 * SIZE


def test_a_ring_is_round_only_where_the_scales_are_alike():
    for scale, ratio in [([1, 3], 3), ([1, 5], 1)]:
        heights = np.ptp(dots(readable(scatter(RING * scale, RING * scale, ["a"])), "real"), axis=0)
        assert heights[1] / heights[0] == pytest.approx(ratio, rel=0.02)


def test_numbers_on_the_axes():
    found = texts(readable(scatter(RING + [1.7e9, 0], RING + [1.7e9, 0], ["a"])))
    assert "+ 1.7e9" in found and found.count("-0.5") == 2 and "1.0" in found


def test_the_names_of_the_columns():
    named = texts(readable(scatter(RING, RING, ["a"], ["height", "salary"])))
    assert {"height", "salary"} <= set(named)
    full = scatter(RING, RING, ["a caption as wide as the page is", "and another"], ["x" * 30, "y"])
    assert "and another" in texts(readable(full)), "the name of an axis is above the caption"
    three = texts(readable(scatter(*[np.column_stack([RING, RING[:, 0]])] * 2, ["x"])))
    assert {"2 of 3 columns: 1 and 2", "column 1", "column 2"} <= set(three)
    four = np.column_stack([RING, RING])
    assert "2 of 4 columns: a and b" in texts(readable(scatter(four, four, ["x"], list("abcd"))))
    unnamed = texts(readable(scatter(four, four, ["x"])))
    assert {"2 of 4 columns: 1 and 2", "column 1", "column 2"} <= set(unnamed)
    assert not any("columns" in text for text in named)


def test_one_column_has_no_heights():
    found = texts(readable(scatter(RING[:, :1], RING[:, :1], ["a"])))
    assert "one column: the height only keeps the points apart" in found
    assert sum(re.fullmatch(r"-?\d\.\d", text) is not None for text in found) == 5, "across alone"


def test_points_that_are_out_of_sight_are_counted():
    made = RING.copy()
    assert not any("outside" in text for text in texts(readable(scatter(RING, made, ["a"]))))
    made[0] = [1e300, -1e300]
    root = readable(scatter(RING, made, ["a"]))
    assert "1 of 500 generated points is outside the frame" in texts(root)
    assert np.abs(dots(root, "made")).max() < 2 * SIZE
    made[1] = [9, 9]
    found = texts(readable(scatter(RING, made, ["a"])))
    assert "2 of 500 generated points are outside the frame" in found


def test_real_points_are_below_the_generated_ones():
    names = [path.get("class") for path in readable(scatter(RING, RING, ["a"])).iter(SVG + "path")]
    assert names == ["grid", "real", "made"]


def test_no_more_points_than_a_picture_can_show():
    root = readable(scatter(MANY, MANY, ["a"]))
    assert len(dots(root, "real")) == len(dots(root, "made")) == DRAWN


@pytest.mark.parametrize("points", [
    [[7.0, 3.0], [7.0, 3.0]], [[0.0, 0.0], [1e-320, 0.0]], [[0.0, 1e9], [0.0, 1e9]]])
def test_points_all_in_one_place_are_in_the_middle(points):
    root = readable(scatter(np.array(points), np.array(points), ["a"]))
    left, top, width, height = frame(root)
    middle = np.full((2, 2), [left + width / 2, top + height / 2])
    assert np.allclose(dots(root, "real"), middle, atol=0.5)


def test_the_largest_numbers_there_are():
    points = np.array([[-1.7e308, 1.0], [1.7e308, 2.0]])
    root = readable(scatter(points, points, ["a"]))
    assert np.ptp(dots(root, "real")[:, 0]) > 0.75 * SIZE


def film(text):
    """Of an animation: its frames, and their times."""
    play = readable(text).find(f".//{SVG}path[@class='made']/{SVG}animate")
    assert play.get("repeatCount") == "indefinite" and play.get("attributeName") == "d"
    times = [float(time) for time in play.get("keyTimes").split(";")]
    return [places(d) for d in play.get("values").split(";")], times


def test_an_animation_goes_from_noise_to_shape_and_pauses():
    text = animation(RING, STATES, LEVELS, SCHEDULE, ["a"])
    frames, times = film(text)
    assert len(frames) == len(times) <= FRAMES + 1 and times[0] == 0 and times[-1] == 1
    assert all(a < b for a, b in zip(times, times[1:]))
    assert times[-2] == pytest.approx(4 / 7, abs=1e-4), "4 seconds of 7"
    assert np.array_equal(frames[-1], frames[-2]), "a pause"
    assert np.array_equal(dots(readable(text), "made"), frames[-1]), "seen where nothing plays"
    still = readable(scatter(RING, STATES[-1], ["a"]))
    assert np.array_equal(frames[-1], dots(still, "made")), "it ends as the picture, which is full"
    assert {len(frame) for frame in frames} == {500}, "a path glides only between equal numbers"


def test_an_animation_begins_to_move_early():
    """Half of the noise is gone in the first third of the walk."""
    frames, times = film(animation(RING, STATES, LEVELS, SCHEDULE, ["a"]))
    half = np.argmin(np.abs(np.sqrt(1 - SCHEDULE.alpha_bars) - 0.5))       # a level
    states = [np.full((500, 2), 0.0 if t > half else 1.0) for t in LEVELS] + [np.ones((500, 2))]
    frames, times = film(animation(RING, states, LEVELS, SCHEDULE, ["a"]))
    moved = next(time for time, frame in zip(times, frames) if frame[0, 0] != frames[0][0, 0])
    assert moved < times[-2] / 3


def test_an_animation_says_the_level():
    root = readable(animation(RING, STATES, LEVELS, SCHEDULE, ["a"]))
    signs = [text for text in root.iter(SVG + "text") if text.get("class") == "halo"]
    words = [sign.text for sign in signs]
    assert words[0] == "level 49" and words[-1] == "no noise" and "level 0" in words
    levels = [int(word.split()[1]) for word in words[:-1]]
    assert levels == sorted(levels, reverse=True) and len(set(levels)) == len(levels)
    assert [sign.get("visibility") for sign in signs] == ["hidden"] * (len(signs) - 1) + ["visible"]
    _, times = film(animation(RING, STATES, LEVELS, SCHEDULE, ["a"]))
    for sign, start, end in zip(signs, times, times[1:]):
        play = sign.find(SVG + "animate")
        keys = [float(key) for key in play.get("keyTimes").split(";")]
        assert play.get("calcMode") == "discrete"
        assert list(zip(keys, play.get("values").split(";"))) == [
            (0, "hidden"), (start, "visible"), (end, "hidden")][:len(keys)]
        assert len(keys) == 3 - (end == 1), "the last one stays"


def test_an_animation_of_a_few_steps():
    text = animation(RING, STATES[:2] + STATES[-1:], [49, 20], SCHEDULE, ["a"])
    frames, times = film(text)
    assert len(frames) == 4 and "level 20" in text


@pytest.mark.parametrize("far", [[100.0, 0.0], [-3.0, 1e4]])
def test_an_animation_is_the_same_wherever_its_points_are(far):
    here, there = (film(animation(RING + shift, [state + shift for state in STATES], LEVELS,
                                  SCHEDULE, ["a"]))[0] for shift in (0, far))
    assert np.allclose(here, there, atol=0.5), "to the half unit that places are rounded to"


def test_an_animation_of_many_points_shows_some_and_stays_small():
    """At the worst: all far outside, at places with as many digits as there can be."""
    states = [MANY * 10 + [1e3, 1e3]] * 50 + [MANY]
    text = animation(MANY, states, LEVELS, SCHEDULE, ["a"])
    assert len(dots(readable(text), "made")) == MOVING and len(text) < 200_000
    assert len(animation(MANY, [MANY[::-1]] * 51, LEVELS, SCHEDULE, ["a"])) < 200_000
