"""The command line: what can be asked for, and how a command ends."""
import argparse
import math
import os
import sys

from scratchdiff.app.errors import CommandError
from scratchdiff.app.recipe import CHOICES, RECIPES

LAYERS = ("Linear", "ReLU", "SiLU", "MSE", "MLP", "Denoiser")

RUN_HELP = """\
Train a denoiser on points, walk back from pure noise, and say how near the
result is to the real thing, and how near it could have been.

examples:
  python -m scratchdiff
      the unit circle, in about a second
  python -m scratchdiff --recipe tutorial
      the same with the settings of the PyTorch tutorial, to compare
  python -m scratchdiff --data spiral --picture spiral.svg --animate
      another shape, and a picture of the way from noise to it
  python -m scratchdiff --data points.csv --save model.npz
      points of your own; keep the model
  python -m scratchdiff sample model.npz --points 100000 --out new.npy
      more points from it (sample --help)
  python -m scratchdiff check
      the proof that every derivative is right, link by link (check --help)
"""

SAMPLE_HELP = """\
Generate points from a model that was kept with --save.

Point number i depends only on the seed and on i: however many points are asked
for, the first ones are the same, and --skip goes on where another run ended.

example:
  python -m scratchdiff sample model.npz --points 99 --skip 500 --out more.npy
"""

CHECK_HELP = """\
Show link by link why the result can be believed: finite differences, the
reference, the vectorised network, Adam, the perfect denoiser, the sampler, and
a network trained on the spot. Exit status 1 if any link breaks.

examples:
  python -m scratchdiff check
  python -m scratchdiff check --layer Linear
"""


def formatter(prog):
    return argparse.RawDescriptionHelpFormatter(prog, width=78)


class Parser(argparse.ArgumentParser):
    """Complains by raising CommandError: one line, not the usage and a line."""

    def __init__(self, command, description):
        super().__init__(prog=f"python -m scratchdiff{command}", description=description, allow_abbrev=False,
                         formatter_class=formatter)

    def error(self, message):
        raise CommandError(message)


def whole(least):
    """The type of a flag that takes a whole number from `least` up."""
    def convert(text):
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(f"wants a whole number from {least} up, got {text!r}")
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
    learn = parser.add_argument_group("how to learn (a recipe, and single settings in place of its own)")
    learn.add_argument("--recipe", choices=RECIPES, help="default, or the tutorial's")
    learn.add_argument("--steps", type=whole(1), metavar="N", help="training steps")
    learn.add_argument("--batch-size", type=whole(1), metavar="N", help="points in a step")
    learn.add_argument("--hidden", type=whole(1), nargs="+", metavar="W", help="units of each hidden layer")
    learn.add_argument("--lr", type=positive, metavar="X", help="largest size of Adam's steps")
    learn.add_argument("--variance", choices=CHOICES["variance"], help="of the noise in a reverse step")
    learn.add_argument("--seed", type=whole(0), metavar="N", help="of all random numbers (0)")
    what = parser.add_argument_group("what to learn, and what to show")
    what.add_argument("--data", metavar="WHAT", help="circle, moons, spiral, gaussians, checkerboard, square or segment; "
                      "or a file of points: .csv, .tsv, .txt, .npy, or - for standard input")
    what.add_argument("--points", type=whole(1), default=500, metavar="N", help="points to generate (500)")
    what.add_argument("--picture", type=ending(".svg"), metavar="FILE", help="draw the points: .svg")
    what.add_argument("--animate", action="store_true", help="in the picture, the walk from noise to shape")
    what.add_argument("--loss-curve", type=ending(".svg"), metavar="FILE", help="draw the loss over the steps: .svg")
    what.add_argument("--quiet", action="store_true", help="only the last three lines")
    keep = parser.add_argument_group("keeping the model")
    keep.add_argument("--save", type=ending(".npz"), metavar="FILE", help="write the model: .npz")
    keep.add_argument("--save-every", type=whole(1), metavar="N", help="and every N steps on the way")
    keep.add_argument("--resume", metavar="FILE", help="go on with a model that was saved")
    return parser


def sample_parser():
    parser = Parser(" sample", SAMPLE_HELP)
    parser.add_argument("model", metavar="MODEL", help="a file that --save wrote")
    parser.add_argument("--points", type=whole(1), default=500, metavar="N", help="points to generate (500)")
    parser.add_argument("--out", type=ending(".csv", ".npy"), metavar="FILE",
                        help=".csv or .npy (.csv on standard output)")
    parser.add_argument("--skip", type=whole(0), default=0, metavar="K", help="start at point K of the sample (0)")
    parser.add_argument("--seed", type=whole(0), metavar="N", help="another sample (the model's own seed)")
    return parser


def check_parser():
    parser = Parser(" check", CHECK_HELP)
    parser.add_argument("--layer", choices=LAYERS, help="the table of this layer only")
    return parser


def run_command(arguments):
    """Do what the arguments say; return the exit status. Only what a command needs is imported, when it is known."""
    if arguments[:1] == ["sample"]:
        options = sample_parser().parse_args(arguments[1:])
        from scratchdiff.app.sample import sample
        return sample(options)
    if arguments[:1] == ["check"]:
        options = check_parser().parse_args(arguments[1:])
        from scratchdiff.app.check import check
        return check(options)
    options = run_parser().parse_args(arguments)
    for flag, needs in [("save_every", "save"), ("animate", "picture")]:
        if getattr(options, flag) and not getattr(options, needs):
            raise CommandError(f"--{flag.replace('_', '-')} needs --{needs}, to know where")
    from scratchdiff.app.run import run
    return run(options)


def main(arguments=None):
    """Run a command; return its exit status. However it ends, it is with at most one line on stderr."""
    try:
        status = run_command(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
        return status or 0
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


def fail(message, status):
    print(f"scratchdiff: {message}", file=sys.stderr)
    return status


def discard_output():
    """Point standard output nowhere, so that Python does not trip over it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
