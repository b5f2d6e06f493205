"""The command line for the tests: in this process, which is quick, or in a process of its own."""
import io
import os
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from scratchdiff.app.cli import main

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "scratchdiff"]
SMALL = ["--steps", 40, "--hidden", 8, "--batch-size", 16]     # too short to learn anything

# `python -m scratchdiff` in a process that obeys Ctrl-C, even if the tests themselves ignore it.
# It writes a dot to stderr when its own code begins.
WITH_CTRL_C = [sys.executable, "-c", """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv[0] = "scratchdiff"
from scratchdiff.app import signals
end_at_once = signals.end_at_once
signals.end_at_once = lambda: (end_at_once(), os.write(2, b"."))
runpy.run_module("scratchdiff", run_name="__main__", alter_sys=True)
"""]


def call(*arguments):
    """main() in this process: (exit status, lines on stdout, text on stderr)."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        status = main(arguments)
    return status, out.getvalue().splitlines(), err.getvalue()


def walk_together(patch, count):
    """Let so many points walk together, not 2048, so that a few are made sooner.

    They are other points, since their noise is drawn for a whole block.
    """
    for room in ("fast.blocks", "experiment.model", "app.distill"):
        patch.setattr(f"scratchdiff.{room}.BLOCK", count)


def compare(patch, count):
    """Let a run's report compare so many points with as many real ones, not 2000."""
    for room in ("app.run", "app.distill", "app.show.report"):
        patch.setattr(f"scratchdiff.{room}.COMPARED", count)


def shorten_runs(patch):
    """Make a run's points in small blocks, and measure its report on a tenth as many."""
    walk_together(patch, 256)
    compare(patch, 200)
    patch.setattr("scratchdiff.app.show.labels.MOST", 200)
    patch.setattr("scratchdiff.app.show.best.PERFECT", 50)
    patch.setattr("scratchdiff.app.show.best.NOISY", 100)


def run(*arguments, command=COMMAND):
    """A process of its own: (exit status, stdout, stderr)."""
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    result = subprocess.run([*command, *map(str, arguments)], cwd=ROOT, text=True, env=buffered,
                            timeout=60, capture_output=True)
    return result.returncode, result.stdout, result.stderr


@contextmanager
def started(*arguments):
    """A process of its own that Ctrl-C can end from now on. It is killed if the test fails."""
    process = subprocess.Popen([*WITH_CTRL_C, *map(str, arguments)], cwd=ROOT, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        try:
            assert process.stderr.read(1) == "."
            yield process
        finally:
            process.kill()              # nothing, if it has ended
