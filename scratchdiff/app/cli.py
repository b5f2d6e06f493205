"""The command line: find the command, run it, and say how it ended."""
import os
import sys
import warnings
from contextlib import suppress
from importlib import import_module

from scratchdiff.app.arguments import COMMANDS
from scratchdiff.app.errors import CommandError, one_line, shortened
from scratchdiff.app.signals import ignore


def main(arguments=None):
    """Run a command and return its exit status.

    However the command ends, at most one line goes to stderr. Another program may call main: its
    signal handlers and its streams are left as they were.

    arguments : the words after the program's name; those of sys.argv if None
    """
    said = None
    try:
        status = run_command(list(map(str, sys.argv[1:] if arguments is None else arguments)))
        print(end="", flush=True)
    except SystemExit as end:           # argparse, after --help
        status = end.code
    except CommandError as error:
        said, status = f"error: {error}", error.status
    except MemoryError as error:
        said, status = f"error: not enough memory: {error}", 2
    except KeyboardInterrupt as error:
        said, status = " ".join(["interrupted", *map(str, error.args)]), 130
    except BrokenPipeError:             # the reader of our output has seen enough
        status = 141                    # as if SIGPIPE had ended the program
    except OSError as error:
        said, status = f"error: cannot write to standard output: {error.strerror}", 1
    ignore()                            # from here on, Ctrl-C could only spoil the last line
    if said and sys.stderr:
        with suppress(OSError):         # if stderr is full or closed, only the status tells
            print(f"scratchdiff: {one_line(shortened(said))}", file=sys.stderr)
    return status


def run_command(arguments):
    """Run the command that the arguments name, and return its exit status.

    Only the modules that this command needs are imported.
    """
    name = arguments.pop(0) if arguments and arguments[0] in COMMANDS else "run"
    parser, module, _ = COMMANDS[name]
    options = parser().parse_args(arguments)
    command = getattr(import_module(module), name)
    with warnings.catch_warnings():
        # NumPy warns of overflows. The commands check their numbers, and say what is wrong.
        warnings.simplefilter("ignore", RuntimeWarning)
        return command(options) or 0


def program():
    """main(), called when nothing else uses this process or its standard streams."""
    open_missing_streams()
    sys.stdout.reconfigure(errors="backslashreplace")   # a name of a file or a column may need it
    status = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:                 # main has said so; Python must not say it again
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return status


def open_missing_streams():
    """Open the null device for each standard stream that was closed when the program started."""
    for name, mode in [("stdin", "r"), ("stdout", "w"), ("stderr", "w")]:
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))


if __name__ == "__main__":              # python -m scratchdiff.app.cli
    import runpy
    runpy.run_module("scratchdiff", run_name="__main__", alter_sys=True)
