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
        quick.network_inputs = partial(quick.network_inputs, out=quick.network.inputs)
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
    right there; any other layer is asked for its forward. The weights are copied, as they are now.

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
        self.steps, target = [], None               # target: the [x, 1] that a layer may write to
        for layer in reversed(layers):
            if type(layer) is Linear:
                W1 = np.vstack([layer.W, layer.b])
                rows = np.ones((n // piece, piece, len(W1)), W1.dtype)
                step = target = Product(rows, W1, target)
            elif type(layer) in IN_PLACE and target is not None:
                room = scratch[:target.rows.size].reshape(target.rows.shape)
                step = partial(in_place, IN_PLACE[type(layer)], target, room)
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

    def __call__(self, x):
        self.take(x)
        if self.target is None:
            return np.matmul(self.rows, self.W1).reshape(len(x), -1)
        np.matmul(self.rows, self.W1, out=self.target.rows[..., :-1])
        return self.target.x

    def take(self, x):
        if x is not self.x:
            self.x[:] = x


def in_place(activation, target, scratch, x):
    """Run an activation over all of `rows`: faster than leaving the 1s out. Then restore them."""
    target.take(x)
    activation(target.rows, scratch)
    target.rows[..., -1] = 1
    return target.x


def relu_in_place(x, scratch):
    zeros = scratch[:1]                 # an array of zeros is three times as fast as the number 0
    zeros.fill(0)
    np.maximum(x, zeros, out=x)


def silu_in_place(x, scratch):
    np.multiply(x, 0.5, out=x)
    np.tanh(x, out=scratch)
    scratch += 1
    x *= scratch                        # x / 2 (1 + tanh(x / 2))


IN_PLACE = {ReLU: relu_in_place, SiLU: silu_in_place}
