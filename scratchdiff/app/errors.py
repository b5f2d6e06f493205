"""How a command ends when it cannot do what it was asked, and what it says then."""
import signal

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)        # Ctrl-C; and what `timeout` and the like send first, to end us in order


class CommandError(Exception):
    """Ends the command with one line on stderr: status 2 if the person who typed it can mend it, else 1."""

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status


def one_line(text):
    """The text as one line that can be printed, whatever is in it: a file's name may hold anything."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
