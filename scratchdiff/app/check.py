"""python -m scratchdiff check: measure and print the chain of trust."""
from scratchdiff.chain.layers import layer_reports
from scratchdiff.chain.blame import in_a_line
from scratchdiff.chain.links import LINKS


def check(options):
    """Print the chain, or the tables of one layer; return 0 if all is right, else 1."""
    right = print_layer(options.layer) if options.layer else print_chain()
    return 0 if right else 1


def print_chain():
    """Print every link with its figure, its bound and the verdict; return whether all hold."""
    all_hold = True
    for number, links in enumerate(LINKS, 1):
        for link in links:
            all_hold = print_link(number, link) and all_hold
            number = " "                # only the first link of a group shows the number
    print("every link holds" if all_hold else
          "THE CHAIN IS BROKEN: after the first FAIL, a pass proves nothing.\n"
          "For one layer's tables: python -m scratchdiff check --layer NAME")
    return all_hold


def print_link(number, link):
    """Print one link, and under it what helps to find a fault; return whether it holds."""
    where = tables = ""
    try:
        figure, where, tables = link.measure()
        holds = bool(figure <= link.bound)                              # False for NaN
        measured = f"{figure:>7.1e} {'<=' if holds else ' >'} {link.bound:.1e}"
    except Exception as error:          # a fault may raise instead: then the link fails, too
        holds, measured, where = False, "ends in an error", in_a_line(error)
    print(f"{number:<3}{link.claim:<48} {measured:<18} {'pass' if holds else 'FAIL'}", flush=True)
    for text in (where if not holds else "", tables):
        for line in text.splitlines():
            print("  " + line, flush=True)
    return holds


def print_layer(name):
    """Print the gradient checker's tables for one kind of layer; return whether it is right."""
    ok = True
    try:
        for title, report in layer_reports(name):
            print(str(report).replace(report.title, title, 1))
            ok = ok and report.ok
    except Exception as error:
        print(f"{name}: WRONG\n  {in_a_line(error)}")
        return False
    return ok
