"""app/show/images.py: small grey images, in a picture and in characters."""
import numpy as np
import pytest
from pages import SVG, readable, texts

from scratchdiff.app.show.images import FRAMES, grey, pixels
from scratchdiff.app.show.svg import SIZE

CORNER = np.array([[[0.0, 1.0], [0.5, 0.0]]])       # ink at the top right, less at the bottom left


def tiles(svg):
    root = readable(svg)
    return root, root.findall(SVG + "svg")


def test_a_rectangle_for_a_pixel_with_ink():
    root, (tile,) = tiles(pixels(CORNER, ["name"], ["caption"]))
    found = [[rect.get(name) for name in ("x", "y", "opacity", "class")] for rect in tile]
    assert found == [["1", "0", "1", "ink"], ["0", "1", ".5", "ink"]]
    assert tile.get("viewBox") == "0 0 2 2" and tile.get("width") == tile.get("height")
    assert texts(root) == ["name", "caption"]


def test_images_side_by_side_that_do_not_overlap():
    images = np.ones((6, 3, 3))
    root, found = tiles(pixels(images, [f"image {i}" for i in range(6)], []))
    corners = [[float(tile.get(name)) for name in ("x", "y", "width")] for tile in found]
    assert len(corners) == 6 and len({y for _, y, _ in corners}) == 2, "four in a row"
    for x, y, size in corners:
        assert 0 < x and x + size < SIZE
        assert sum(abs(x - a) < size and abs(y - b) < size for a, b, _ in corners) == 1
    names = {t.text: float(t.get("x")) for t in root.iter(SVG + "text")}
    for i, (x, y, size) in enumerate(corners):
        assert names[f"image {i}"] == pytest.approx(x + size / 2, abs=0.01), "below the middle"


def test_long_names_are_wrapped_below_their_image():
    root, _ = tiles(pixels(np.ones((4, 2, 2)), ["twenty five to nine"] * 4, ["caption"]))
    assert len(list(root.iter(SVG + "text"))) == 9, "two lines each"


def test_what_is_no_grey_is_clipped():
    _, (tile,) = tiles(pixels(np.array([[[-0.2, 1.3], [0.001, 0.126]]]), ["a"], []))
    assert [rect.get("opacity") for rect in tile] == ["1", ".13"]


def test_an_animation_ends_on_its_last_frame_and_rests():
    film = np.linspace(1, 0.25, 51)[:, None, None] * np.ones((51, 2, 2))
    _, (tile,) = tiles(pixels(film[None], ["a"], []))
    for rect in tile:
        values = rect.find(SVG + "animate").get("values").split(";")
        assert values[0] == "1" and values[FRAMES - 1] == ".25" == rect.get("opacity")
        assert len(set(values[:FRAMES])) == FRAMES and set(values[FRAMES - 1:]) == {".25"}
        assert len(values) == FRAMES + 9, "9 is three quarters of 12: 3 s after 4 s"
    _, (still,) = tiles(pixels(film[None, -1:], ["a"], []))
    assert still[0].find(SVG + "animate") is None


def test_a_pixel_that_has_ink_only_on_the_way():
    film = np.array([[[[1.0]], [[0.0]]]])
    _, (tile,) = tiles(pixels(film, ["a"], []))
    assert tile[0].get("opacity") == "0"


def test_an_animation_of_three_images_stays_small():
    films = np.random.default_rng(0).random((3, 51, 16, 16))
    assert len(pixels(films, ["a", "b", "c"], ["d"])) < 200_000


def test_shades_on_the_terminal():
    steps = np.array([[[0.0, 0.25, 0.5], [0.75, 1.0, 2.0], [-1.0, 0.1, 0.9]]])
    assert grey(steps, ["abc"], 80) == ["  \u2591\u2591\u2592\u2592",
                                        "\u2593\u2593\u2588\u2588\u2588\u2588",
                                        "    \u2588\u2588", " abc"]


@pytest.mark.parametrize("columns, rows", [(80, 3), (120, 2), (202, 1), (65, 6), (32, 6)])
def test_as_many_side_by_side_as_fit(columns, rows):
    lines = grey(np.ones((6, 16, 16)), ["half past six"] * 6, columns)
    assert max(map(len, lines)) <= columns and len(lines) == rows * 17 + rows - 1
    assert sum(line.count("half past six") for line in lines) == 6


def test_a_narrow_terminal_gets_a_character_for_two_pixels():
    images = np.zeros((1, 16, 16))
    images[0, 2] = 1
    lines = grey(images, ["twenty five to nine"], 20)
    assert lines == ["", "\u2592" * 16] + [""] * 6 + [" twenty five to", "      nine"]


def test_names_of_unlike_lengths():
    lines = grey(np.ones((2, 4, 4)), ["a", "a long name"], 40)
    assert lines[:4] == ["\u2588" * 8 + "  " + "\u2588" * 8] * 4
    assert [line.split() for line in lines[4:]] == [["a", "a", "long"], ["name"]]
