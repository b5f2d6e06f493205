"""Adam: gradient descent in which each parameter's step is measured against its own usual gradient."""
from math import sqrt

import numpy as np

from scratchdiff.nn.expect import expect_floats, expect_shape


class Adam:
    """Adam on one flat vector (Kingma & Ba 2015, algorithm 1).

    For each parameter, running averages of its gradient g and of g^2:
        m <- beta1 m + (1 - beta1) g                    which way, on average
        v <- beta2 v + (1 - beta2) g^2                  how large, on average
    Both start at 0, and after k steps the shares of all gradients so far, (1 - beta) (1 + beta + ... + beta^(k-1)),
    add up to 1 - beta^k only: they are too small by that factor. Dividing by it corrects the bias:
        m_hat = m / (1 - beta1^k),    v_hat = v / (1 - beta2^k)
    and the step has about the length lr whatever the scale of the gradient:
        param <- param - lr m_hat / (sqrt(v_hat) + eps)             eps keeps the quotient finite where v is 0

    Parameters
    ----------
    params, grads : 1-D arrays of floats, of one shape
        `step` reads `grads` and changes `params` in place.
    """

    def __init__(self, params, grads, beta1=0.9, beta2=0.999, eps=1e-8):
        expect_floats("params", params)
        expect_shape("grads", grads, params.shape)
        for name, beta in [("beta1", beta1), ("beta2", beta2)]:
            if not 0 <= beta < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {beta}")
        self.params, self.grads = params, grads
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.m = np.zeros_like(params)
        self.v = np.zeros_like(params)
        self.k = 0                      # steps taken so far

    def step(self, lr):
        """One step of size about `lr`, along the gradients that stand in `grads` now."""
        self.k += 1
        self.m *= self.beta1
        self.m += (1 - self.beta1) * self.grads
        self.v *= self.beta2
        self.v += (1 - self.beta2) * self.grads ** 2
        # The formula above, its numerator and denominator multiplied by root: so no array need be divided twice.
        root = sqrt(1 - self.beta2 ** self.k)
        self.params -= lr * root / (1 - self.beta1 ** self.k) * self.m / (np.sqrt(self.v) + self.eps * root)
