"""The forward pass alone, for many rows: nothing is kept for backward, and arrays are reused."""
from copy import copy
from functools import partial

import numpy as np

from scratchdiff.nn.layers import Linear, ReLU, SiLU
from scratchdiff.nn.lora import LoRA
from scratchdiff.nn.network import Network

PIECE = 128     # rows multiplied at once: OpenBLAS is nearly twice as fast on such small products


def faster(denoiser, n):
    """A copy of a denoiser that only goes forward, for n points at a time, and is faster.

    Each thread needs a copy of its own. A denoiser that asks another one, such as Guided, must hold
    the other as its attribute `denoiser`. A denoiser without a Network is copied as it is.
    """
    quick = copy(denoiser)
    if isinstance(getattr(denoiser, "network", None), Network):
        quick.network = Inference(denoiser.network, n)
        quick.inputs = quick.network.inputs
    elif hasattr(denoiser, "denoiser"):
        quick.denoiser = faster(denoiser.denoiser, n)
    return quick


class Inference:
    """What network.forward computes for n rows, up to rounding, and more than twice as fast.

    Give each row of x a 1 at its end, and one product does the work of a product and a sum:
        [x, 1] [W; b] = x W + 1 b
    The inputs [x, 1] of each Linear live in an array that is made once and reused at every call: a
    stack of n / PIECE matrices, which one call of NumPy multiplies one after the other. Each
    product writes its output where the next one reads its input. An activation in IN_PLACE works
    right there, between two products; any other layer is asked for its forward. The weights are
    copied, as they are now.

    Attributes
    ----------
    inputs : (n, d_in) array, or None
        forward reads an x that was written here without copying it.
    """

    def __init__(self, network, n):
        piece = PIECE if n % PIECE == 0 else n          # or all rows in one piece
        layers = [layer.merged() if isinstance(layer, LoRA) else layer for layer in network.layers]
        widest = max((len(layer.W) for layer in layers if type(layer) is Linear), default=0)
        scratch = np.empty(n * (widest + 1), network.params.dtype)      # for activations to work in
        self.steps, target = [], None       # target: the next Product, if a layer may write there
        factor = 1.0                        # what the next layer wants its input multiplied by
        for layer, before in zip(layers[::-1], [*layers[-2::-1], None]):
            if type(layer) is Linear:
                W1 = factor * np.vstack([layer.W, layer.b])
                target = Product(np.ones((n // piece, piece, len(W1)), W1.dtype), W1, target)
                step, factor = target.multiply, 1.0
            elif type(layer) in IN_PLACE and type(before) is Linear and target is not None:
                activate, factor = IN_PLACE[type(layer)]
                room = scratch[:target.rows.size].reshape(target.rows.shape)
                step = partial(activate, target, room)
            else:
                step, target = copy(layer).forward, None
            self.steps.insert(0, step)
        self.inputs = None if target is None else target.x

    def forward(self, x):
        """x (n, d_in) -> y (n, d_out), a new array."""
        for step in self.steps:
            x = step(x)
        return x


class Product:
    """x W + b, for an x (n, d_in) that lies in `rows`, as [x, 1], or is copied there first.

    rows (n / piece, piece, d_in + 1). `target` is the next Product, which gets the output as its x.
    """

    def __init__(self, rows, W1, target):
        self.rows, self.W1, self.target = rows, W1, target
        self.x = rows.reshape(-1, rows.shape[-1])[:, :-1]
        self.ones = rows[..., -1]
        self.out = None if target is None else target.rows[..., :-1]

    def multiply(self, x):
        if x is not self.x:
            self.x[:] = x
        if self.target is None:
            return np.matmul(self.rows, self.W1).reshape(len(x), -1)
        np.matmul(self.rows, self.W1, out=self.out)
        return self.target.x


# Activations that work where their input lies, in target.rows, over the 1s as well: leaving the 1s
# out would be slower. Each returns target.x, with the 1s as they were.

def relu_in_place(target, scratch, x):
    zeros = scratch[:1]                 # an array of zeros is three times as fast as the number 0
    zeros.fill(0)
    np.maximum(target.rows, zeros, out=target.rows)             # max(1, 0) is 1
    return target.x


def silu_in_place(target, scratch, x):
    """The input is half of what SiLU gets, x / 2. SiLU is x s(x) = x / 2 (1 + tanh(x / 2))."""
    np.tanh(target.rows, out=scratch)
    scratch += 1
    np.multiply(target.rows, scratch, out=target.rows)
    target.ones.fill(1)
    return target.x


# Each with the factor for its input. The product before takes it into its weights, at no cost.
IN_PLACE = {ReLU: (relu_in_place, 1.0), SiLU: (silu_in_place, 0.5)}
