"""app/files/numbers.py: which cells are numbers, and why others are not."""
import pytest

from scratchdiff.app.files.numbers import (
    MISSING, WORD, decimal_mark, is_word, looks_numeric, number, numbers, shown, why_not)


@pytest.mark.parametrize("cell, value", [
    ("1", 1), ("-4e-2", -0.04), (" +.5\t", 0.5), ("3.", 3), ("1E5", 1e5), ("\u22121.5", -1.5),
    ("\u20131e\u22122", -0.01), ("\uff11\uff12", 12), ("\u0661\u0662", 12), ("007", 7)])
def test_numbers(cell, value):
    assert number(cell, ".") == value and numbers([cell, "2"], ".") == [value, 2]
    assert looks_numeric(cell) and not is_word(cell)


@pytest.mark.parametrize("cell, value", [
    ("0,5", 0.5), ("-1,25e3", -1250), ("7", 7), ("12,345", 12.345)])
def test_numbers_with_decimal_commas(cell, value):
    assert number(cell, ",") == value and numbers([cell, "2"], ",") == [value, 2]


@pytest.mark.parametrize("why, cells", {
    MISSING: ["", " ", "-", "--", ".", "?", "NA", "n/a", "#N/A", "NaN", "nan", "null", "NULL",
              "None", "<NA>", "\u2212"],
    "which is not finite": ["inf", "-Infinity", "∞", "#DIV/0!"],
    "which has thousands separators, or another decimal mark than the rest": [
        "1,234", "12,345,678", "1,234.5", "1.234,5", "1.234.567", "1'234", "1 234", "1\u00a0234.5",
        "1_000", "2_0"],
    "which has another decimal mark than the rest": ["0,5", "12,3456", "-,5"],
    "which is not a decimal number": ["0x10", "0b11"],
    "which has Fortran's exponent (write e for d)": ["1d3", "1.5D-3"],
    "which has a symbol beside the number": ["$1", "€ 1.50", "10%", "5 °"],
    WORD: ["upper", "1.5 cm", "1+2j", "10:30", "2020-01-02", "10\u00b2", "1e", "one\ntwo",
           "x" * 300, "1" * 100_000 + "x"]}.items())
def test_what_is_no_number_and_why(why, cells):
    for cell in cells:
        assert why_not(cell) == why, cell
        for read in (lambda: number(cell, "."), lambda: numbers(["1", cell], ".")):
            with pytest.raises(ValueError) as caught:
                read()
            assert str(caught.value) == f"{shown(cell)}, {why}"


@pytest.mark.parametrize("cell", [",5", "5,", "1,2,3", "1.5", "1,-5", "1 5", ""])
def test_what_is_no_number_with_decimal_commas(cell):
    with pytest.raises(ValueError):
        numbers(["1,5", cell], ",")


def test_a_point_among_decimal_commas_is_refused():
    with pytest.raises(ValueError, match="'1.5', which has another decimal mark than the rest"):
        number("1.5", ",")
    with pytest.raises(ValueError, match="'1.234', which has thousands separators, or another"):
        number("1.234", ",")


@pytest.mark.parametrize("cells, mark", [
    (["1.5", "2"], "."), (["1", "2", "3.5"], "."),
    (["1,5", "2"], ","), (["1,234", "0,567"], ","), (["1700,123"], ","),
    (["1,234", "5,678"], "."), (["1,5", "2.5", "3.5"], "."), (["1,234", "0.5"], "."), ([], ".")])
def test_the_decimal_mark(cells, mark):
    """1,234 may be a thousand or one and a bit: only other numbers can tell."""
    assert decimal_mark(cells) == mark


def test_words():
    assert is_word("upper")
    assert not any(map(is_word, ("NA", "", "7", "1,234", "10%")))


def test_a_word_for_a_message_is_cut():
    assert shown("a" * 50) == f"'{'a' * 40}'..."
    assert shown(" a\n b") == "'a b'" and shown(" ") == "nothing"
