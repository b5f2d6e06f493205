"""Plant a fault in the package, and see which link of the chain of trust turns red."""
import inspect
import sys
from dataclasses import replace
from functools import cache, partial

from scratchdiff.app.check import print_link
from scratchdiff.chain import backprop, diffusion, layers, twins
from scratchdiff.chain.layers import LAYERS
from scratchdiff.chain.links import LINKS
from scratchdiff.chain.twins import TWINS
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast import blocks
from scratchdiff.nn.network import Network

ALL = [link for links in LINKS for link in links]
MEASURES = [link.measure for link in ALL]


def look_at_less(patch):
    """Let the links look at small networks, still oblong and square, few points, small blocks.

    Where a link wants a trained network it gets a new one, whose biases are not 0.
    """
    for room in (layers, diffusion):
        patch.setattr(room, "WIDTHS", (3, 3, 3, 2))
    patch.setattr(backprop, "KINDS", [("relu", "eps"), ("silu", "v")])
    patch.setattr(twins, "clean_points", partial(layers.clean_points, 3))
    for room in (blocks, diffusion):
        patch.setattr(room, "BLOCK", 100)
    patch.setattr(diffusion, "trained", untrained)


@cache
def untrained():
    new = Model.new(replace(RECIPES["default"], hidden=(4, 4)), 0, shape_data("circle"))
    new.denoiser.network.params += 0.1
    return new


def look_at_what_is_edited(patch, edits):
    """Let the link of the layers leave out those whose code is as it was."""
    rows = {"MLP" if what is Network else what.__name__ for what, _, _ in edits} & {*LAYERS}
    if rows:
        only_layers(patch, rows)


def only_layers(patch, names):
    """Let the links of the layers look at these alone."""
    patch.setattr(backprop, "LAYERS", {name: LAYERS[name] for name in names})
    patch.setattr(backprop, "TWINS", {name: TWINS[name] for name in TWINS if name in names})


@cache
def source(what):
    """(the text of a class or function, the number of its first line)."""
    lines, first = inspect.getsourcelines(what)
    return "".join(lines), first


def plant(patch, edits):
    """Make edits [(in what class or function, right, wrong), ...] until the test ends.

    Line numbers stay those of the file.
    """
    sources = {what: source(what)[0] for what, _, _ in edits}
    for what, right, wrong in edits:
        count = sources[what].count(right)
        assert count == 1, f"{right!r} stands {count} times in {what.__name__}: adapt this row"
        sources[what] = sources[what].replace(right, wrong)
    for what, text in sources.items():
        above = "\n" * (source(what)[1] - 1)
        made = {}
        exec(compile(above + text, inspect.getsourcefile(what), "exec"),
             vars(sys.modules[what.__module__]), made)
        new = made[what.__name__]
        if inspect.isclass(what):
            for name, value in vars(new).items():
                if inspect.isfunction(value):
                    patch.setattr(what, name, value)
        else:                           # in place, since other files have imported it already
            patch.setattr(what, "__code__", new.__code__)
            patch.setattr(what, "__defaults__", new.__defaults__)


def first_red(start, capsys):
    """Measure the links from `start` on: the first red one, and what `check` prints under it."""
    for link in ALL[MEASURES.index(start):]:
        holds = print_link(1, link)
        _, said = capsys.readouterr().out.split("\n", 1)
        if not holds:
            return link.measure, said
    return None, "every link holds"


def require_red(row, start, patch, capsys):
    """Plant a row (measure, named, edits): that link turns red first, and says where."""
    measure, named, edits = row
    look_at_what_is_edited(patch, edits)
    plant(patch, edits)
    red, said = first_red(start, capsys)
    assert red is measure and named in said, f"{red.__name__ if red else None}\n{said}"
