"""The command line: what can be asked for, and how a command ends."""
import argparse
import gc
import math
import os
import signal
import sys
import warnings
from importlib import import_module

from scratchdiff.app.errors import INTERRUPTS, CommandError, one_line
from scratchdiff.experiment.recipe import MOST, RECIPES, shown

MOST_POINTS = 10 ** 12

RUN_HELP = """\
Train a denoiser on points, walk back from pure noise, and say how near the
result is to the real thing, and how near it could have been.

two more commands, each with a --help of its own:
  sample MODEL    more points from a model that was kept
  check           why every derivative can be believed, link by link

examples:
  python -m scratchdiff
      the unit circle, in about a second
  python -m scratchdiff --recipe tutorial
      the same with the settings of the PyTorch tutorial, to compare
  python -m scratchdiff --data spiral --picture spiral.svg --animate
      another shape, and a picture of the way from noise to it
  python -m scratchdiff --data points.csv --save model.npz
      points of your own; keep the model
  python -m scratchdiff --resume model.npz --steps 6000 --save model.npz
      train it on, until it has taken 6000 steps in all
  python -m scratchdiff sample model.npz --points 100000 --out new.npy
      more points from it
  python -m scratchdiff check
      the chain of trust
"""

SAMPLE_HELP = """\
Generate points from a model that was kept with --save: as .csv on standard
output, or in a file.

Point number i depends only on the seed and on i: however many points are asked
for, the first ones are the same, and --skip goes on where another run ended.

examples:
  python -m scratchdiff sample model.npz --points 3
  python -m scratchdiff sample model.npz --points 99 --skip 500 --out more.npy
"""

CHECK_HELP = """\
Show link by link why the result can be believed: finite differences, the
reference, the vectorised network, Adam, the perfect denoiser, the sampler, and
a network trained on the spot. A line is a claim, by how much it is missed, by
how much it may be, and the verdict. Exit status 1 if any link breaks.

A layer's table has a row for each array that has a gradient (x is the layer's
input): its shape; how many of its entries were held against finite differences
and how many of them have no derivative (kinks); the largest relative error; and
where that is, with what the backward pass says there and what the difference.

examples:
  python -m scratchdiff check
  python -m scratchdiff check --layer Linear
"""

STATUS_HELP = """\
exit status: 0 if all went well, 1 if the machine could not do it (a full disk)
or check found a fault, 2 if you can mend it, 130 after Ctrl-C or kill
"""


def formatter(prog):
    return argparse.RawDescriptionHelpFormatter(prog, width=78)


class Parser(argparse.ArgumentParser):
    """Complains by raising CommandError: one line, not the usage and a line."""

    def __init__(self, command, description):
        super().__init__(prog=f"python -m scratchdiff{command}", description=description, epilog=STATUS_HELP,
                         allow_abbrev=False, formatter_class=formatter)

    def error(self, message):
        raise CommandError(message + (f" (see {self.prog} --help)" if message.startswith("unrecognized") else ""))

    def _print_message(self, message, file=None):
        print(message, end="", flush=True)      # the help; argparse itself would not say that it cannot be written


def whole(least, most=math.inf):
    """The type of a flag that takes a whole number from `least` to `most`."""
    def convert(text):
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            to = "up" if most == math.inf else f"to {most}"
            raise argparse.ArgumentTypeError(f"wants a whole number from {least} {to}, got {text!r}")
        return number
    return convert


def positive(text):
    """The type of a flag that takes a number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"wants a number above 0, got {text!r}")
    return number


def ending(*endings):
    """The type of a flag that takes the name of a file to write, with one of these endings."""
    def convert(text):
        if not text.lower().endswith(endings):
            raise argparse.ArgumentTypeError(f"wants a file name that ends in {' or '.join(endings)}, got {text!r}")
        return text
    return convert


def run_parser():
    parser = Parser("", RUN_HELP)
    learn = parser.add_argument_group("how to learn", "A recipe, and single settings in place of its own.")
    learn.add_argument("--recipe", choices=RECIPES, help="the tutorial's, or a far better one (default)")
    learn.add_argument("--steps", type=whole(1, MOST["steps"]), metavar="N", help=of_recipes("training steps", "steps"))
    learn.add_argument("--batch-size", type=whole(1, MOST["batch_size"]), metavar="N",
                       help=of_recipes("noisy points in a step", "batch_size"))
    learn.add_argument("--hidden", type=whole(1, MOST["hidden"]), nargs="+", metavar="W",
                       help=of_recipes("units of each hidden layer", "hidden"))
    learn.add_argument("--lr", type=positive, metavar="X", help=of_recipes("largest size of Adam's steps", "lr"))
    learn.add_argument("--variance", metavar="NAME",
                       help=of_recipes("of the noise that a reverse step adds: as much as the forward step did (beta), or "
                                       "what is left of that once the clean point is known", "variance"))
    learn.add_argument("--seed", type=whole(0), metavar="N", help="the same seed gives the same run, bit for bit (0)")
    what = parser.add_argument_group("what to learn, and what to show")
    what.add_argument("--data", metavar="WHAT",
                      help="circle, moons, spiral, gaussians, checkerboard, square or segment; or a file of points (.csv, "
                           ".tsv, .txt, .npy; - for standard input): a point a line, numbers apart by commas, tabs or "
                           "blanks, # for comments, a header line if you like; any number of columns (circle)")
    what.add_argument("--points", type=whole(1, MOST_POINTS), default=500, metavar="N", help="points to generate (500)")
    what.add_argument("--picture", type=ending(".svg"), metavar="FILE", help="draw the points: .svg")
    what.add_argument("--animate", action="store_true", help="in the picture, the walk from noise to shape")
    what.add_argument("--loss-curve", type=ending(".svg"), metavar="FILE", help="draw the loss over the steps: .svg")
    what.add_argument("--quiet", action="store_true", help="only the last three lines")
    keep = parser.add_argument_group("keeping the model")
    keep.add_argument("--save", type=ending(".npz"), metavar="FILE", help="write the model at the end, or at Ctrl-C: .npz")
    keep.add_argument("--save-every", type=whole(1), metavar="N", help="and every N steps on the way")
    keep.add_argument("--resume", metavar="FILE",
                      help="go on with a model that was saved; --steps counts from its beginning, --save keeps the result")
    return parser


def of_recipes(what, name):
    """The help for a setting: what it is, and what it is in each recipe."""
    return f"{what} ({'; '.join(f'{key}: {shown(getattr(recipe, name))}' for key, recipe in RECIPES.items())})"


def sample_parser():
    parser = Parser(" sample", SAMPLE_HELP)
    parser.add_argument("model", metavar="MODEL", help="a file that --save wrote")
    parser.add_argument("--points", type=whole(1, MOST_POINTS), default=500, metavar="N", help="points to generate (500)")
    parser.add_argument("--out", type=ending(".csv", ".npy"), metavar="FILE", help="where to: .csv or .npy (standard output)")
    parser.add_argument("--skip", type=whole(0, MOST_POINTS), default=0, metavar="K",
                        help="start at point K of the sample (0)")
    parser.add_argument("--seed", type=whole(0), metavar="N", help="another sample (the model's own seed)")
    return parser


def check_parser():
    from scratchdiff.chain.layers import LAYERS
    parser = Parser(" check", CHECK_HELP)
    parser.add_argument("--layer", choices=LAYERS, help="the table of this layer only")
    return parser


def run_command(arguments):
    """Do what the arguments say; return the exit status. Only what a command needs is imported, when it is known."""
    if arguments[:1] == ["sample"]:
        options = sample_parser().parse_args(arguments[1:])
        from scratchdiff.app.sample import sample as command
    elif arguments[:1] == ["check"]:
        options = check_parser().parse_args(arguments[1:])
        from scratchdiff.app.check import check as command
    else:
        options = run_parser().parse_args(arguments)
        from scratchdiff.app.run import run as command
    import_module("numpy.random")       # which numpy puts off until somebody asks for it
    all_is_loaded()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)     # NumPy's, of overflow: what comes of it is looked at, and said
        return command(options)


def all_is_loaded():
    """End what __main__.py has set for the time until then. Called from anywhere else, it changes nothing."""
    if gc.isenabled():
        return
    gc.freeze()                         # what is loaded stays: it need not be searched, now or at the end
    gc.enable()
    for number in INTERRUPTS:           # from now on they are KeyboardInterrupt; unless ignored, as Ctrl-C is in the background
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def main(arguments=None):
    """Run a command; return its exit status. However it ends, it is with at most one line on stderr."""
    open_missing_streams()
    try:
        status = run_command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status or 0
    except ValueError as error:         # a setting that makes no sense
        return fail(f"error: {error}", 2)
    except ArithmeticError as error:    # a model's Diverged
        return fail(f"error: the network has diverged, {error}: try a smaller --lr", 2)
    except CommandError as error:
        return fail(f"error: {error}", error.status)
    except MemoryError as error:
        return fail(f"error: not enough memory: {error}", 2)
    except KeyboardInterrupt as error:
        return fail(" ".join(["interrupted", *map(str, error.args)]), 130)
    except BrokenPipeError:
        discard_output()
        return 141                      # as of a program that SIGPIPE ended: whoever read our output has seen enough
    except OSError as error:
        discard_output()
        return fail(f"error: cannot write to standard output: {error.strerror}", 1)


def open_missing_streams():
    """Put nothing, as a file, in the place of a standard stream that whoever started us has closed."""
    for name, mode in [("stdin", "r"), ("stdout", "w"), ("stderr", "w")]:       # in this order each gets its own number
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))


def fail(message, status):
    """Say why, in one line."""
    print(f"scratchdiff: {one_line(message)}", file=sys.stderr)
    return status


def discard_output():
    """Point standard output nowhere, so that Python does not trip over it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
