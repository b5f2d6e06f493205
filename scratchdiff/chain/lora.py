"""Links about LoRA: adapters start from nothing, merge into W, and leave W and b alone."""
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
    """A small network with adapters, and the same network without. c is 3 / RANK."""
    old = small_mlp("silu")
    new = adapted(old, RANK, np.random.default_rng(3), alpha=3)
    if trained:                         # move all of A and B, as training would
        new.params += numbers(len(new.params))
    return new, old


def new_adapters_change_nothing():
    """A network with new adapters has the outputs of the reference without adapters."""
    new, old = adapters(trained=False)
    layers = reference.unflatten(old.params.tolist(), WIDTHS)
    x = numbers(5, 3)
    theirs = [reference.forward(layers, reference.ACTIVATIONS["silu"], row)[0]
              for row in x.tolist()]
    return worst({"the outputs of a network with new adapters": distance(new.forward(x), theirs)})


def merged_is_the_same():
    """Merged adapters against separate ones: in a layer, in a network, and in fast sampling."""
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
    """In ten steps of training every entry of A and B moves, and not one bit of W and b changes."""
    new, old = adapters(trained=False)
    before = old.params.copy()
    schedule = Schedule.linear()
    x0, t, eps = clean_points()
    batches = [(schedule.add_noise(x0, t, eps), t, eps)] * 10
    start = new.params.copy()
    denoiser = Denoiser(new, schedule, "v")
    for _ in train(denoiser, Adam(new.params, new.grads), batches, 10, lambda step: 0.01):
        pass
    misses = {"the parameters of the network that was adapted": change(old.params, before)}
    layers = [layer for layer in new.layers if isinstance(layer, LoRA)]
    base = reference.unflatten(before.tolist(), WIDTHS)
    for number, (layer, (W, b)) in enumerate(zip(layers, base)):
        misses[f"W of LoRA number {number}"] = change(layer.W, W)
        misses[f"b of LoRA number {number}"] = change(layer.b, b)
    unmoved = np.flatnonzero(new.params == start)
    if len(unmoved):
        return Measured(np.inf, f"{len(unmoved)} of {len(start)} entries of A and B never moved")
    return worst(misses)


def change(array, before):
    """The largest change of an entry."""
    return float(np.abs(array - np.array(before)).max())
