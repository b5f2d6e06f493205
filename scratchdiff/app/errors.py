"""How a command ends when it cannot do what it was asked."""


class CommandError(Exception):
    """Ends the command with one line on stderr: status 2 if the person who typed it can mend it, else 1."""

    def __init__(self, message, status=2):
        super().__init__(message)
        self.status = status
