"""Twins: parts of the reference in the form of layers, so that the gradient checker can test them.

Twins take and return arrays, where the reference takes and returns lists of numbers.
"""
import numpy as np

from scratchdiff import reference
from scratchdiff.chain.layers import clean_points
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.expect import chosen


class ReferenceLoss:
    """The reference's loss as a function of all parameters of a network.

    The batch has five examples, and `weights` has a weight for each. `multiples` are those of the
    waves, or empty if there are no waves.
    """

    def __init__(self, activation, predicts, widths, weights, multiples=(), seed=2):
        self.activation = chosen("an activation of reference.py", activation, reference.ACTIVATIONS)
        self.predicts = predicts
        self.widths, self.multiples = widths, multiples
        self.alpha_bars = reference.alpha_bars_of(Schedule.linear().betas.tolist())
        points = (array.tolist() for array in clean_points(seed=seed))
        self.batch = [(reference.add_noise(x0, eps, self.alpha_bars[t]), t, eps, weight)
                      for x0, t, eps, weight in zip(*points, weights)]

    def forward(self, params):
        self.network = reference.unflatten(params.tolist(), self.widths)
        return reference.loss(*self.arguments())

    def backward(self, dloss):
        return dloss * np.array(self.gradient())

    def gradient(self):
        """The gradient of the loss that forward has computed, a list."""
        return reference.loss_gradient(*self.arguments())

    def arguments(self):
        return (self.network, self.activation, self.predicts, self.alpha_bars, self.batch,
                self.multiples)


class ReferenceWaves:
    """The reference's waves, with the same d and multiples as a Waves layer."""

    parameters = ()

    def __init__(self, waves):
        self.d, self.multiples = waves.d, waves.multiples

    def forward(self, x):
        self.rows = x.tolist()
        return np.array([reference.waves(row, self.d, self.multiples) for row in self.rows])

    def backward(self, dy):
        return np.array([reference.waves_backward(row, self.d, self.multiples, dy_row)
                         for row, dy_row in zip(self.rows, dy.tolist())])


class ReferenceLoRA:
    """The reference's LoRA, with the arrays of a LoRA layer whose alpha is 3, as in LAYERS."""

    parameters, constants = ("A", "B"), ("W", "b")

    def __init__(self, lora):
        self.W, self.b, self.A, self.B = lora.W, lora.b, lora.A, lora.B
        self.c = 3 / self.A.shape[1]

    def forward(self, x):
        self.rows = x.tolist()
        self.numbers = [array.tolist() for array in (self.W, self.b, self.A, self.B)]
        return np.array([[reference.lora_neuron(row, *self.numbers, self.c, j)
                          for j in range(len(self.b))] for row in self.rows])

    def backward(self, dy):
        W, _, A, B = self.numbers
        rows = [reference.lora_backward(row, W, A, B, self.c, dy_row)
                for row, dy_row in zip(self.rows, dy.tolist())]
        dA, dB, dx = map(np.array, zip(*rows))              # (n, ...) each
        self.dA, self.dB = dA.sum(axis=0), dB.sum(axis=0)
        return dx


TWINS = {"Waves": ReferenceWaves, "LoRA": ReferenceLoRA}
