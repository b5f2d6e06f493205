"""app/show/braille.py: a picture in characters, where it can be shown."""
import io
import os
import sys

import numpy as np
import pytest

from scratchdiff.app.show import braille
from scratchdiff.app.show.braille import picture, wanted

ANGLE = np.arange(2000)
RING = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)])


def test_each_dot_has_its_bit():
    """Two signs are four dots wide and four high: the corners, the four in the middle, all."""
    corners = np.array([[0.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 3.0]])
    assert picture(corners, 2) == ["\u2841\u2888"]
    middle = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])
    assert picture(np.concatenate([corners, middle]), 2) == ["\u2871\u288e"]
    full = np.array([[x, y] for x in range(4) for y in range(4)], float)
    assert picture(full, 2) == ["\u28ff\u28ff"]
    for dot in full:
        if dot.tolist() not in corners.tolist():
            signs, = picture(np.concatenate([corners, [dot]]), 2)
            assert sum(bin(ord(sign) - 0x2800).count("1") for sign in signs) == 5, dot


def test_a_circle_is_as_high_as_wide_and_empty_inside():
    lines = [line.ljust(40) for line in picture(RING, 40)]
    assert len(lines) == pytest.approx(20, abs=1)
    assert max(len(line.rstrip()) for line in lines) == pytest.approx(40, abs=1)
    assert lines[10][15:25].strip() == ""
    assert all(line[:20].strip() and line[20:].strip() for line in lines[3:-3]), "two sides"


def test_up_is_up_and_right_is_right():
    lines = picture(np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]]), 10)
    assert len(lines[0]) == 1 and len(lines[-1]) > 8, "one point above, on the left; two below"


def test_columns_of_unlike_scales_fill_the_picture():
    assert picture(RING * [0.1, 15000] + [1.7, 50000], 40) == picture(RING, 40)


def test_one_far_point_does_not_make_the_others_small():
    points = np.random.default_rng(0).standard_normal((5000, 2))
    points[0] = [1e9, 1e9]
    assert len(picture(points, 40)) > 10


def test_the_farthest_of_a_hundred_points_is_shown():
    first, *_, last = picture(np.array([[0.0, 0.0]] * 99 + [[10.0, 10.0]]), 10)
    assert len(first) == 10 and len(last) == 1


@pytest.mark.parametrize("step", [0.5, 1.0, 1.5, 2.0, 2.5])
@pytest.mark.parametrize("side", [[1, 0], [-1, 0], [0, 1], [0, -1]])
def test_a_point_just_outside_is_left_out(step, side):
    points = np.column_stack([np.linspace(-1, 1, 3000)] * 2)
    stray = np.array(side) * (1 + step * 2 / 79)        # a dot is 2 / 79 wide
    lines = picture(np.concatenate([points, [stray]]), 40)
    assert len(lines) <= 20 and max(map(len, lines)) <= 40


@pytest.mark.parametrize("points", [
    np.zeros((5, 2)), np.full((2, 2), 7.0), np.eye(2) * 5e-324, np.arange(30.0)[:, None],
    np.random.default_rng(0).standard_normal((50, 3))])
@pytest.mark.parametrize("columns", [2, 10, 39, 60])
def test_any_points_fit(points, columns):
    lines = picture(points, columns)
    assert 1 <= len(lines) <= (columns + 1) // 2 and max(map(len, lines)) <= columns
    assert lines[0].strip() and lines[-1].strip(), "nothing is wasted above or below"


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True

    def fileno(self):
        return 1


class Latin(Terminal):
    encoding = "latin-1"


@pytest.fixture
def plain_environment(monkeypatch):
    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_only_where_it_can_be_shown(monkeypatch, plain_environment):
    assert wanted(Terminal()) and not wanted(Latin()) and not wanted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "")
    assert not wanted(Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not wanted(Terminal())


def test_nothing_is_printed_to_a_pipe(capsys):
    braille.show(np.zeros((5, 2)))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size, widest, highest", [
    ((80, 24), 44, 22), ((120, 60), 60, 30), ((20, 60), 19, 10), ((3, 3), 2, 1)])
def test_all_of_it_fits_on_the_screen(monkeypatch, plain_environment, size, widest, highest):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size(size))
    braille.show(RING)
    lines = terminal.getvalue().splitlines()
    assert widest - 2 < max(map(len, lines)) <= widest and highest - 2 < len(lines) <= highest
