"""Ctrl-C at any moment: one line and status 130, or the finished work.

Python turns Ctrl-C into a KeyboardInterrupt that can appear between any two instructions: in the
middle of an import, of a clean-up, of the last print. No code is safe against that everywhere. So
the program does not let it happen. Each of its moments is one of three kinds:

    nothing can be lost      a signal ends the program at once          end_at_once()
    something can be lost    it is noted, and the code asks for it      with held() as pressed: ...
    the end has begun        it changes nothing                         ignore()

SIGTERM, which `kill` and `timeout` send, is treated like Ctrl-C. A signal that is ignored when the
program starts stays ignored, as Ctrl-C is for what a script runs in the background.

Another program that calls main() has its own handlers. They stay, apart from Python's own for
Ctrl-C, which held() replaces for as long as its block runs. There Ctrl-C is a KeyboardInterrupt.
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
    """Nothing is raised here, so nothing can catch it, and no clean-up runs."""
    ignore()                            # a second signal must not print a second line
    try:
        # On a terminal, "^C" and perhaps a progress bar stand on the line.
        os.write(2, b"\n" * os.isatty(2) + b"scratchdiff: interrupted\n")
    finally:                            # even if stderr is closed
        os._exit(130)


@contextmanager
def held():
    """Note signals instead of obeying them; yield a function that says whether one has come.

    If one has, the block ends with a KeyboardInterrupt, unless it raises something else itself.
    Inside another held() this does nothing: the outer one goes on noting. Off the main thread it
    does nothing either, since Python delivers signals to the main thread only.
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
            # If one has come, the program is about to say so. A second must not say it again.
            signal.signal(number, signal.SIG_IGN if presses and handler is _end else handler)
    if presses:
        raise KeyboardInterrupt


def _on_main_thread():
    import threading                    # here, since end_at_once() should not wait for it
    return threading.current_thread() is threading.main_thread()


def ignore():
    """From now on, a signal no longer ends the program. Handlers of another program stay."""
    for number in INTERRUPTS:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_IGN)
