"""The page of every picture: SVG written by hand. It has no script, so it plays in a README.

Its background is light on a light screen and dark on a dark screen, so it can be read anywhere.
"""
from html import escape
from unicodedata import combining

SIZE = 400              # the width of a page; text is 13 high
LINE = 20               # from one line of the caption to the next
MOST_LINES = 3          # of the caption, for each item
WALK, PAUSE = 4.0, 3.0  # seconds of an animation: from noise to the result, and to look at it

STYLE = """\
<style>
.ground{fill:#fffdf8;stroke:#ddd8cc}.real{stroke:#b3ab98}.made,.line,.arrow{stroke:#0b62a8}
.ink{fill:#26231d}.band{fill:#0b62a8;opacity:.18}.floor{stroke:#c2410c}.grid{stroke:#ebe6da}
.low{fill:#b03a06}text{fill:#38352e}.halo{stroke:#fffdf8;stroke-width:4px;paint-order:stroke}
@media (prefers-color-scheme:dark){.ground{fill:#17191d;stroke:#33373f}.real{stroke:#6b727e}
.made,.line,.arrow{stroke:#5cb8ff}.ink{fill:#f1ede4}.band{fill:#5cb8ff}.floor{stroke:#ff9a5c}
.grid{stroke:#2a2e35}.low{fill:#ff9a5c}text{fill:#dcd9d2}.halo{stroke:#17191d}}
text{font:13px ui-sans-serif,system-ui,sans-serif}.number{font-size:11px}.far{opacity:.3}
path{fill:none;stroke-linecap:round;stroke-linejoin:round}
</style>
"""


def page(width, height, caption, drawing):
    """The text of an SVG file: a drawing of width x height, and its caption, a list of strings."""
    lines = [line for words in caption for line in wrap(words, width - 20)]
    total = height + LINE * len(lines) + 10
    below = "".join(text(width / 2, height + 14 + LINE * i, line) for i, line in enumerate(lines))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {total:g}" '
            f'width="{width:g}" height="{total:g}" role="img" '
            f'aria-label="{escape("; ".join(caption))}">\n{STYLE}'
            f'<rect class="ground" x=".5" y=".5" width="{width - 1:g}" height="{total - 1:g}" '
            f'rx="8"/>\n{drawing}{below}</svg>\n')


def text(x, y, words, anchor="middle", style=None):
    """A line of text, whose middle, start or end is at (x, y)."""
    style = f' class="{style}"' if style else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{style}>{escape(words)}</text>\n'


def animate(attribute, values, times=None, more=""):
    """An element that plays an attribute's values in WALK + PAUSE seconds, again and again.

    times: the time of each value, from 0 to 1. Without times, the values are evenly spaced. Values
    and times are strings.
    """
    times = f'keyTimes="{";".join(times)}" ' if times else ""
    return (f'<animate attributeName="{attribute}" dur="{WALK + PAUSE:g}s" '
            f'repeatCount="indefinite" {more}{times}values="{";".join(values)}"/>')


def wrap(words, width):
    """Lines at most `width` wide. A word or last line that is too long ends in an ellipsis."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if not lines[-1] or text_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1:] = [" ".join(lines[MOST_LINES - 1:])]
    return [shorten(line, width) for line in lines]


def shorten(words, width):
    """The words, cut and ended with an ellipsis if they are wider than `width`."""
    if text_width(words) <= width:
        return words
    while words and text_width(words + "\u2026") > width:
        words = words[:-1]
    return words + "\u2026"


def text_width(words, size=13):
    """The width of a line of text in a wide font, because the reader's font is not known."""
    return size * sum(map(em, words))


def em(character):
    """The width of a character in a wide font, in units of the font's size."""
    if combining(character):
        return 0
    if character in " .,:;'|/\\ijlI":
        return 0.34
    if character in "!()[]-frtJ":
        return 0.41
    if character in "mwMW@%&#+=<>~" or ord(character) > 0x24F:
        return 1.0 if ord(character) < 0x10000 else 1.3
    return 0.75 if character.isupper() else 0.64
