"""What can be typed on the command line: the commands, their flags, and their help.

A new command is a function that makes its parser, and a row in COMMANDS at the end.
"""
import argparse

from scratchdiff.app.errors import CommandError, shortened
from scratchdiff.app.values import ending, finite, positive, whole
from scratchdiff.experiment.recipe import MOST, RECIPES, shown

MOST_POINTS = 10 ** 12

RUN_HELP = """\
Train a denoiser on points, walk back from pure noise to new points, and report
how good they are and how good they could be.

other commands, each with a --help of its own:
{commands}

examples:
  python -m scratchdiff
      learn the unit circle, in about a second
  python -m scratchdiff --recipe tutorial
      the same with the settings of the PyTorch tutorial, to compare
  python -m scratchdiff --data spiral --picture spiral.svg --animate
      learn another shape, and draw the way from noise to it
  python -m scratchdiff --data points.csv --save model.npz
      learn points of your own, and save the model
  python -m scratchdiff --data moons --label part --save moons.npz
      learn the names of the two moons, too: upper and lower
  python -m scratchdiff --resume model.npz --steps 6000 --save model.npz
      train the saved model further, up to 6000 steps in all
  python -m scratchdiff --finetune model.npz --data moons --lora 4
      teach the saved model new points, with small adapters beside its weights
  python -m scratchdiff sample model.npz --points 100000 --out new.npy
      make more points with the saved model
"""

SAMPLE_HELP = """\
Make points with a model that --save has written. The points go to standard
output as .csv, or to a file.

Point number i depends only on the seed and on i. So the first points are the
same however many you ask for, and --skip continues where another run ended.

If the file holds a clock that `clock --save` has written, paint clocks instead.

examples:
  python -m scratchdiff sample model.npz --points 3
  python -m scratchdiff sample model.npz --points 99 --skip 500 --out more.npy
  python -m scratchdiff sample moons.npz --prompt upper
  python -m scratchdiff sample clock.npz --prompt "half past six" noon
"""

DISTILL_HELP = """\
Train a student that needs fewer steps than a saved model, its teacher. Without
fresh noise, the teacher's walk leads from each point of noise to one place. The
student learns these places from 20,480 walks, and takes K steps where the
teacher takes 50. It is a model like any other: sample from it, or train it
further.

examples:
  python -m scratchdiff distill model.npz --save fast.npz
  python -m scratchdiff distill model.npz --sampler-steps 1 --save one.npz
  python -m scratchdiff sample one.npz --points 100000 --out new.npy
"""

CHECK_HELP = """\
Show, claim by claim, why you can believe the result. Finite differences come
first, because they need no calculus. Then come the reference, the vectorised
network, Adam, the perfect denoiser, the sampler, and a network trained on the
spot. Each line gives a claim, the measured error, the largest error allowed,
and the verdict. The exit status is 1 if any claim fails.

With --layer, a table has a row for each array that has a gradient. (x is the
layer's input.) A row gives the array's shape, the number of entries compared
with finite differences, the number of entries without a derivative (kinks),
the largest relative error, the place of that error, and the two values there.

examples:
  python -m scratchdiff check
  python -m scratchdiff check --layer Linear
"""

CLOCK_HELP = """\
Train a toy Stable Diffusion in about ten seconds, and ask it for clocks. An
autoencoder squeezes the 256 pixels of a clock into 6 numbers. A denoiser learns
these numbers, with the time in words as a prompt. A walk back from noise ends
in 6 new numbers, and the autoencoder turns them into a clock that nobody drew.
The program reads the time on that clock, and says whether it is right.

examples:
  python -m scratchdiff clock "ten past three" --save clock.npz
      train a model, paint one clock, and save the model
  python -m scratchdiff clock noon 10:35 --picture clocks.svg --animate
      train another, and draw how two clocks appear out of noise
  python -m scratchdiff sample clock.npz --prompt "half past six"
      paint another clock with the saved model, at once
"""

STATUS_HELP = """\
exit status: 0 if all went well; 1 if the machine is at fault (a full disk) or
check found an error; 2 if something you asked for has to change; 130 after
Ctrl-C or kill. A run with --save then saves its model first.
"""


def run_parser():
    commands = "\n".join(f"  {line}" for _, _, line in COMMANDS.values() if line)
    parser = Parser("", RUN_HELP.format(commands=commands))

    flag = group(parser, "how to learn", "A recipe, and settings that replace those of the recipe.")
    flag("--recipe", choices=RECIPES, metavar="NAME",
         help="default (for the circle), sharp (for all else), prompts (with --label part), "
              "labelled (with --label for a file), or tutorial (as in the PyTorch tutorial)")
    flag("--steps", type=whole(1, MOST["steps"]), metavar="N",
         help=of_recipes("training steps", "steps"))
    flag("--batch-size", type=whole(1, MOST["batch_size"]), metavar="N",
         help=of_recipes("noisy points in a step", "batch_size"))
    flag("--hidden", type=whole(1, MOST["hidden"]), nargs="+", metavar="W",
         help=of_recipes("units of each hidden layer", "hidden"))
    flag("--activation", metavar="NAME",
         help=of_recipes("the layer between two linear ones", "activation"))
    flag("--lr", type=positive, metavar="X",
         help=of_recipes("the learning rate, or its peak", "lr"))
    flag("--variance", metavar="NAME",
         help=of_recipes("the fresh noise of a reverse step: as much as the forward step added "
                         "(beta), less, as if the clean point were known (posterior), or less "
                         "only at levels with little noise (mixed)", "variance"))
    flag("--seed", type=whole(0), metavar="N",
         help="the same seed gives the same run, bit for bit (0)")
    sampler_flags(flag)

    flag = group(parser, "what to learn, and what to show")
    flag("--data", metavar="WHAT",
         help="circle, moons, spiral, gaussians, checkerboard, square or segment; or a file of "
              "points: .csv, .tsv, .txt or .npy, or - for standard input. Each line holds one "
              "point: up to 100 numbers, separated by commas, tabs or spaces. A header line "
              "and comments after # are allowed. (circle)")
    flag("--label", metavar="NAME",
         help="learn labels as prompts, for sample --prompt. In a file, NAME is the name of the "
              "label column, or its number, counted from 1. For a shape, NAME is part")
    flag("--points", type=whole(1, MOST_POINTS), default=500, metavar="N",
         help="points to generate (500)")
    flag("--picture", type=ending(".svg"), metavar="FILE", help="draw the points: .svg")
    flag("--animate", action="store_true", help="show the way from noise to points in the picture")
    flag("--loss-curve", type=ending(".svg"), metavar="FILE", help="draw the loss: .svg")
    flag("--field", type=ending(".svg"), metavar="FILE",
         help="draw the way back at four noise levels, as arrows: .svg")
    flag("--quiet", action="store_true", help="print the last three lines only")

    flag = group(parser, "saving the model")
    flag("--save", type=ending(".npz"), metavar="FILE",
         help="write the model at the end, or at Ctrl-C: .npz")
    flag("--save-every", type=whole(1), metavar="N", help="write the model every N steps, too")
    flag("--resume", metavar="FILE",
         help="train a saved model further; --steps counts its earlier steps, too, and --save "
              "keeps the result")
    flag("--finetune", metavar="FILE",
         help="train a saved model's network further, on --data. Unless you say otherwise, it "
              "takes 1000 steps, with an --lr that suits. The new points get their own center "
              "and scale")
    flag("--lora", type=whole(1, MOST["hidden"]), metavar="R",
         help="freeze the network of --finetune, and train adapters of rank R beside it; 4 is a "
              "good start")
    return parser


def sampler_flags(flag):
    flag("--sampler", metavar="NAME",
         help="the walk back: ddpm, ddim, or dpm for DPM-Solver++ (ddpm)")
    flag("--sampler-steps", type=whole(1), metavar="K",
         help="the number of its steps, at most 50 (10)")


def sample_parser():
    parser = Parser(" sample", SAMPLE_HELP)
    flag = parser.add_argument
    flag("model", metavar="MODEL", help="a file that --save has written")
    flag("--seed", type=whole(0), metavar="N",
         help="another sample (the model's own seed; 0 for a clock)")
    flag("--prompt", nargs="+", metavar="WORDS",
         help="what to make: points with this label, if the model was trained with --label, or "
              "clocks with these times (three examples). Put several words in quotes")
    flag("--guidance", type=finite, metavar="W",
         help="how hard the prompt steers: 0 is what the model learned, and a larger W makes "
              "the results clearer, but more alike (0 for points, 1 for a clock)")
    sampler_flags(flag)
    painting_flags(flag)

    flag = group(parser, "if the file holds a model of points")
    flag("--points", type=whole(1, MOST_POINTS), metavar="N", help="points to generate (500)")
    flag("--out", type=ending(".csv", ".npy"), metavar="FILE",
         help="the file to write: .csv or .npy (standard output)")
    flag("--skip", type=whole(0, MOST_POINTS), metavar="K",
         help="leave out the first K points of the sample (0)")

    return parser


def distill_parser():
    parser = Parser(" distill", DISTILL_HELP)
    flag = parser.add_argument
    flag("model", metavar="MODEL", help="the teacher: a file that --save has written")
    flag("--save", type=ending(".npz"), metavar="FILE", required=True,
         help="write the student at the end, or at Ctrl-C: .npz")
    flag("--sampler-steps", type=whole(1), default=4, metavar="K",
         help="the student's steps, at most 50 (4)")
    flag("--steps", type=whole(1, MOST["steps"]), metavar="N",
         help="training steps (3000)")
    flag("--lr", type=positive, metavar="X",
         help="the peak of the learning rate (0.02)")
    flag("--quiet", action="store_true", help="print the figures only")
    parser.set_defaults(save_every=None)        # run.train, which distill uses, asks for it
    return parser


def painting_flags(flag):
    flag("--picture", type=ending(".svg"), metavar="FILE",
         help="draw what is made: .svg")
    flag("--animate", action="store_const", const=True,
         help="show the way from noise to a clock in the picture")


def check_parser():
    from scratchdiff.chain.layers import LAYERS     # here, because no other help needs NumPy
    parser = Parser(" check", CHECK_HELP)
    parser.add_argument("--layer", choices=LAYERS, metavar="NAME",
                        help=f"show the tables of this layer only: {', '.join(LAYERS)}")
    return parser


def clock_parser():
    parser = Parser(" clock", CLOCK_HELP)
    flag = parser.add_argument
    flag("prompt", nargs="*", metavar="TIME",
         help='a time in words, such as "ten past three"; also 10:35 (three examples)')
    flag("--guidance", type=finite, metavar="W",
         help="how hard the prompt steers: 0 is what the model learned (1)")
    painting_flags(flag)
    sampler_flags(flag)
    flag("--save", type=ending(".npz"), metavar="FILE", help="write the trained clock: .npz")
    flag("--seed", type=whole(0), metavar="N", help="the same seed gives the same clocks (0)")
    return parser


# name: (what makes its parser, the module with the function of that name, a line for the help)
COMMANDS = {
    "run": (run_parser, "scratchdiff.app.run", None),   # also if no command is named
    "sample": (sample_parser, "scratchdiff.app.sample",
               "sample MODEL    more points from a saved model"),
    "distill": (distill_parser, "scratchdiff.app.distill",
                "distill MODEL   a student that takes few steps, taught by a saved model"),
    "clock": (clock_parser, "scratchdiff.app.clock",
              "clock [PROMPT]  a toy Stable Diffusion: a clock with the time you ask for"),
    "check": (check_parser, "scratchdiff.app.check",
              "check           why you can believe the result, claim by claim"),
}


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises CommandError. (argparse prints its usage and exits.)"""

    def __init__(self, command, description):
        super().__init__(prog=f"python -m scratchdiff{command}", description=description,
                         epilog=STATUS_HELP, allow_abbrev=False, formatter_class=formatter)

    def error(self, message):
        where = f" (see {self.prog} --help)" if message.startswith("unrecognized") else ""
        raise CommandError(shortened(message) + where)

    def _print_message(self, message, file=None):
        print(message, end="", flush=True)      # argparse would ignore a full disk


def formatter(prog):
    return argparse.RawDescriptionHelpFormatter(prog, width=78)


def group(parser, title, description=None):
    """A new section of the help, as the function that adds a flag to it."""
    return parser.add_argument_group(title, description).add_argument


def of_recipes(what, name):
    """The help for a setting: what it is, and its value in each recipe."""
    values = "; ".join(f"{key}: {shown(getattr(recipe, name))}" for key, recipe in RECIPES.items())
    return f"{what} ({values})"
