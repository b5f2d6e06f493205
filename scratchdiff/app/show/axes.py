"""A frame with numbers on its sides, which maps points to places on the page."""
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import count

import numpy as np

from scratchdiff.app.show.svg import shorten, text

LEFT, RIGHT, TOP, BOTTOM = 50, 20, 24, 40       # around a frame: room for numbers and names


class Axes:
    """The rectangle of a page that shows the box from `low` (2,) to `high` (2,), y upwards.

    left, top, width and height are in units of the page. names has a name for each axis.
    """

    def __init__(self, low, high, left, top, width, height, names=("", "")):
        self.low, self.high = np.asarray(low, float), np.asarray(high, float)
        self.left, self.top, self.width, self.height = left, top, width, height
        self.right, self.bottom = left + width, top + height
        self.ticks = [ticks(low[0], high[0], width // 50), ticks(low[1], high[1], height // 32)]
        self.labels, notes = zip(*map(labels, self.ticks))
        self.names = [f"{name} {note}".strip() for name, note in zip(names, notes)]

    def places(self, points):
        """Points (n, 2) -> their places on the page. Points far outside the frame move nearer."""
        with np.errstate(over="ignore"):            # halves, because the difference could overflow
            part = (points / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return np.clip(part, -0.2, 1.2) * [self.width, -self.height] + [self.left, self.bottom]

    def outside(self, points):
        """How many of the points are outside the frame."""
        return int(((points < self.low) | (points > self.high)).any(axis=1).sum())

    def drawing(self, inside, numbers=(True, True)):
        """The frame and its grid, `inside` clipped to it, and the numbers of one or both axes."""
        x, y = (self.places(np.column_stack([values, values]).astype(float))[:, i].round(1).tolist()
                for i, values in enumerate(self.ticks))
        left, top, right, bottom = self.left, self.top, self.right, self.bottom
        frame = f"M{left:g} {top:g}H{right:g}V{bottom:g}H{left:g}z"
        frame += "".join(f"M{place:g} {top:g}V{bottom:g}" for place in x)
        frame += "".join(f"M{left:g} {place:g}H{right:g}" for place in y)
        parts = [f'<path class="grid" d="{frame}"/>\n',
                 f'<svg x="{left:g}" y="{top:g}" width="{self.width:g}" height="{self.height:g}" '
                 f'viewBox="{left:g} {top:g} {self.width:g} {self.height:g}">\n{inside}</svg>\n']
        if numbers[0]:
            parts += [text(place, bottom + 15, label, style="number")
                      for place, label in zip(x, self.labels[0])]
            parts.append(self.name(0, right, bottom + 31, "end"))
        if numbers[1]:
            parts += [text(left - 6, place + 4, label, "end", "number")
                      for place, label in zip(y, self.labels[1])]
            parts.append(self.name(1, left, top - 8, "start"))
        return "".join(parts)

    def name(self, axis, x, y, anchor):
        name = self.names[axis]
        return text(x, y, shorten(name, self.width), anchor, "number") if name else ""


def ticks(low, high, most):
    """Evenly spaced round numbers from low to high: at least two, and if possible at most `most`.

    They are Decimals, and so they are exact.
    """
    low, high = Decimal(repr(float(low))), Decimal(repr(float(high)))
    values = []
    for exponent in count((high - low).adjusted() - 1):
        for digit in (1, 2, 5):
            step = Decimal((0, (digit,), exponent))
            first = (low / step).to_integral_value(ROUND_CEILING)
            last = (high / step).to_integral_value(ROUND_FLOOR)
            if last <= first:
                return values
            values = [i * step for i in range(int(first), int(last) + 1)]
            if len(values) <= most:
                return values


def labels(values):
    """The labels of the ticks, and a note for the axis that says how to get the values from them.

    [1700000000, 1700001000] -> ["0", "1000"], "+ 1.7e9"
    [0.000002, 0.000003]     -> ["2", "3"], "\u00d7 1e-6"
    """
    span, largest = values[-1] - values[0], max(map(abs, values))
    base = roundest(values[0], values[-1]) if largest >= 1000 * span else Decimal(0)
    rest = [value - base for value in values]
    power = max(map(abs, rest)).adjusted()
    if -3 < power < 5:
        power = 0
    digits = max(0, power - (values[1] - values[0]).normalize().as_tuple().exponent)
    notes = []
    if power != 0:
        notes.append(f"\u00d7 1e{power}")
    if base != 0:
        notes.append(f"+ {short(base)}")
    return [f"{value.scaleb(-power):.{digits}f}" for value in rest], " ".join(notes)


def roundest(low, high):
    """The roundest number within five times high - low of the middle."""
    middle = (low + high) / 2
    for exponent in count(middle.adjusted() + 1, -1):
        unit = Decimal((0, (1,), exponent))
        base = unit * (middle / unit).to_integral_value()
        if abs(base - middle) <= 5 * (high - low):
            return base


def short(number):
    """1700000000 as 1.7e9."""
    return str(number.normalize()).lower().replace("e+", "e")
