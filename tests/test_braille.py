"""app/braille.py: a picture in characters, where it can be shown."""
import io

import numpy as np
import pytest

from scratchdiff.app.show import braille
from scratchdiff.app.show.braille import picture, wanted


def test_each_dot_has_its_bit():
    """A picture of two signs by one is four dots wide and four high: the corners, the four in the middle, and each alone."""
    corners = np.array([[0.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 3.0]])
    assert picture(corners, 2) == ["\u2841\u2888"]
    middle = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])
    assert picture(np.concatenate([corners, middle]), 2) == ["\u2871\u288e"]
    assert picture(np.array([[x, y] for x in range(4) for y in range(4)], float), 2) == ["\u28ff\u28ff"]


def test_a_circle_is_as_high_as_wide_and_empty_inside():
    angle = np.arange(2000)
    lines = [line.ljust(40) for line in picture(np.column_stack([np.cos(angle), np.sin(angle)]), 40)]
    assert len(lines) == pytest.approx(20, abs=1) and max(len(line.rstrip()) for line in lines) == pytest.approx(40, abs=1)
    assert lines[10][15:25].strip() == ""
    assert all(line[:20].strip() and line[20:].strip() for line in lines[3:-3]), "a left and a right side in each row"
    flipped = [line.ljust(40)[::-1] for line in picture(np.column_stack([-np.cos(angle), np.sin(angle)]), 40)]
    assert sum(a == " " for a, b in zip("".join(lines), "".join(flipped)) if b == " ") > 500


def test_up_is_up_and_right_is_right():
    points = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    lines = picture(points, 10)
    assert len(lines[0]) == 1 and len(lines[-1]) > 8, "one point above, on the left; two below"


def test_one_far_point_does_not_make_the_others_small():
    points = np.random.default_rng(0).standard_normal((5000, 2))
    points[0] = [1e9, 1e9]
    assert len(picture(points, 40)) > 10


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.eye(2) * 5e-324, np.arange(30.0)[:, None], np.random.default_rng(0).standard_normal((50, 3))])
@pytest.mark.parametrize("columns", [10, 39, 60])
def test_any_points_fit(points, columns):
    lines = picture(points, columns)
    assert 1 <= len(lines) <= (columns + 1) // 2 and max(map(len, lines)) <= columns


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Latin(Terminal):
    encoding = "latin-1"


def test_only_where_it_can_be_shown(monkeypatch):
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    assert wanted(Terminal()) and not wanted(Latin()) and not wanted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "")
    assert not wanted(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not wanted(Terminal())


def test_nothing_is_printed_to_a_pipe(capsys):
    braille.show(np.zeros((5, 2)))
    assert capsys.readouterr().out == ""
