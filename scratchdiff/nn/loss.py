"""Mean squared error, and its gradient: where every backward pass begins."""
import numpy as np

from scratchdiff.nn.expect import expect_floats, expect_forward_first, expect_shape


class MSE:
    """L = the mean of (guess - target)^2 over all N = n d entries.

    The last layer of all: its output is one number, the loss, and dL/dL = 1 starts the backward pass.
    L = 1/N sum_ij (guess[i, j] - target[i, j])^2, and guess[i, j] is in one term of the sum only:
        dL/dguess[i, j] = 2 (guess[i, j] - target[i, j]) / N      ->  dguess = 2 (guess - target) / N
    (times dloss, which is 1 if the loss is what it all ends in).

    guess, target (n, d) floats of one shape, n at least 1; so is dguess. The loss is a float.
    """

    def __init__(self):
        self.difference = None

    def forward(self, guess, target):
        expect_floats("guess", guess)
        expect_shape("target", target, guess.shape)
        if not guess.size:
            raise ValueError(f"guess must have at least one entry, got shape {guess.shape}")
        self.difference = difference = guess - target
        return float(np.vdot(difference, difference)) / difference.size     # vdot: the sum of all products

    def backward(self, dloss=1.0):
        expect_forward_first(self, self.difference)
        return self.difference * (2 / self.difference.size * dloss)
