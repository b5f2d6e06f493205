"""python -m scratchdiff check: the chain of trust, printed link by link."""
import os
import traceback

import numpy as np

from scratchdiff.app.chain import LINKS, layer_reports


def check(options):
    """Print the chain, or the table of one layer; return 0 if all is right, else 1."""
    return 0 if (print_layer(options.layer) if options.layer else print_chain()) else 1


def print_chain():
    """Print every link with its figure, its bound and the verdict; return whether all hold."""
    all_hold = True
    for number, functions in enumerate(LINKS, 1):
        for function in functions:
            with np.errstate(all="ignore"):
                ok = _print_link(number, function)
            all_hold = all_hold and ok
            number = " "                # for the further claims of the same link
    print("every link holds" if all_hold else "THE CHAIN IS BROKEN: what comes after the first FAIL proves nothing")
    return all_hold


def _print_link(number, function):
    try:
        link = function()
    except Exception as error:          # a planted fault may well end in an exception: that too is a verdict on this link
        print(f"{number}  {function.__name__.replace('_', ' '):<48} FAIL\n  {_in_a_line(error)}", flush=True)
        return False
    sign, verdict = ("<=", "pass") if link.ok else (" >", "FAIL")
    print(f"{number}  {link.claim:<48} {link.figure:>7.1e} {sign} {link.bound:<7.1e} {verdict}", flush=True)
    if link.detail:
        print("\n".join("  " + line for line in link.detail.splitlines()), flush=True)
    return link.ok


def print_layer(name):
    """Print the gradient checker's table for one kind of layer; return whether it is right."""
    try:
        reports = list(layer_reports(name))
    except Exception as error:
        print(f"{name}: WRONG\n  {_in_a_line(error)}")
        return False
    print(*reports, sep="\n")
    return all(report.ok for report in reports)


def _in_a_line(error):
    """An exception, and the line of the code that it came from."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (in {place.name}, {os.path.basename(place.filename)} line {place.lineno})"
