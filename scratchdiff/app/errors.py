"""What a command says when it cannot do what it was asked."""

LONGEST = 500           # characters of a message: it may quote a name or a number of any length


class CommandError(Exception):
    """Ends the command with one line on stderr.

    The status is 2 if the person who typed the command can fix it, else 1.
    """

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status


def one_line(text):
    """The text as one printable line. (A file name, for one, may hold any character.)"""
    return "".join(character if character.isprintable()
                   else character.encode("unicode_escape").decode() for character in text)


def shortened(text):
    """The text, without its middle if it is too long for a message."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"
