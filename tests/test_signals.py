"""app/signals.py: Ctrl-C and SIGTERM at any moment.

Signals are sent to processes of their own, or raised here: raise_signal runs the handler before it
returns. Each test puts Python's own handlers in place first, since the tests may have been started
with Ctrl-C ignored, as in the background of a script.
"""
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import pytest

from scratchdiff.app.signals import INTERRUPTS, _end, held, ignore
from tests.program import ROOT, SMALL, started

LINE = "scratchdiff: interrupted\n"


@pytest.fixture
def handlers():
    """Python's own handlers, for the time of a test."""
    before = {number: signal.getsignal(number) for number in INTERRUPTS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def current():
    return [signal.getsignal(number) for number in INTERRUPTS]


def test_a_signal_is_held_until_it_is_asked_for_and_ends_the_block(handlers):
    before, seen = current(), []
    with pytest.raises(KeyboardInterrupt):
        with held() as pressed:
            seen.append(pressed())
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            seen.append(pressed())
    assert seen == [False, True] and current() == before


def test_handlers_come_back_after_any_end(handlers):
    before = current()
    with held():
        assert current() != before
    assert current() == before
    with pytest.raises(KeyboardInterrupt, match="after 7 steps"):
        with held():
            signal.raise_signal(signal.SIGINT)
            raise KeyboardInterrupt("after 7 steps")
    assert current() == before
    with pytest.raises(ValueError):
        with held():
            raise ValueError
    assert current() == before


def test_inside_another_the_outer_one_goes_on_noting(handlers):
    seen = []
    with pytest.raises(KeyboardInterrupt):
        with held() as pressed:
            with held():
                signal.raise_signal(signal.SIGINT)
            seen.append(pressed())
    assert seen == [True]


def test_handlers_of_another_program_stay(handlers):
    presses = []
    signal.signal(signal.SIGINT, lambda *_: presses.append("theirs"))
    before = current()
    with held() as pressed:
        assert current() == before and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.raise_signal(signal.SIGINT)
        assert not pressed()
    ignore()
    assert presses == ["theirs"] and current() == before


def test_off_the_main_thread_nothing_is_held(handlers):
    seen = []

    def work():
        with held() as pressed:
            seen.append(pressed())

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_the_programs_own_handlers_are_held_and_after_a_signal_ignored(handlers):
    for number in INTERRUPTS:
        signal.signal(number, _end)
    with held():
        assert _end not in current()
    assert current() == [_end, _end]
    with pytest.raises(KeyboardInterrupt):
        with held():
            signal.raise_signal(signal.SIGTERM)
    assert current() == [signal.SIG_IGN] * 2, "a second signal would print a second line"


def python(code, *setting):
    """Run code after end_at_once() in a process of its own, with SIGINT set as Python's own."""
    usual = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    lines = ["import os, signal", usual, *setting,
             "from scratchdiff.app.signals import *", "end_at_once()", code, "print('the end')"]
    result = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, text=True,
                            capture_output=True)
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize("number", INTERRUPTS)
def test_a_signal_ends_the_program_at_once_and_nothing_can_catch_it(number):
    code = f"try:\n signal.raise_signal({number:d})\nexcept BaseException:\n pass"
    assert python(code) == (130, "", LINE)


def test_two_signals_make_one_line():
    """The second comes when the first has just written its line."""
    code = ("write = os.write\n"
            "os.write = lambda *line: (write(*line), signal.raise_signal(signal.SIGTERM))\n"
            "signal.raise_signal(signal.SIGINT)")
    assert python(code) == (130, "", LINE)


def test_a_signal_with_stderr_closed():
    assert python("os.close(2)\nsignal.raise_signal(signal.SIGINT)") == (130, "", "")


def test_an_ignored_ctrl_c_stays_ignored_and_sigterm_ends_the_program():
    setting = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
    pressing = "signal.raise_signal(signal.SIGINT)"
    assert python(pressing, setting) == (0, "the end\n", "")
    assert python(f"with held() as pressed:\n {pressing}\n assert not pressed()", setting)[0] == 0
    assert python("signal.raise_signal(signal.SIGTERM)", setting) == (130, "", LINE)


def test_on_a_terminal_the_line_begins_at_its_left_edge():
    """After the ^C that a terminal shows, and whatever stood on the line."""
    master, slave = os.openpty()
    code = ("import os, signal\nfrom scratchdiff.app.signals import _end\n"
            "_end(signal.SIGINT, None)")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    said = os.read(master, 100)
    os.close(master)
    assert said == b"\r\n" + LINE.replace("\n", "\r\n").encode()


def test_at_the_end_a_signal_changes_nothing():
    assert python("ignore()\nsignal.raise_signal(signal.SIGINT)") == (0, "the end\n", "")


MOMENTS = [0, 0.03, 0.1, 0.2, 0.35]     # seconds after our first line


def interrupted(moment, folder):
    """A run that gets signals at this moment: (exit status, stdout, stderr, files left behind)."""
    arguments = [*SMALL, "--steps", 100, "--save", folder / "m.npz", "--save-every", 10,
                 "--picture", folder / "p.svg"]
    with started(*arguments) as process:
        time.sleep(moment)
        for number in (*INTERRUPTS, *INTERRUPTS):
            process.send_signal(number)
            time.sleep(0.002)
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err, set(os.listdir(folder))


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """How the runs ended, for each moment: two at a time, since most of the time they wait."""
    folders = [tmp_path_factory.mktemp("run") for _ in MOMENTS]
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(MOMENTS, pool.map(interrupted, MOMENTS, folders)))


@pytest.mark.parametrize("moment", MOMENTS)
def test_at_any_moment_there_is_one_line_or_the_finished_work(moment, ends):
    """Loading, training, saving, drawing, the end: whichever it is, on this machine."""
    status, out, err, files = ends[moment]
    if status == 0:
        assert err == "" and "generated 500 points" in out
    else:
        assert status == 130 and re.fullmatch(r"scratchdiff: interrupted.*\n", err)
    assert files <= {"m.npz", "p.svg"}, "no half of a file"
