"""A line on the terminal that is rewritten in place while something takes time, and is gone at the end."""
import os
import sys


class Progress:
    """A progress line on stderr, if that is a terminal; otherwise nothing. Use as a context manager."""

    def __init__(self, total):
        self.total = total
        self.live = sys.stderr.isatty()
        self.shown = 0                  # characters that stand on the line now

    def show(self, done, text):
        if self.live:
            columns = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            room = max(0, min(40, columns - len(text) - 2))
            filled = room * done // self.total
            line = ("=" * filled + "." * (room - filled) + " " + text)[:columns - 1]
            self.clear()
            print("\r" + line, end="", file=sys.stderr, flush=True)
            self.shown = len(line)

    def clear(self):
        """Take the line away, before something else is printed."""
        if self.shown:
            print("\r" + " " * self.shown + "\r", end="", file=sys.stderr, flush=True)
            self.shown = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()
