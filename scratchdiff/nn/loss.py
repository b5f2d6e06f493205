"""The mean squared error, and its gradient: where every backward pass begins."""
import numpy as np

from scratchdiff.nn.expect import checked, expect_pair, row_weights


@checked
class MSE:
    """L = the mean of w (guess - target)^2 over all N = n d entries, where row i has weight w[i].

    This is the last layer. Its output is one number, the loss. The backward pass starts here, with
    dL/dL = 1. The weights are 1 until diffusion/levels.py makes use of them.

    Forward:    L = 1/N sum_ij w[i] (guess[i, j] - target[i, j])^2
    Backward:   guess[i, j] appears in only one term of the sum, so
        dL/dguess[i, j] = 2 w[i] (guess[i, j] - target[i, j]) / N     ->  2 w (guess - target) / N
    `backward` multiplies this by dloss, which is 1 unless something follows the loss. The target
    and the weights are data: they need no gradient.

    guess, target (n, d) floats with n at least 1; weight (n, 1), or one number for all rows. The
    loss is a float, dguess (n, d).
    """

    def forward(self, guess, target, weight=1.0):
        expect_pair("guess", guess, "target", target)
        difference = guess - target
        self.weighted = row_weights("weight", weight, guess) * difference
        return float(np.vdot(self.weighted, difference)) / guess.size   # vdot: sum of products

    def backward(self, dloss=1.0):
        return dloss * 2 / self.weighted.size * self.weighted
