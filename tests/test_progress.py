"""app/progress.py: a line that is rewritten in place, and gone at the end."""
import io
import os
import sys

from scratchdiff.app.show.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True

    def fileno(self):
        return 2


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


def test_a_line_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size((80, 24)))
    with Progress(10) as progress:
        progress.show(5, "half a long way")
        assert screen(terminal.getvalue()) == "=" * 20 + "." * 20 + " half a long way"
        progress.show(10, "all")
        assert screen(terminal.getvalue()) == "=" * 40 + " all"
        progress.clear()
        assert screen(terminal.getvalue()) == ""
        progress.show(1, "again")
    assert screen(terminal.getvalue()) == "" and "\n" not in terminal.getvalue()


def test_it_fits_a_narrow_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for columns in (20, 13, 5):
        monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size((columns, 24)))
        with Progress(10) as progress:
            progress.show(5, "0123456789")
            assert len(screen(terminal.getvalue())) < columns


def test_it_is_gone_after_an_error_too(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr("os.get_terminal_size", lambda fd: os.terminal_size((80, 24)))
    try:
        with Progress(10) as progress:
            progress.show(5, "half")
            raise ValueError
    except ValueError:
        pass
    assert screen(terminal.getvalue()) == ""


def test_nothing_but_on_a_terminal(capsys):
    with Progress(10) as progress:
        progress.show(5, "half")
    assert capsys.readouterr() == ("", "")
