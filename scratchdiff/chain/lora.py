"""Links about LoRA: what it starts from, what it merges into, what it leaves alone."""
import numpy as np

from scratchdiff import reference
from scratchdiff.chain.layers import WIDTHS, clean_points, numbers, small_mlp
from scratchdiff.chain.link import Measured, distance, worst
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.diffusion.training import train
from scratchdiff.fast.inference import Inference
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import Linear
from scratchdiff.nn.lora import LoRA, adapted, merged

RANK = 2


def adapters(trained):
    """A small network with adapters, and the network that they were put on. c is 3 / RANK."""
    old = small_mlp("silu")
    new = adapted(old, RANK, np.random.default_rng(3), alpha=3)
    if trained:                         # not really: move all of A and B
        new.params += numbers(len(new.params))
    return new, old


def new_adapters_change_nothing():
    """The outputs of a network with new adapters are those of the reference without any."""
    new, old = adapters(trained=False)
    layers = reference.unflatten(old.params.tolist(), WIDTHS)
    x = numbers(5, 3)
    theirs = [reference.forward(layers, reference.ACTIVATIONS["silu"], row)[0]
              for row in x.tolist()]
    return worst({"the outputs of a network with new adapters": distance(new.forward(x), theirs)})


def merged_is_the_same():
    """A layer, a network, and what sampling runs, each with adapters of any size and merged."""
    new, _ = adapters(trained=True)
    x = numbers(5, 3)
    y = new.forward(x)
    plain = merged(new)
    misses = {"the network, merged": distance(plain.forward(x), y),
              "the network, as sampling runs it": distance(Inference(new, 5).forward(x), y)}
    for layer in new.layers:
        if isinstance(layer, LoRA):
            x = numbers(5, len(layer.W))
            title = f"a layer of shape {len(layer.W)}x{len(layer.b)}, merged"
            misses[title] = distance(layer.merged().forward(x), layer.forward(x))
    if not any(type(layer) is Linear for layer in plain.layers):
        misses["no layer was merged"] = np.inf
    return worst(misses)


def training_keeps_the_base():
    """Ten steps of training: A and B move in every layer, and no bit of W and b does."""
    new, old = adapters(trained=False)
    before = old.params.copy()
    schedule = Schedule.linear()
    x0, t, eps = clean_points()
    batches = [(schedule.add_noise(x0, t, eps), t, eps)] * 10
    start = new.params.copy()
    denoiser = Denoiser(new, schedule, "v")
    for _ in train(denoiser, Adam(new.params, new.grads), batches, 10, lambda step: 0.01):
        pass
    misses = {"the parameters of the network that was adapted": moved(old.params, before)}
    was = reference.unflatten(before.tolist(), WIDTHS)
    layers = [layer for layer in new.layers if isinstance(layer, LoRA)]
    for number, (layer, (W, b)) in enumerate(zip(layers, was)):
        misses[f"W of LoRA number {number}"] = moved(layer.W, W)
        misses[f"b of LoRA number {number}"] = moved(layer.b, b)
    still = np.flatnonzero(new.params == start)
    if len(still):
        return Measured(np.inf, f"{len(still)} of {len(start)} entries of A and B never moved")
    return worst(misses)


def moved(array, before):
    return float(np.abs(array - np.array(before)).max())
