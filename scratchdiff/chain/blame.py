"""Which line of the project raised an exception."""
import traceback
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
# The code in these places raises when its caller is wrong. So the line to show is the caller's.
GUARDS = {PACKAGE / "nn" / name for name in ("expect.py", "gradcheck.py", "checker")}


def in_a_line(error):
    """What an exception says, and the line of the project's code that is to blame, in one line."""
    steps = list(traceback.walk_tb(error.__traceback__))        # [(frame, line number), ...]
    blamed = [step for step in steps if can_be_blamed(step[0])]
    frame, line = (blamed or steps)[-1]                         # the innermost call
    place = f"{function_name(frame)}, {file_of(frame).name} line {line}"
    return f"{type(error).__name__}: {error} (in {place})"


def can_be_blamed(frame):
    path = file_of(frame)
    return PACKAGE in path.parents and not GUARDS & {path, path.parent}


def file_of(frame):
    return Path(frame.f_code.co_filename)


def function_name(frame):
    """`Linear.backward` for a method, `worst` for a function."""
    name = frame.f_code.co_name
    if "self" in frame.f_locals:
        return f"{type(frame.f_locals['self']).__name__}.{name}"
    return name
