"""app/files/table.py: separators, quotes and headers."""
import pytest

from scratchdiff.app.files.table import SAMPLE, are_names, read_table
from scratchdiff.app.files.text import text_lines

ROWS = [["1", "2.5"], ["3", "4"], ["-5", "6"]]


def table(text):
    return read_table(text_lines([text.encode()]))


def cells(text):
    return [[cell.strip() for cell in row] for _, row in table(text).rows]


def said_of(text):
    with pytest.raises(ValueError) as caught:
        list(table(text).rows)
    return str(caught.value)


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", ", "   ", " \t ", "  ;  ", " , "])
def test_separators(separator):
    lines = [separator.join(row) for row in ROWS]
    assert cells("\n".join(lines)) == ROWS
    if separator.strip() or separator == " ":
        assert cells("\n".join(["x" + separator + "y"] + lines)) == ROWS


@pytest.mark.parametrize("text, want", [
    ("0,5;1,5\n2,5;3", [["0,5", "1,5"], ["2,5", "3"]]),
    ("0,5 1,5\n2,5 3,1", [["0,5", "1,5"], ["2,5", "3,1"]]),
    ("1,2,a;b\n3,4,c d", [["1", "2", "a;b"], ["3", "4", "c d"]]),
    ("a b;1;2\nc;3;4", [["a b", "1", "2"], ["c", "3", "4"]]),
    ("x,y\n1,2\n3,\n", [["1", "2"], ["3", ""]]),
    ("1 234;5 678", [["1 234", "5 678"]]),
    ("7\n8", [["7"], ["8"]]), ("the name\n7", [["7"]]), ("1,2\n3", [["1", "2"], ["3"]])])
def test_the_separator_is_the_one_that_makes_most_numbers(text, want):
    assert cells(text) == want


@pytest.mark.parametrize("text, want", [
    ('"1","2"\n"3","4"', [["1", "2"], ["3", "4"]]), ('"x, in m","y"\n1,2', [["1", "2"]]),
    ('1,"a ""b"", c"\n2,d', [["1", 'a "b", c'], ["2", "d"]]), ('"x\n(m)",y\n1,2', [["1", "2"]]),
    ('"1" 2\n"3" 4', [["1", "2"], ["3", "4"]])])
def test_quotes(text, want):
    assert cells(text) == want


@pytest.mark.parametrize("text, line", [
    ('"x,y\n1,2\n3,4', 0), ('1,2\n"3,4\n5,6\n7,8\n9,10\n11","12"', 1), ('1,2\n"3"x,4', 1)])
def test_quotes_that_do_not_match(text, line):
    """A stray quote must not swallow points."""
    assert said_of(text).startswith(f"after line {line}: its quotes do not match (")


@pytest.mark.parametrize("row", [
    "x,y", ",x", "x (m),y (m)", "°C,Δt", "_a1,b_2", "Unnamed: 0,x", "RI,Na,Mg", "x,%", ",0,1,2"])
def test_names(row):
    assert are_names(row.split(","))


@pytest.mark.parametrize("row", [
    "0x10,0x20", "1_000,2_0", "\u22121,\u22122", "$1,$2", "10%,20%", "NA,NA", "1d3,2d3", "1,2",
    "inf,nan", "x,2", "upper,NA", ",", "-,-", "1st,2nd", "0,1", ",1,2"])
def test_what_are_no_names(row):
    """What is taken for a header is lost as a point."""
    assert not are_names(row.split(","))


def test_a_header():
    got = table("# c\nx, y\n1,2\n3,4")
    assert (got.header, got.names, got.width, got.mark) == (2, ["x", "y"], 2, ".")
    assert [line for line, _ in got.rows] == [3, 4] and got.notes() == ["line 2 is a header"]
    got = table("1;2,5\n3;4,5")
    assert (got.header, got.names, got.mark) == (None, None, ",")
    assert got.notes() == ["with decimal commas"]


def test_a_header_that_does_not_fit():
    assert said_of("x\n0,50\n0,41") == "line 1 has 1 name, line 2 has 2 columns (decimal commas?)"
    assert said_of("x,y\n1\n2") == "line 1 has 2 names, line 2 has 1 column"
    assert said_of("x\ty\tz\n1\t2\n3\t4") == "line 1 has 3 names, line 2 has 2 columns"
    got = table("x y\n1 2.5 3.5\n2 4 5")
    assert got.row_names and got.names == ["", "x", "y"], "R has no name for the names of its rows"


def test_doubts_are_said():
    assert table("0,1\n0.5,1.5").notes() == ["line 1 is read as a point, not as column numbers"]
    assert table("1,00\n0,07").notes() == ["some numbers begin with a 0: are these decimal commas?"]
    assert table("1.5,00\n0,07").notes() == [] == table("0,1\n5,3").notes()


def test_too_many_columns():
    row = ",".join(["1"] * 5000) + "\n"
    assert said_of(2 * row) == "line 1 has 5000 columns, at most 100 are allowed (transposed?)"
    row = ",".join(["1"] * 101) + "\n"
    assert said_of(SAMPLE * row) == "line 1 has 101 columns, at most 100 are allowed"
    assert len(cells(row[2:])[0]) == 100


def test_no_points():
    assert said_of("") == said_of("\n \n") == said_of("# c") == "it holds no points"
    assert said_of("x,y\n") == "it holds no points: nothing comes after line 1, a header"
