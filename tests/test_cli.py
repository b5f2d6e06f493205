"""app/cli.py: how a command ends, as a program and inside another one."""
import gc
import io
import os
import shlex
import signal
import sys
from contextlib import suppress
from threading import Thread

import pytest

from scratchdiff.app import cli
from scratchdiff.app.cli import main
from scratchdiff.app.errors import CommandError
from scratchdiff.app.signals import INTERRUPTS, _end
from tests.program import COMMAND, SMALL, call, run

pytestmark = pytest.mark.usefixtures("short_runs")

ENDINGS = [     # what a command raises, the exit status, the line on stderr
    (CommandError("no such thing"), 2, "scratchdiff: error: no such thing\n"),
    (CommandError("the disk is full", 1), 1, "scratchdiff: error: the disk is full\n"),
    (CommandError("two\nlines"), 2, "scratchdiff: error: two\\nlines\n"),
    (MemoryError("1 TB"), 2, "scratchdiff: error: not enough memory: 1 TB\n"),
    (KeyboardInterrupt(), 130, "scratchdiff: interrupted\n"),
    (KeyboardInterrupt("after 3 steps"), 130, "scratchdiff: interrupted after 3 steps\n"),
    (BrokenPipeError(), 141, ""),
    (OSError(28, "No space left"), 1,
     "scratchdiff: error: cannot write to standard output: No space left\n"),
    (SystemExit(0), 0, ""),
]


def raising(error):
    def command(arguments):
        raise error
    return command


@pytest.mark.parametrize("error, status, said", ENDINGS, ids=lambda value: repr(value)[:30])
def test_each_ending_has_a_status_and_one_line_at_most(error, status, said, monkeypatch):
    monkeypatch.setattr(cli, "run_command", raising(error))
    assert call() == (status, [], said)


def test_a_mistake_in_the_program_is_not_hidden(monkeypatch):
    monkeypatch.setattr(cli, "run_command", raising(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        call()


def test_a_message_of_any_length_is_cut():
    _, _, err = call("--data", "x" * 100_000)
    assert len(err) < 600 and " ... " in err and err.count("\n") == 1


def test_arguments_may_be_paths_and_numbers(tmp_path):
    assert call(*SMALL, "--quiet", "--save", tmp_path / "m.npz")[0] == 0
    assert call("sample", tmp_path / "m.npz", "--points", 3)[0] == 0


def test_another_program_is_left_as_it_was(tmp_path, monkeypatch):
    stdout, stderr = io.StringIO(), io.StringIO()       # they have no fileno
    monkeypatch.setattr(sys, "stdout", stdout)
    monkeypatch.setattr(sys, "stderr", stderr)

    def state():
        return ([signal.getsignal(number) for number in INTERRUPTS], gc.isenabled(),
                gc.get_freeze_count(), gc.get_threshold(), sys.stdout, sys.stderr)

    before = state()
    for arguments in ([*SMALL, "--picture", tmp_path / "p.svg"], ["--help"], ["--steps", "0"]):
        main(arguments)
        assert state() == before
    assert "generated 500 points" in stdout.getvalue() and "usage" in stdout.getvalue()
    assert stderr.getvalue().startswith("scratchdiff: error: argument --steps")


def test_off_the_main_thread(tmp_path):
    results = []
    thread = Thread(target=lambda: results.append(call(*SMALL, "--save", tmp_path / "m.npz")))
    thread.start()
    thread.join()
    assert results[0][::2] == (0, "") and (tmp_path / "m.npz").exists()


def test_a_folder_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    said = "scratchdiff: error: cannot write m.npz: No such file or directory\n"
    assert call(*SMALL, "--save", "m.npz") == (2, [], said)


def test_the_program_has_the_status_and_the_line_of_main():
    said = "scratchdiff: error: argument --lr: must be a number above 0, got '0'\n"
    assert run("--lr", 0) == (2, "", said)
    assert run("--lr", 0, command=[sys.executable, "-m", "scratchdiff.app.cli"]) == (2, "", said)


def test_python_scratchdiff_says_how_to_run_it():
    status, out, err = run(command=[sys.executable, "scratchdiff"])
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("scratchdiff: error: run python -m scratchdiff, in the folder that holds")


def shell(line):
    """A line for the shell, in which P is `python -m scratchdiff`."""
    return run(command=["sh", "-c", line.replace("P", shlex.join(COMMAND))])


def test_a_reader_that_has_seen_enough_is_no_error():
    status, out, err = shell("P --help | head -1; P sample --help | head -1")
    assert out.count("usage: ") == 2 and (status, err) == (0, "")


def test_once_the_last_line_is_due_a_signal_changes_nothing():
    before = [signal.signal(number, _end) for number in INTERRUPTS]
    try:
        call("--steps", 0)
        assert [signal.getsignal(number) for number in INTERRUPTS] == [signal.SIG_IGN] * 2
    finally:
        for number, handler in zip(INTERRUPTS, before):
            signal.signal(number, handler)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_an_output_that_is_full_is_said():
    said = "scratchdiff: error: cannot write to standard output: No space left on device\n"
    assert shell("P --help > /dev/full") == (1, "", said)
    assert shell("P --steps 0 2> /dev/full") == (2, "", ""), "the status must do"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_main_notices_that_its_output_is_full(monkeypatch, capsys):
    """What is written waits in a buffer; another program might never hear of the loss."""
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        monkeypatch.setattr(cli, "run_command", lambda arguments: print("points") or 0)
        status = main([])
        monkeypatch.undo()
        with suppress(OSError):
            full.close()
    assert (status, "cannot write to standard output" in capsys.readouterr().err) == (1, True)


@pytest.mark.skipif(os.name != "posix", reason="needs a shell that can close a stream")
@pytest.mark.parametrize("line, status, said", [
    ("P --help >&-", 0, ""), ("P --steps none 2>&-", 2, ""),
    ("P --data - <&-", 2, "scratchdiff: error: cannot use standard input: it holds no points\n")])
def test_a_standard_stream_that_is_closed(line, status, said):
    assert shell(line) == (status, "", said)


def test_names_that_standard_output_cannot_write(tmp_path, monkeypatch):
    """Of a file, and of a column: neither ends a run with a traceback."""
    def program(*arguments):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["scratchdiff", *map(str, arguments)])
            patch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
            return cli.program(), sys.stdout.buffer.getvalue().decode("ascii")

    points, model = tmp_path / "ümläut.csv", tmp_path / "m.npz"
    points.write_text("größe,y\n" + "1,2\n3,5\n" * 20, encoding="utf-8")
    status, out = program(*SMALL, "--data", points, "--save", model)
    assert status == 0 and "/\\xfcml\\xe4ut.csv (" in out
    assert "\ngr\\xf6\\xdfe = mean " in out
    status, out = program("sample", model, "--points", 1)
    assert status == 0 and out.startswith("gr\\xf6\\xdfe,y\n")
