"""beyond/latent/clock.py: a drawing shows its time, and it can be read back."""
import numpy as np
import pytest

from scratchdiff.beyond.latent.clock import MINUTE, SIDE, draw, hand, minutes_off, read

TIMES = np.arange(720)


def paper(picture):
    """A picture as it lies on the table: rows from top to bottom."""
    return picture.reshape(SIDE, SIDE)


def test_every_time_is_read_back():
    minutes, residual = read(draw(TIMES))
    assert np.array_equal(minutes, TIMES)
    assert not residual.any(), "a drawing is its own nearest drawing"


def test_a_drawing_is_a_row_of_ink():
    pictures = draw(TIMES)
    assert pictures.shape == (720, SIDE * SIDE) and pictures.dtype == np.float32
    assert pictures.min() == 0 and 0.9 < pictures.max() <= 1


def test_at_three_the_short_hand_points_right_and_the_long_one_up():
    three = paper(draw([180])[0])
    assert np.all(three[2:7, 7:9] > 0.5), "up, to near the rim"
    assert np.all(three[7:9, 8:11] > 0.5), "right, but not as far"
    assert np.all(three[7:9, 13] < 0.1)
    assert not three[10:13, 5:11].any() and not three[3:6, 3:6].any(), "no ink elsewhere"


@pytest.mark.parametrize("turns", [0, 0.03, 0.2])
def test_a_quarter_of_a_turn_is_clockwise(turns):
    before, after = hand(np.array([turns, turns + 0.25]), *MINUTE)
    assert np.allclose(paper(after), np.rot90(paper(before), -1), atol=1e-12)


def test_the_hands_are_gears():
    """In an hour the long hand comes back, and the short one moves on by a twelfth."""
    short = [draw([t]) - hand(np.array([t / 60]), *MINUTE) for t in (10, 70)]
    assert np.abs(short[0] - short[1]).max() > 0.5
    assert np.array_equal(draw([730]), draw([10])), "twelve hours later"


def test_times_between_minutes_are_between_drawings():
    minutes, residual = read(draw([100.2, 100.8, 719.9]))
    assert minutes.tolist() == [100, 101, 0]
    assert np.all((0.005 < residual) & (residual < 0.04)), "half of a step or less"


def test_the_residual_is_the_noise_on_a_picture():
    noise = 0.05 * np.random.default_rng(0).standard_normal((720, SIDE * SIDE))
    minutes, residual = read(draw(TIMES) + noise)
    assert np.mean(minutes == TIMES) > 0.99
    assert np.median(residual) == pytest.approx(0.05, rel=0.05)     # 256 pixels: 4 % each


def test_minutes_off_goes_round_the_dial():
    times, wanted = np.array([5, 715, 360, 10]), np.array([0, 5, 0, 700])
    assert minutes_off(times, wanted).tolist() == [5, 10, 360, 30]
