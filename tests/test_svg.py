"""app/show/svg.py: a page that is well-formed, whose captions fit, with no script in it."""
from xml.etree import ElementTree

import pytest

from scratchdiff.app.show.svg import (LINE, MOST_LINES, animate, page, shorten, text, text_width,
                                      wrap)

SVG = "{http://www.w3.org/2000/svg}"

# The widths of text of 13 pixels in DejaVu Sans, a wide font, as a browser measures them.
MEASURED = {
    "circle: 500 generated points": 183, "mean radius 1.000, std radius 0.002": 237,
    "the best possible: 0.3246": 165, "line: mean of many steps; band: four in five of them": 340,
    "WWWWWWWWWW": 129, "iiiiiiiiii": 36, "mmmmmmmmmm": 127, "0123456789": 83, "----------": 47,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ": 227, "abcdefghijklmnopqrstuvwxyz": 190, "__________": 65,
    "\U0001f600" * 4: 54,
}


def lines_of(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(SVG + "text")]


def test_a_page_of_the_size_of_its_drawing_and_caption():
    root = ElementTree.fromstring(page(400, 300, ["a", "b"], '<path d="M0 0"/>'))
    assert root.tag == SVG + "svg" and root.get("viewBox") == f"0 0 400 {310 + 2 * LINE}"
    assert (root.get("width"), root.get("height")) == ("400", f"{310 + 2 * LINE}")
    assert [float(line.get("y")) for line in root.iter(SVG + "text")] == [314, 314 + LINE]
    assert {line.get("x") for line in root.iter(SVG + "text")} == {"200"}
    ground = [root.find(SVG + "rect").get(name) for name in ("x", "y", "width", "height")]
    assert ground == [".5", ".5", "399", f"{309 + 2 * LINE}"], "its edge is half a unit inside"


def test_the_caption_is_text_whatever_is_in_it():
    root = ElementTree.fromstring(page(400, 300, ['a < b & "c"', "second line"], ""))
    assert [line.text for line in root.iter(SVG + "text")] == ['a < b & "c"', "second line"]
    assert root.get("aria-label") == 'a < b & "c"; second line'


def test_light_and_dark_and_nothing_from_elsewhere():
    svg = page(400, 300, ["a"], "")
    assert "prefers-color-scheme:dark" in svg and 'class="ground"' in svg
    assert "script" not in svg and "href" not in svg and "url(" not in svg and "import" not in svg


@pytest.mark.parametrize("words, width", MEASURED.items())
def test_the_width_of_text_is_about_right_and_hardly_too_small(words, width):
    assert 0.99 * width < text_width(words) < 1.3 * width


@pytest.mark.parametrize("words", [
    "a" * 150, "W" * 60, " ".join(["name"] * 60), "x" * 100 + " 3.14", "\u6f22" * 40,
    "\U0001f600" * 30, "circle: 500 generated points with mean radius 1.000 and std radius 0.002"])
@pytest.mark.parametrize("width", [60, 380])
def test_a_caption_of_anything_fits(words, width):
    lines = wrap(words, width)
    assert 1 <= len(lines) <= MOST_LINES and all(text_width(line) <= width for line in lines)
    whole = " ".join(lines) == words
    assert whole or any(line.endswith("\u2026") for line in lines), "what is left out is marked"


def test_no_word_is_lost_that_fits():
    words = "the quick brown fox jumps over the lazy dog"
    assert wrap(words, 10_000) == [words] and " ".join(wrap(words, 130)) == words
    assert len(wrap(words, 130)) == 3 and wrap("", 100) == [""]
    assert lines_of(page(150, 100, [words], "")) == wrap(words, 130)


def test_a_combining_sign_takes_no_place():
    assert text_width("e\u0301") == text_width("e")


def test_shortened_text_ends_in_an_ellipsis():
    assert shorten("short", 100) == "short" and shorten("long" * 20, 100).endswith("\u2026")
    assert 85 < text_width(shorten("long" * 20, 100)) <= 100
    assert shorten("any", 1) == "\u2026"


def test_a_line_of_text():
    element = ElementTree.fromstring(text(1.5, 2, "a & b", "end", "number"))
    assert element.text == "a & b" and element.attrib == {
        "x": "1.5", "y": "2", "text-anchor": "end", "class": "number"}


def test_an_animation_plays_again_and_again():
    element = ElementTree.fromstring(animate("d", ["a", "b"], ["0", "1"]))
    assert element.get("values") == "a;b" and element.get("keyTimes") == "0;1"
    assert element.get("repeatCount") == "indefinite" and element.get("dur") == "7s"
    assert "keyTimes" not in animate("d", ["a", "b"])
