"""The forward pass alone, for many inputs: nothing kept for backward, nothing allocated on the way."""
from copy import copy

import numpy as np


class Inference:
    """What MLP.forward computes, to rounding, for n rows at a time and about twice as fast.

    In the flat vector every W is followed by its b, so the two together are one matrix [W; b] of d_in + 1 rows, and
    one product does the work of a product and a sum, when each row of x is given a 1 at its end:
        [x, 1] [W; b] = x W + 1 b
    Each layer's inputs, with that column of ones, live in an array that is made once and used again at every call.
    An activation is asked to work in place (`inplace`) if it can, else for its `forward`. Activations are copied, so
    that several threads may each have an Inference of one network.
    """

    def __init__(self, mlp, n):
        linears, self.activations = mlp.layers[::2], [copy(layer) for layer in mlp.layers[1::2]]
        self.weights, self.inputs, self.scratch = [], [], []
        start = 0
        for linear in linears:
            d_in, d_out = linear.W.shape
            end = start + (d_in + 1) * d_out
            self.weights.append(mlp.params[start:end].reshape(d_in + 1, d_out))
            self.inputs.append(np.ones((n, d_in + 1), mlp.params.dtype))
            self.scratch.append(np.empty_like(self.inputs[-1]))
            start = end

    def __call__(self, x):
        """x (n, widths[0]) -> y (n, widths[-1]), a new array."""
        self.inputs[0][:, :-1] = x
        for weights, x1, activation, y1, scratch in zip(
                self.weights, self.inputs, self.activations, self.inputs[1:], self.scratch[1:]):
            np.matmul(x1, weights, out=y1[:, :-1])
            if hasattr(activation, "inplace"):
                activation.inplace(y1, scratch)
            else:
                y1[:] = activation.forward(y1)
            y1[:, -1] = 1
        return self.inputs[-1] @ self.weights[-1]
