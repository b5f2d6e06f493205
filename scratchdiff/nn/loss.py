"""The mean squared error, and its gradient: where every backward pass begins."""
import numpy as np

from scratchdiff.nn.expect import checked, expect_pair


@checked
class MSE:
    """L = the mean of (guess - target)^2 over all N = n d entries.

    This is the last layer of all. Its output is one number, the loss, and dL/dL = 1 starts the
    backward pass.

    Forward:    L = 1/N sum_ij (guess[i, j] - target[i, j])^2
    Backward:   guess[i, j] is in one term of the sum only, so
        dL/dguess[i, j] = 2 (guess[i, j] - target[i, j]) / N      ->  2 (guess - target) / N
    times dloss, which is 1 unless something follows the loss. The target is data: it needs no
    gradient.

    guess, target (n, d) floats with n at least 1. The loss is a float, dguess (n, d).
    """

    def forward(self, guess, target):
        expect_pair("guess", guess, "target", target)
        self.difference = guess - target
        return float(np.vdot(self.difference, self.difference)) / guess.size    # a sum of squares

    def backward(self, dloss=1.0):
        return 2 / self.difference.size * dloss * self.difference
