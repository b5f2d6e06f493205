"""Small square grey images, from 0 for paper to 1 for ink: as an SVG, and in characters."""
import textwrap

import numpy as np

from scratchdiff.app.show.svg import LINE, PAUSE, SIZE, WALK, animate, page, text, wrap

IN_A_ROW, WIDEST, GAP = 4, 240, 14      # images of an SVG; the width of one, the space around it
FRAMES = 12             # of an animation, at most: 60 kB for an image of 16 x 16
SHADES = np.array(list(" \u2591\u2592\u2593\u2588"))


def pixels(images, names, caption):
    """The text of an SVG file: images side by side, each with its name. A pixel is a rectangle.

    images: (k, n, n) floats, or (k, frames, n, n) for an animation; names: k strings. Ink is dark
    on a light screen, and light on a dark screen.
    """
    films = np.clip(images, 0, 1).round(2)
    if films.ndim == 3:
        films = films[:, None]
    in_row = min(len(films), IN_A_ROW)
    size = min((SIZE - GAP) / in_row - GAP, WIDEST)
    margin = (SIZE - in_row * (size + GAP) + GAP) / 2
    parts, top = [], GAP
    for first in range(0, len(films), in_row):
        row = slice(first, first + in_row)
        words = [wrap(name, size + GAP - 4) for name in names[row]]
        for i, (film, lines) in enumerate(zip(films[row], words)):
            left = margin + i * (size + GAP)
            parts.append(tile(film, left, top, size))
            parts += [text(left + size / 2, top + size + 17 + LINE * k, line)
                      for k, line in enumerate(lines)]
        top += size + GAP + LINE * max(map(len, words))
    return page(SIZE, top, caption, "".join(parts))


def tile(film, left, top, size):
    """One image of (frames, n, n) in a square of the page, framed."""
    n = film.shape[1]
    film = film[np.linspace(0, len(film) - 1, min(len(film), FRAMES)).round().astype(int)]
    rest = round(PAUSE / WALK * len(film))              # repetitions of the last frame
    rectangles = []
    for y, x in np.argwhere(film.any(axis=0)).tolist():
        values = [f"{value:g}".replace("0.", ".") for value in film[:, y, x].tolist()]
        play = animate("opacity", values + values[-1:] * rest) if len(film) > 1 else ""
        rectangles.append(f'<rect class="ink" x="{x}" y="{y}" width="1" height="1" '
                          f'opacity="{values[-1]}">{play}</rect>')
    return (f'<path class="grid" d="M{left:g} {top:g}h{size:g}v{size:g}h-{size:g}z"/>\n'
            f'<svg x="{left:g}" y="{top:g}" width="{size:g}" height="{size:g}" '
            f'viewBox="0 0 {n} {n}" shape-rendering="crispEdges">\n{"".join(rectangles)}</svg>\n')


def grey(images, names, columns):
    """Lines of text, at most `columns` wide: images (k, n, n) side by side, each with its name.

    A pixel is two characters side by side, which is about a square. If that is too wide, a
    character is two pixels, one above the other.
    """
    k, n, _ = images.shape
    if 2 * n <= columns:
        cells = images.repeat(2, axis=2)
    else:
        cells = images[:, :n // 2 * 2].reshape(k, n // 2, 2, n).mean(axis=2)
    pictures = SHADES[(np.clip(cells, 0, 1) * (len(SHADES) - 1)).round().astype(int)]
    width = pictures.shape[2]
    in_row = max(1, (columns + 2) // (width + 2))       # two blanks between
    lines = []
    for first in range(0, k, in_row):
        row = slice(first, first + in_row)
        blocks = [["".join(line) for line in picture]
                  + [line.center(width) for line in textwrap.wrap(name, width)]
                  for picture, name in zip(pictures[row], names[row])]
        height = max(map(len, blocks))
        blocks = [block + [" " * width] * (height - len(block)) for block in blocks]
        if lines:
            lines.append("")            # between two rows of images
        lines += ["  ".join(line).rstrip() for line in zip(*blocks)]
    return lines
