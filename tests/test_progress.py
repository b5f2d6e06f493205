"""app/show/progress.py: a line that is rewritten in place and gone at the end; mean losses."""
import io
import os
import sys

import pytest

from scratchdiff.app.show.progress import Progress, terminal_size


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def fileno(self):
        return 2


class Nameless(Terminal):
    """A terminal of a notebook or an editor: it has no number."""

    def fileno(self):
        raise io.UnsupportedOperation("fileno")


def screen(text):
    """What one line of a terminal shows after this was written to it."""
    line = []
    column = 0
    for character in text:
        if character == "\r":
            column = 0
        else:
            line[column:column + 1] = [character]
            column += 1
    return "".join(line).rstrip()


def terminal_of(monkeypatch, columns, terminal=None):
    terminal = terminal or Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size((columns, 24)))
    return terminal


@pytest.mark.parametrize("columns", [80, 120])
def test_a_line_on_a_terminal(monkeypatch, columns):
    terminal = terminal_of(monkeypatch, columns)
    with Progress(10) as progress:
        progress.show(5, "half a long way")
        assert screen(terminal.getvalue()) == "=" * 20 + "." * 20 + " half a long way"
        progress.show(10, "all")
        assert screen(terminal.getvalue()) == "=" * 40 + " all"
        progress.clear()
        assert screen(terminal.getvalue()) == ""
        written = terminal.getvalue()
        progress.clear()
        assert terminal.getvalue() == written, "there is nothing to wipe any more"
        progress.show(1, "again")
    assert screen(terminal.getvalue()) == "" and "\n" not in terminal.getvalue()


@pytest.mark.parametrize("columns, line", [(30, "=" * 9 + "." * 9 + " 0123456789"),
                                           (20, "====.... 0123456789"), (12, " 0123456789"),
                                           (11, " 012345678"), (5, " 012")])
def test_it_fits_a_narrow_terminal(monkeypatch, columns, line):
    """With a column to spare: at the end of the last one, some terminals go to the next line."""
    terminal = terminal_of(monkeypatch, columns)
    with Progress(10) as progress:
        progress.show(5, "0123456789")
        assert screen(terminal.getvalue()) == line and len(line) < columns


def test_it_is_gone_after_an_error_too(monkeypatch):
    terminal = terminal_of(monkeypatch, 80)
    with pytest.raises(ZeroDivisionError), Progress(10) as progress:
        progress.show(5, "half")
        raise ZeroDivisionError
    assert screen(terminal.getvalue()) == ""


def test_a_terminal_without_a_number_has_80_columns(monkeypatch):
    terminal = terminal_of(monkeypatch, 200, Nameless())
    with Progress(10) as progress:
        progress.show(10, "0123456789" * 9)
        assert len(screen(terminal.getvalue())) == 79


def test_the_size_of_a_terminal(monkeypatch):
    terminal_of(monkeypatch, 132)
    assert terminal_size(Terminal()) == (132, 24)
    monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size((0, 0)))
    assert terminal_size(Terminal()) == (80, 24), "some terminals do not know"
    assert terminal_size(Nameless()) == terminal_size(object()) == (80, 24)


def test_a_pipe_has_the_usual_size():
    assert terminal_size(io.StringIO()) == (80, 24)


def test_nothing_but_on_a_terminal(capsys):
    with Progress(10) as progress:
        progress.show(5, "half")
    assert capsys.readouterr() == ("", "")
