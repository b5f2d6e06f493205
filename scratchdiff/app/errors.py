"""What a command says when it cannot do what it was asked."""

LONGEST = 500           # characters of a message: a name or a number in it may have any length


class CommandError(Exception):
    """Ends the command with one line on stderr: status 2 if whoever typed it can fix it, else 1."""

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status


def one_line(text):
    """The text as one printable line, whatever is in it: the name of a file may hold anything."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode()
                   for sign in text)


def shortened(text):
    """The text, without its middle if it is too long for a message."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"
