"""app/files/points_out.py: points to files, with as many digits as they need."""
import tracemalloc

import numpy as np
import pytest

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.points import read_points
from scratchdiff.app.files.points_out import number_format, points_file

MADE = np.random.default_rng(0).standard_normal((3000, 2)).astype(np.float32)
BLOCKS = [np.array([[1.0, 0.1], [2.0, -1 / 3]]), np.array([[1e-9, 12345678.0]])]


def write(path, blocks, *rest, **options):
    with points_file(path and str(path), sum(map(len, blocks)), *rest, **options) as write_block:
        for block in blocks:
            write_block(block)


def test_csv_to_a_file_and_to_standard_output(tmp_path, capsys):
    for path in (tmp_path / "p.csv", None):
        write(path, BLOCKS, np.zeros(2), 1.0)
    want = "1,0.1\n2,-0.333333333\n1e-09,12345678\n"
    assert (tmp_path / "p.csv").read_text() == capsys.readouterr().out == want


def test_names_and_a_label(tmp_path, capsys):
    options = dict(names=("x, in m", "y"), label=(1, "kind", "100% #1"))
    for path in (tmp_path / "p.csv", None):
        write(path, BLOCKS[:1], np.zeros(2), 1.0, **options)
    want = '"x, in m",kind,y\n1,"100% #1",0.1\n2,"100% #1",-0.333333333\n'
    assert (tmp_path / "p.csv").read_text() == capsys.readouterr().out == want
    write(tmp_path / "p.csv", BLOCKS[:1], np.zeros(2), 1.0, label=(2, None, "a"))
    assert (tmp_path / "p.csv").read_text() == "1,0.1,a\n2,-0.333333333,a\n"


def test_nothing_is_printed_before_there_are_points(capsys):
    """If the points cannot be made, an error stands alone, with no line of names above it."""
    write(None, [], np.zeros(2), 1.0, names=("x", "y"))
    assert capsys.readouterr().out == ""


def test_npy(tmp_path):
    write(tmp_path / "p.npy", BLOCKS, np.zeros(2), 1.0, names=("x", "y"), label=(0, "kind", "a"))
    assert np.array_equal(np.load(tmp_path / "p.npy"), np.concatenate(BLOCKS))


def test_around_0_the_same_float32_comes_back(tmp_path):
    write(tmp_path / "p.csv", [MADE], np.zeros(2), 1.0)
    assert np.array_equal(read_points(str(tmp_path / "p.csv")).points.astype(np.float32), MADE)


@pytest.mark.parametrize("center, scale", [
    ([1.7e9, 1.7e9], [1800, 50]), ([1.75, 5e4], [0.1, 15_000]), ([1e99, -1e-99], [1e98, 1e-100])])
def test_far_from_0_no_digit_of_the_spread_is_lost(tmp_path, center, scale):
    """Within 1e-8 of the scale, a sixth of what tells two float32 near 1 apart."""
    center, scale = np.array(center), np.array(scale)
    write(tmp_path / "p.csv", [MADE * scale + center], center, scale)
    back = (read_points(str(tmp_path / "p.csv")).points - center) / scale
    assert np.abs(back - MADE).max() < 1e-8


def test_a_constant_column_stays_what_it_is(tmp_path):
    points = np.column_stack([np.full(9, 123456789.1), np.arange(9.0)])
    write(tmp_path / "p.csv", [points], points.mean(axis=0), np.array([0.0, 1.0]))
    assert np.array_equal(read_points(str(tmp_path / "p.csv")).points, points)


def test_how_many_digits():
    assert [number_format(center, 1800.0) for center in (0.0, 1800.0, -1.7e9, 1.7e15)] == [
        "%.9g", "%.10g", "%.15g", "%r"]


def test_files_that_were_written_are_read_as_they_were(tmp_path):
    first = tmp_path / "first.csv"
    first.write_text(',x,"kind, or sort","the ""y"""\n0,1.5,a b,2\n1,2.5,c,3\n2,3.5,a b,5\n')
    points = read_points(str(first), "kind, or sort")
    label = (points.label_place, points.label_name, "a b")
    write(tmp_path / "p.csv", [points.points], np.zeros(2), 1.0, names=points.names, label=label)
    with open(tmp_path / "p.csv", "a") as file:
        file.write("7,c,8\n")
    again = read_points(str(tmp_path / "p.csv"), "kind, or sort")
    assert again.labels == 3 * ["a b"] + ["c"] and np.array_equal(again.points[:3], points.points)
    assert (again.names, again.label_place, again.label_name) == (points.names, *label[:2])


def test_memory_does_not_grow(tmp_path):
    """Less than that of all blocks as numbers, let alone as text."""
    tracemalloc.start()
    write(tmp_path / "p.csv", 10 * [MADE.astype(float)], np.zeros(2), 1.0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 8 * MADE.size * 8


def test_a_file_is_whole_or_not_there(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with points_file(str(tmp_path / "p.csv"), 9, np.zeros(2), 1.0) as write_block:
            write_block(BLOCKS[0])
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(CommandError, match="cannot write .*p.csv: No such file or directory"):
        write(tmp_path / "no" / "p.csv", BLOCKS, np.zeros(2), 1.0)
