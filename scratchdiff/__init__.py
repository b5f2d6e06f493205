"""A diffusion model of points, written from scratch in NumPy, with every derivative by hand.

Points start as noise and end on a circle. A network learns to guess the noise in a noisy point; a
sampler takes the guessed noise out again, a little at a time. Nothing is hidden in a framework: the
network, its derivatives, the optimiser and the sampler are here to be read, in this order.

    reference.py              all of the mathematics, one number at a time, in plain Python
    nn/layers.py              the same for whole batches: Linear, ReLU, SiLU, each with its derivation
    nn/loss.py                the mean squared error, where every backward pass begins
    nn/mlp.py                 layers in a row, over one flat vector of parameters
    nn/adam.py                the optimiser
    nn/gradcheck.py           how to know that a backward pass is right
    diffusion/schedule.py     noise: how much of a point is left at each of 50 levels
    diffusion/denoiser.py     the network's guess at the noise in a noisy point
    diffusion/training.py     the loop that teaches it
    diffusion/sampling.py     the way back, from noise to points
    diffusion/exact.py        the perfect denoiser: how good the guess could be
    diffusion/shapes.py       what there is to learn; energy.py: how far two sets of points are apart
    app/                      the command line; app/chain.py: why the result can be believed

From scratchdiff import ... what you need; help(scratchdiff.MLP) and so on say how it is used.

    Linear, ReLU, SiLU         layers: forward(x), and backward(dy)
    MLP, MSE, Adam             a network of layers, the loss, the optimiser
    check_gradients            is a backward pass right? Of any layer: yours too
    Schedule, Denoiser, train  how much noise, who guesses it, the loop that teaches it
    sample, reverse_process    points out of noise: many; or a few, watched on their way
    ExactDenoiser              the perfect denoiser of a known distribution
    floor_and_excess           how good a denoiser could be, and how far from that it is
    SHAPES, Shape, Standard    what there is to learn; a shape of your own; points of any size to size 1
    energy_distance            how far two sets of points are apart

Each is loaded when it is first asked for, so that a program pays for what it uses.
"""
from importlib import import_module

_HOME = {
    "Linear": "nn.layers", "ReLU": "nn.layers", "SiLU": "nn.layers",
    "MLP": "nn.network", "MSE": "nn.loss", "Adam": "nn.adam", "check_gradients": "nn.gradcheck",
    "Schedule": "diffusion.schedule", "Denoiser": "diffusion.denoiser", "train": "diffusion.training",
    "reverse_process": "diffusion.sampling", "sample": "diffusion.sampling",
    "ExactDenoiser": "measure.exact", "floor_and_excess": "measure.exact",
    "SHAPES": "measure.shapes", "Shape": "measure.shapes", "Standard": "measure.shapes",
    "energy_distance": "measure.energy",
}
__all__ = list(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__():
    return [*globals(), *__all__]
