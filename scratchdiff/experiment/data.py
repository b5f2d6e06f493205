"""What a run learns: a built-in shape, or a person's own points."""
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from scratchdiff.beyond.prompts import DROP, Vocabulary, drop_prompts
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.shapes import SHAPES, Standard

OWN = "points"          # the name of data that is not a built-in shape
LISTED = 20             # labels in an error message, at most
PART = "part"           # the name of a shape's label column: each point belongs to a part


@dataclass(frozen=True)
class Data:
    """A distribution to learn, in standard form. With labels, one distribution for each label."""

    name: str                   # of a shape, or OWN
    d: int                      # coordinates of a point
    draw: Callable              # (n, rng) -> (n, d) float32 points to learn from
    real: Callable              # (n, rng) -> at most n points to compare with, never learned from
    standard: Standard          # the map between standard form and the points as they were given
    exact: Callable             # (schedule, k=None) -> the perfect denoiser of all points, or of
                                # those with label k; None if it is not known
    points: np.ndarray = None   # (n, d) the person's own points, as given; None for a shape
    names: tuple = None         # of the d columns, if the file has names
    said: str = ""              # how the file was read, in a line
    labels: tuple = ()          # the different labels, which are the prompts; empty without --label
    draw_labelled: Callable = None      # like draw, but also returns (n,) ints: which labels
    real_with_label: Callable = None    # (k, n, rng) -> at most n real points of label k,
                                        # learned or not
    label_numbers: np.ndarray = None    # (n,) ints: which of the labels each own point has
    label_column: tuple = None          # (place, name) of the column of own labels

    @cached_property
    def vocabulary(self):
        return Vocabulary(self.labels)

    @property
    def columns(self):
        """The width of a prompt's row: 0 without labels."""
        return len(self.vocabulary)

    def rows(self, prompts):
        """The rows of some labels, (n, columns). ValueError for a prompt that is not a label."""
        for prompt in prompts:
            if prompt not in self.labels:
                others = len(self.labels) - LISTED
                raise ValueError(f'"{prompt}" is not a prompt here; there are: '
                                 + ", ".join(self.labels[:LISTED])
                                 + f" and {others} more" * (others > 0))
        return self.vocabulary.rows(prompts)

    def prompts_of_walks(self, numbers):
        """The prompts, (m, columns), that a student's teacher gets on the walks numbered so.

        Walk 0 gets the first label, walk 1 the second, and so on. After the last label comes a walk
        without a prompt, and then the first label again.
        """
        rows = self.vocabulary.rows([*self.labels, ""])
        return rows[numbers % len(rows)]

    def prompted(self, n, rng):
        """Points to learn from, (n, d), and their prompts, (n, columns), some of them dropped.

        Both are float32. fast/batches.py makes batches of them.
        """
        x0, k = self.draw_labelled(n, rng)
        return x0, drop_prompts(self.vocabulary.rows(self.labels)[k], DROP, rng)


def shape_data(name, labels=False):
    """The Data of a built-in shape, with the names of its parts as labels if they are wanted."""
    shape = SHAPES[name]

    def exact(schedule, k=None):
        some = shape if k is None else shape.part(k)
        return ExactDenoiser(schedule, some.grid, some.standard_width)

    data = Data(name, 2, partial(shape.draw, dtype=np.float32), shape.draw,
                Standard(np.zeros(2), np.ones(2)), exact)
    if not labels:
        return data
    if not shape.names:
        having = ", ".join(name for name in SHAPES if SHAPES[name].names)
        raise ValueError(f"the {name} has no parts with names; these have: {having}")
    return replace(data, labels=shape.names,
                   draw_labelled=partial(shape.draw_labelled, dtype=np.float32),
                   real_with_label=lambda k, n, rng: shape.part(k).draw(n, rng))


def own_data(points, rng, names=None, said="", labels=None, label_column=None):
    """The Data of a person's points (n, d), n at least 2.

    A tenth of the points, drawn at random, is held back to compare with (at most 2000). The run
    learns from the rest. With fewer than 20 points, none is held back.

    labels : a label for each point, n str; None without labels. At least one point of each label
        stays among the points to learn from.
    label_column : (place, name) of their column: how many of the d columns stand before it
    """
    standard = Standard.of(points)
    order = rng.permutation(len(points))
    different = sorted(set(labels or ()))
    if labels:
        number = {word: k for k, word in enumerate(different)}
        label_numbers = np.array([number[word] for word in labels], np.int64)
        # The first of each label goes to the end, where the learned ones are.
        _, first = np.unique(label_numbers[order], return_index=True)
        order = np.append(np.delete(order, first), order[first])
    count = min(len(points) // 10, 2000, len(points) - len(different)) if len(points) >= 20 else 0
    shuffled = standard.forth(points[order])
    held_back, learned = shuffled[:count], shuffled[count:].astype(np.float32)

    def some(n, rng):
        return rng.integers(len(learned), size=n)

    data = Data(OWN, points.shape[1], lambda n, rng: learned[some(n, rng)],
                lambda n, rng: held_back[:n], standard, None, points, names, said)
    if not labels:
        return data
    of_learned = label_numbers[order[count:]]

    def draw_labelled(n, rng):
        rows = some(n, rng)
        return learned[rows], of_learned[rows]

    def real_with_label(k, n, rng):
        own = np.flatnonzero(label_numbers == k)
        return standard.forth(points[rng.permutation(own)[:n]])

    return replace(data, labels=tuple(different), draw_labelled=draw_labelled,
                   real_with_label=real_with_label, label_numbers=label_numbers,
                   label_column=label_column)
