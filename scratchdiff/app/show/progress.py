"""A progress line on the terminal, rewritten in place."""
import os
import sys


class Progress:
    """A progress bar on stderr, if stderr is a terminal. A context manager."""

    def __init__(self, total):
        self.total = total
        self.live = sys.stderr.isatty()
        self.shown = 0                  # characters on the line now

    def show(self, done, text):
        """Rewrite the line in place."""
        if self.live:
            columns, _ = terminal_size(sys.stderr)
            room = max(0, min(40, columns - len(text) - 2))
            filled = room * done // self.total
            line = ("=" * filled + "." * (room - filled) + " " + text)[:columns - 1]
            self.clear()
            print("\r" + line, end="", file=sys.stderr, flush=True)
            self.shown = len(line)

    def clear(self):
        """Wipe the line, so that other text can be printed."""
        if self.shown:
            print("\r" + " " * self.shown + "\r", end="", file=sys.stderr, flush=True)
            self.shown = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()


def terminal_size(stream):
    """(columns, lines) of the terminal behind a stream; (80, 24) if the terminal does not say."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (AttributeError, OSError, ValueError):       # no fileno, or no terminal behind it
        return 80, 24
    return columns or 80, lines or 24
