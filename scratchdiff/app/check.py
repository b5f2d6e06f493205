"""python -m scratchdiff check: the chain of trust, printed link by link."""
import os
import traceback

from scratchdiff.chain import LINKS, layer_reports


def check(options):
    """Print the chain, or the table of one layer; return 0 if all is right, else 1."""
    return 0 if (print_layer(options.layer) if options.layer else print_chain()) else 1


def print_chain():
    """Print every link with its figure, its bound and the verdict; return whether all hold."""
    all_hold = True
    for number, links in enumerate(LINKS, 1):
        for link in links:
            all_hold = _print_link(number, link) and all_hold
            number = " "                # for the further claims of the same link
    print("every link holds" if all_hold else "THE CHAIN IS BROKEN: after the first FAIL, a pass proves nothing")
    return all_hold


def _print_link(number, link):
    try:
        figure, detail = link.measure()
        holds = bool(figure <= link.bound)                              # not so for nan
        measured = f"{figure:>7.1e} {'<=' if holds else ' >'} {link.bound:.1e}"
    except Exception as error:          # a planted fault may well end in an exception: that too is a verdict on this link
        holds, measured, detail = False, "ends in an error", _in_a_line(error)
    print(f"{number}  {link.claim:<48} {measured:<18} {'pass' if holds else 'FAIL'}", flush=True)
    if detail:
        print("\n".join("  " + line for line in detail.splitlines()), flush=True)
    return holds


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
