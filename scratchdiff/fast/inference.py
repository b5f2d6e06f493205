"""The forward pass alone, for many inputs: nothing kept for backward, nothing allocated on the way."""
from copy import copy

import numpy as np

PIECE = 128     # rows that are multiplied at once: OpenBLAS is nearly twice as fast if a product is a small one


class Inference:
    """What MLP.forward computes, to rounding, for n rows at a time and more than twice as fast.

    In the flat vector every W is followed by its b, so the two together are one matrix [W; b] of d_in + 1 rows, and
    one product does the work of a product and a sum, when each row of x is given a 1 at its end:
        [x, 1] [W; b] = x W + 1 b
    Each layer's inputs, with that column of ones, live in an array that is made once and used again at every call: a
    stack of n / PIECE matrices, which one call of NumPy multiplies one after the other. An activation is asked to work
    in place (`inplace`) if it can, else for its `forward`. Activations are copied, so that several threads may each
    have an Inference of one network.

    Attributes
    ----------
    x : (n, widths[0]) array
        Write the inputs there, then call.
    """

    def __init__(self, mlp, n):
        piece = n if n % PIECE else PIECE
        inputs = [np.ones((n // piece, piece, width + 1), mlp.params.dtype) for width in mlp.widths[:-1]]
        scratch = np.empty(max(array.size for array in inputs), mlp.params.dtype)
        weights, start = [], 0
        for d_in, d_out in zip(mlp.widths, mlp.widths[1:]):
            end = start + (d_in + 1) * d_out
            weights.append(mlp.params[start:end].reshape(d_in + 1, d_out))
            start = end
        self.x = inputs[0].reshape(n, -1)[:, :-1]
        self.hidden = [(x1, W1, y1, y1[..., :-1], y1[..., -1], copy(activation), scratch[:y1.size].reshape(y1.shape))
                       for x1, W1, y1, activation in zip(inputs, weights, inputs[1:], mlp.layers[1::2])]
        self.last = inputs[-1], weights[-1]

    def __call__(self):
        """y (n, widths[-1]) for the inputs that stand in x: a new array."""
        for x1, W1, y1, y, ones, activation, scratch in self.hidden:
            np.matmul(x1, W1, out=y)
            if hasattr(activation, "inplace"):
                activation.inplace(y1, scratch)
            else:
                y1[:] = activation.forward(y1.reshape(len(self.x), -1)).reshape(y1.shape)
            ones.fill(1)
        x1, W1 = self.last
        return (x1 @ W1).reshape(len(self.x), -1)
