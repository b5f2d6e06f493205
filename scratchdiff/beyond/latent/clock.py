"""The clock: a picture of 16 x 16 pixels that shows a time, and that can be read back.

Nobody can measure whether a generated photograph is right. But a clock shows ten past three, or it
does not. Our picture of a clock is a row of 256 numbers, the ink of each pixel, from 0 for white
paper to 1 for black. Only this file knows where a pixel lies on the paper. To the networks, a
picture is 256 numbers in no particular order.

Everything is drawn with a soft pen. The ink of a pixel depends on its distance from the middle of
the stroke. So when a hand turns by a single minute, many pixels change a little.
"""
import numpy as np

SIDE = 16                               # pixels
MINUTES = 720                           # different pictures: twelve hours, one a minute
HOUR, MINUTE = (3.8, 1.1), (6.4, 0.7)   # length of a hand and half its width, in pixels
RIM = (7.3, 0.0)                        # radius of the rim and half its width: a thin, pale line
SOFT = 1.4                              # pixels over which the edge of a stroke fades

_steps = np.arange(SIDE) - (SIDE - 1) / 2
RIGHT, UP = np.tile(_steps, SIDE), np.repeat(-_steps, SIDE)     # (256,): pixels, from the centre


def draw(times):
    """Clocks that show `times`, (n,) minutes since twelve, whole or not -> (n, 256) float32."""
    times = np.asarray(times, np.float64)
    rim = ink(np.abs(np.hypot(RIGHT, UP) - RIM[0]), RIM[1])                     # (256,)
    hands = np.maximum(hand(times / 720, *HOUR), hand(times / 60, *MINUTE))     # (n, 256)
    return np.maximum(hands, rim).astype(np.float32)


def hand(turns, length, half_width):
    """A hand, turned clockwise from the top by `turns` (n,): 0.25 is to the right -> ink (n, 256).

    `ahead` and `aside` are a pixel's coordinates along the hand and across the hand, which reaches
    from 0 to `length`. So the nearest point of the hand lies at `ahead`, clipped to that range.
    """
    sin, cos = np.sin(2 * np.pi * turns)[:, None], np.cos(2 * np.pi * turns)[:, None]
    ahead = sin * RIGHT + cos * UP                                              # (n, 256)
    aside = cos * RIGHT - sin * UP
    distance = np.hypot(ahead - np.clip(ahead, 0, length), aside)
    return ink(distance, half_width)


def ink(distance, half_width):
    """The ink, from 0 to 1, of pixels at this distance from the middle of a stroke."""
    return np.clip(0.5 + (half_width - distance) / SOFT, 0, 1)


def read(pictures):
    """The times that pictures (n, 256) show, by the nearest of all 720 drawings.

    Returns minutes (n,), whole numbers from 0 to 719, and residuals (n,). A residual is the root
    mean square difference between the pixels of a picture and the pixels of its nearest drawing. It
    says how clean the picture is. For the drawings of two neighbouring minutes, the root mean
    square difference is 0.07.
    """
    drawings = draw(np.arange(MINUTES)).astype(pictures.dtype)                  # (720, 256)
    # |drawing - picture|^2 without |picture|^2, which is the same for all drawings: (n, 720)
    scores = np.sum(drawings ** 2, axis=1) - 2 * pictures @ drawings.T
    minutes = scores.argmin(axis=1)
    residuals = np.sqrt(np.mean((pictures - drawings[minutes]) ** 2, axis=1))
    return minutes, residuals


def minutes_off(times, wanted):
    """How far times are from the wanted times on the dial, in minutes: from 0 to 360."""
    return np.abs((times - wanted + MINUTES / 2) % MINUTES - MINUTES / 2)
