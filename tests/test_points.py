"""app/points.py: points from files of all kinds, and what is said of those that are none."""
import io
import sys

import numpy as np
import pytest

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.points import points_file, read_points
from scratchdiff.measure.shapes import SHAPES

TWO = [[1.0, 2.0], [3.5, -4e-2]]


def read(tmp_path, content, name="p.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_points(str(path)).tolist()


def complaint(tmp_path, content, name="p.csv"):
    with pytest.raises(CommandError) as caught:
        read(tmp_path, content, name)
    assert caught.value.status == 2
    message = str(caught.value)
    assert message.startswith(f"cannot use {tmp_path / name}: ") and "\n" not in message
    return message.split(": ", 1)[1]


@pytest.mark.parametrize("text", [
    "1,2\n3.5,-4e-2\n", "1,2\n3.5,-4e-2", "1, 2\r\n3.5 ,-4e-2\r\n", "1\t2\n3.5\t-4e-2\n", "  1   2\n 3.5 \t -4e-2 \n",
    "x,y\n1,2\n3.5,-4e-2\n", "x y\n1 2\n3.5 -4e-2\n", "# made by hand\n\n1,2  # the first\n\n3.5,-4e-2\n", "\ufeff1,2\n3.5,-4e-2\n",
    '"some name"\n1,2\n3.5,-4e-2\n'])
def test_text_of_all_kinds(tmp_path, text):
    for name in ("p.csv", "p.tsv", "p.TXT"):
        assert read(tmp_path, text, name) == TWO


def test_any_number_of_columns(tmp_path):
    assert read(tmp_path, "1\n2\n3\n") == [[1.0], [2.0], [3.0]]
    assert read(tmp_path, "1,2,3\n4,5,6\n") == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert read(tmp_path, "1,7\n2,7\n") == [[1.0, 7.0], [2.0, 7.0]], "a column that never varies is fine if another does"


def as_npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("array", [np.array(TWO), np.asfortranarray(TWO), np.array(TWO, ">f8")])
def test_npy(tmp_path, array):
    assert read(tmp_path, as_npy(array), "p.npy") == TWO


def test_npy_of_integers_of_single_precision_and_of_one_axis(tmp_path):
    assert read(tmp_path, as_npy(np.array([[1, 2], [3, 4]], np.uint8)), "p.npy") == [[1.0, 2.0], [3.0, 4.0]]
    assert read(tmp_path, as_npy(np.array([[0.5], [1.5]], np.float32)), "p.npy") == [[0.5], [1.5]]
    assert read(tmp_path, as_npy(np.array([1.0, 2.0])), "p.npy") == [[1.0], [2.0]]


@pytest.mark.parametrize("data", [b"1,2\n3.5,-4e-2\n", as_npy(np.array(TWO))])
def test_standard_input(monkeypatch, data):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert read_points("-").tolist() == TWO


APART = " (numbers must be apart by commas, tabs or blanks"


@pytest.mark.parametrize("text, said", [
    ("", "it is empty"), ("\n \n", "it is empty"), ("# nothing\n", "it holds comments only"),
    ("x,y\n", "it holds no points: line 1 is no row of numbers, and nothing comes after it"),
    ("1,2\n", "it holds 1 point, there must be two or more"),
    ("x,y\n1,2\n", "it holds 1 point, there must be two or more"),
    ("1,2\n3\n", "line 2 has 1 column, line 1 has 2"), ("x,y\n# c\n1,2\n3,4,5\n", "line 4 has 3 columns, line 3 has 2"),
    ("1,2\n3,four\n", f"line 2: 'four' is not a number{APART})"),
    ("1,2\n\n3,\n", "line 3 has an empty column: is there a comma or a tab too many?"),
    ("1,2,\n3,4,\n", "line 1 has an empty column: is there a comma or a tab too many?"),
    ("1;2\n3;4\n", f"line 2: '3;4' is not a number{APART}; line 1 was taken for a header)"),
    ("1,two\n3,4\n", f"line 1: 'two' is not a number{APART})"),
    ("# c\nx,y\nz,w\n1,2\n", f"line 3: 'z' is not a number{APART}; line 2 was taken for a header)"),
    ("1,2\n3,0x10\n", f"line 2: '0x10' is not a number{APART})"), ("1,2\n3,1_0\n", f"line 2: '1_0' is not a number{APART})"),
    ("1,2\nnan,4\n5,6\n", "line 2 holds nan: every number must be finite, and no larger than 1e+100"),
    ("x,y\n1,2\n\n3,-inf\n", "line 4 holds -inf: every number must be finite, and no larger than 1e+100"),
    ("1,2\n3,1e101\n", "line 2 holds 1e+101: every number must be finite, and no larger than 1e+100"),
    ("1,2\n1,2\n1,2\n", "all its points are equal"), ("1 2\n3,4\n", "line 2 has 1 column, line 1 has 2")])
def test_text_that_is_no_points(tmp_path, text, said):
    assert complaint(tmp_path, text) == said


@pytest.mark.parametrize("data, said", [
    (bytes(range(128, 256)) * 4, "it is not text (byte 0 is not UTF-8)"), (b"1,2\n\0\0\0\0\n", "it is not text (it holds zero bytes)"),
    ("1,2\n".encode("utf-16"), "it is not text (byte 0 is not UTF-8)")])
def test_bytes_that_are_no_text(tmp_path, data, said):
    assert complaint(tmp_path, data) == said


@pytest.mark.parametrize("data, said", [
    (b"1,2\n", "it is not a .npy file, or its header is damaged"), (as_npy(np.array(TWO))[:-3], "its size does not fit its header"),
    (as_npy(np.array([None, 1])), "it holds object where numbers are wanted"),
    (as_npy(np.array([1j, 2])), "it holds complex128 where real numbers are wanted"),
    (as_npy(np.array(["a", "b"])), "it holds <U1 where real numbers are wanted"),
    (as_npy(np.array([True, False])), "it holds bool where real numbers are wanted"),
    (as_npy(np.ones((2, 2, 2))), r"its shape is (2, 2, 2), it must be (points, coordinates)"),
    (as_npy(np.ones((2, 0))), r"its shape is (2, 0), it must be (points, coordinates)"),
    (as_npy(np.array(5.0)), r"its shape is (), it must be (points, coordinates)"),
    (as_npy(np.ones((0, 2))), "it holds 0 points, there must be two or more"),
    (as_npy(np.array([[1.0, 2.0], [np.inf, 3.0]])), "row 1 holds inf: every number must be finite")])
def test_npy_that_is_no_points(tmp_path, data, said):
    assert complaint(tmp_path, data, "p.npy").startswith(said)


def test_names_that_cannot_be(tmp_path):
    for name in ("circel", "points.xls", str(tmp_path / "p")):
        with pytest.raises(CommandError, match=f"cannot read {name}: it must be a file whose name ends in .csv, .tsv, .txt, .npy; "
                                               f"or one of the shapes {', '.join(SHAPES)}$"):
            read_points(name)
    with pytest.raises(CommandError, match="cannot read .*: Is a directory"):
        read_points(str(tmp_path))
    with pytest.raises(CommandError, match="cannot read .*no.csv: No such file or directory"):
        read_points(str(tmp_path / "no.csv"))


BLOCKS = [np.array([[1.0, 0.1], [2.0, -1 / 3]]), np.array([[1e-9, 12345678.0]])]


def test_out_as_csv(tmp_path, capsys):
    for path in (str(tmp_path / "p.csv"), None):
        with points_file(path, 3, 2) as write:
            for block in BLOCKS:
                write(block)
    want = "1,0.1\n2,-0.33333333\n1e-09,12345678\n"
    assert (tmp_path / "p.csv").read_text() == capsys.readouterr().out == want


def test_out_as_npy(tmp_path):
    with points_file(str(tmp_path / "p.npy"), 3, 2) as write:
        for block in BLOCKS:
            write(block)
    assert np.array_equal(np.load(tmp_path / "p.npy"), np.concatenate(BLOCKS))


def test_out_and_in_again(tmp_path):
    for name in ("p.csv", "p.npy"):
        with points_file(str(tmp_path / name), 3, 2) as write:
            write(np.concatenate(BLOCKS))
        assert np.allclose(read_points(str(tmp_path / name)), np.concatenate(BLOCKS), rtol=1e-7)
