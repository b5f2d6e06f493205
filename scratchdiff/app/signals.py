"""Ctrl-C at any moment: one line and status 130, or the finished work.

Python turns Ctrl-C into a KeyboardInterrupt that can appear between any two instructions: in the
middle of an import, of a clean-up, of the last print. No code is safe against that everywhere. So
the program replaces that handler. At each moment one of three rules holds:

    nothing can be lost      a signal ends the program at once              end_at_once()
    something can be lost    a signal is noted, and the code asks for it    with held() as pressed:
    the end has begun        a signal changes nothing                       ignore()

SIGTERM, which `kill` and `timeout` send, is treated like Ctrl-C. A signal that is ignored when the
program starts stays ignored, as Ctrl-C is for what a script runs in the background.

Another program that calls main() keeps its signal handlers. The only one that held() replaces,
while its block runs, is Python's default handler for Ctrl-C. After the block that handler is back,
and Ctrl-C is a KeyboardInterrupt again.
"""
import os
import signal
from contextlib import contextmanager

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def end_at_once():
    """From now on, a signal ends the program with one line on stderr and status 130."""
    for number in INTERRUPTS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number, frame):
    """End the process here. Nothing is raised, so nothing can catch it, and no clean-up runs."""
    ignore()                            # a second signal must not print a second line
    try:
        if os.isatty(2):                # the line already shows "^C", and perhaps a progress bar
            os.write(2, b"\n")
        os.write(2, b"scratchdiff: interrupted\n")
    finally:                            # even if stderr is closed
        os._exit(130)


@contextmanager
def held():
    """Note signals instead of obeying them; yield a function that says whether one has come.

    If a signal has come, the block ends with a KeyboardInterrupt, unless the block raises something
    else itself. A held() inside another held() does nothing, because the outer one notes the
    signals. Off the main thread, held() does nothing either: Python delivers signals to the main
    thread only.
    """
    presses = []
    handlers = {number: signal.getsignal(number) for number in INTERRUPTS if _on_main_thread()}
    ours = {number: handler for number, handler in handlers.items()
            if handler in (_end, signal.default_int_handler)}
    for number in ours:
        signal.signal(number, lambda *_: presses.append(True))
    try:
        yield lambda: bool(presses)
    finally:
        for number, handler in ours.items():
            # After a first signal, the program is about to say so. A second must not repeat that.
            signal.signal(number, signal.SIG_IGN if presses and handler is _end else handler)
    if presses:
        raise KeyboardInterrupt


def _on_main_thread():
    import threading                    # here, so that end_at_once() need not wait for it
    return threading.current_thread() is threading.main_thread()


def ignore():
    """From now on, a signal no longer ends the program. Another program's handlers stay."""
    for number in INTERRUPTS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_IGN)
