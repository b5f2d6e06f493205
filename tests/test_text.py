"""app/files/text.py: lines of text from bytes of any encoding and with any line ends."""
import codecs
from itertools import repeat

import pytest

from scratchdiff.app.files.text import LONGEST, encoding, readable, text_lines

NUMBERS = "x,y\n1.5,-2\n3,4\n"


def lines(data, size=None):
    size = size or max(1, len(data))
    return list(text_lines(data[k:k + size] for k in range(0, len(data), size)))


def said_of(data):
    with pytest.raises(ValueError) as caught:
        lines(data)
    return str(caught.value)


WANT = [(1, "x,y"), (2, "1.5,-2"), (3, "3,4")]


@pytest.mark.parametrize("name, mark", [
    ("utf-8", b""), ("utf-8", codecs.BOM_UTF8), ("utf-16-le", b""), ("utf-16-be", b""),
    ("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE), ("utf-32-le", b""),
    ("utf-32-be", b""), ("utf-32-le", codecs.BOM_UTF32_LE), ("utf-32-be", codecs.BOM_UTF32_BE)])
@pytest.mark.parametrize("size", [None, 5])
def test_encodings(name, mark, size):
    data = mark + NUMBERS.encode(name)
    assert encoding(data).startswith(name[:6]) and lines(data, max(size or 0, 4) * 2) == WANT


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [None, 1, 7])
def test_line_ends_also_where_a_piece_of_the_file_ends(end, size):
    data = NUMBERS.replace("\n", end).encode()
    assert (lines(data, size) if size != 1 else lines(data, 2)) == WANT
    assert lines(data.rstrip(), size or 7) == WANT, "the last line needs none"


def test_comments_and_blank_lines_are_left_out_but_counted():
    text = "# by hand\n\n1,2  # the first\n \t\n  # indented\n3,4\n"
    assert lines(text.encode()) == [(3, "1,2  "), (6, "3,4")]


def test_what_is_no_comment():
    for text in ('"a # b",1', "1,2#3", "#N/A,1", "1 #DIV/0!"):
        assert lines(text.encode()) == [(1, text)]
    assert lines(b"sep=;\n1;2") == lines(b'"sep=;"\n1;2') == [(2, "1;2")], "a line for Excel"


def test_letters_of_another_code_page():
    [(_, line)] = lines("x (°),grün".encode("cp1252"))
    assert [readable(cell) for cell in line.split(",")] == ["x (°)", "grün"]
    assert readable("  up \n and down ") == "up and down"
    [(_, line)] = lines("grün\xa0blau,2".encode("cp1252"))
    assert readable(line.split(",")[0]) == "grün blau", "a blank of the code page is one, too"


def test_what_is_no_text():
    assert said_of(b"1,2\n\0\0\0\0\n") == "it is not text (it holds zero bytes)"
    damaged = "1,2\n3,4\n".encode("utf-16")[:-1]
    assert said_of(damaged) == "it is not text, or its UTF-16 is damaged after line 1"


def test_a_file_that_is_one_long_line_is_not_read_to_its_end():
    pieces = iter([b"1,2\n"] + 1000 * [b"1" * (LONGEST // 10)])
    with pytest.raises(ValueError, match=f"line 2 has more than {LONGEST} characters"):
        list(text_lines(pieces))
    assert len(list(pieces)) > 900


def test_a_text_without_end_is_not_read_to_its_end():
    """A stream of comments, say, in which no line and no number is too many."""
    with pytest.raises(ValueError, match="it holds more than 100 MB of text"):
        list(text_lines(repeat(b"# " + 2 ** 19 * b"-" + b"\n")))
