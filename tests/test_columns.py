"""app/files/columns.py: which column is an index, which the label."""
from itertools import chain, count

import numpy as np
import pytest

from scratchdiff.app.files.columns import (
    MOST_LABELS, Labels, counts, index_columns, label_column, maybe_index)

NAMES = ["x", "y", "kind", "kind"]


def said_of(function, *arguments):
    with pytest.raises(ValueError) as caught:
        function(*arguments)
    return str(caught.value)


def test_the_label_is_a_name_or_a_number_from_1():
    assert label_column(None, NAMES, 4) is None
    assert label_column("y", NAMES, 4) == 1
    assert label_column("2", None, 2) == label_column(2, None, 2) == 1
    assert label_column("2", ["1", "a", "2"], 3) == 2, "a name comes first"
    for label in ("z", "0", "5", "", "9" * 5000):
        assert said_of(label_column, label, NAMES, 4).endswith(
            "for the label, but 4 columns named 'x, y, kind, kind'")
    assert said_of(label_column, "z", None, 2) == (
        "it has no column 'z' for the label, but 2 columns without names")
    assert said_of(label_column, "kind", NAMES, 4) == (
        "2 columns are named 'kind': choose the label by the number of its column, from 1")
    assert said_of(label_column, "x", ["x"], 1) == "its only column cannot be the label"


def labels_of(cells):
    labels = Labels("column 3 (kind)")
    for row, cell in enumerate(cells):
        labels.add(cell, f"row {row}")
    labels.finish()
    return labels.of_rows


def test_labels_are_words_or_numbers():
    assert labels_of(["a", " 1 ", "b\n c", "a", "1"]) == ["a", "1", "b c", "a", "1"]
    first, *_, last = labels_of([str(k % 2) * 1000 for k in range(3)])
    assert first is last, "in memory only once"


@pytest.mark.parametrize("cells, said", [
    (["a", "a"], "has only one label, 'a', which tells nothing apart: leave it out of the file"),
    (["a", "b"], "has a different label in every row, so the labels form no groups"),
    (["a", "b", "c"], "has a different label in every row, so the labels form no groups"),
    (map(str, count()), "has a different label in every row, so the labels form no groups"),
    (chain("0", map(str, count())), f"has more than {MOST_LABELS} different labels")])
def test_what_is_no_label(cells, said):
    """Without waiting for the end, which these may not have."""
    assert said_of(labels_of, iter(cells)) == f"column 3 (kind) {said}"


def test_a_missing_label():
    assert said_of(labels_of, ["a", "NA"]) == "row 1: column 3 (kind) holds 'NA', a missing value"
    assert said_of(labels_of, ["a", " "]) == "row 1: column 3 (kind) holds nothing, a missing value"


X = np.array([0.5, 0.25, 1.5])


def found(names, *columns):
    points = np.column_stack([*columns, X])
    return index_columns(points, list(range(points.shape[1])), names and [*names, "x"])


def test_an_index():
    assert found([""], [0, 1, 2]) == found(["Index"], [1, 2, 3]) == found(["id"], [0, 1, 2]) == 1
    assert found([""], [7, 3, 3]) == 1, "of a data frame that was shuffled and cut"
    assert found(["Unnamed: 0.1", "Unnamed: 0"], [0, 1, 2], [0, 1, 2]) == 2


def test_what_is_no_index():
    assert found(None, [0, 1, 2]) == 0, "no column is lost because of its numbers alone"
    assert found(["t"], [0, 1, 2]) == found(["id"], [7, 3, 5]) == found(["index"], [2, 3, 4]) == 0
    assert found(["a", ""], X, [0, 1, 2]) == 0
    assert index_columns(np.arange(3.0)[:, None], [0], ["index"]) == 0, "one coordinate stays"
    assert said_of(found, [""], X) == (
        "column 1 has no name. It is not an index, because not all its numbers are whole: "
        "name it, or leave it out")


def test_counting():
    assert counts(np.arange(5.0)) and counts(np.arange(1.0, 5.0))
    assert not counts(np.array([0, 2, 3])) and not counts(np.array([2, 3])) and not counts(X)


def test_what_may_be_an_index_is_asked():
    points = np.column_stack([[3, 4, 5, 7, 8], np.random.default_rng(0).random(5)])
    assert maybe_index(points, None) and maybe_index(points[::-1], ("id", "x"))
    assert not maybe_index(points[:, ::-1], None) and not maybe_index(points[::-1], None)
    assert not maybe_index(points[:, :1], None), "the only coordinate is none"
