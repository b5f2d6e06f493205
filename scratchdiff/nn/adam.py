"""Adam: gradient descent whose steps do not depend on the scale of the gradient."""
from math import sqrt

import numpy as np

from scratchdiff.nn.expect import expect, expect_positive


class Adam:
    """Adam on one flat vector (Kingma & Ba 2015, algorithm 1).

    Plain gradient descent moves each parameter downhill, param <- param - lr g, where g is its
    gradient and lr, the learning rate, is one small number for all. If the g of one parameter is
    usually a thousand times smaller than that of another, so is its step, and no lr suits both.
    So Adam divides each gradient by its usual size. For each parameter it keeps a running average
    of g, which is less noisy than a single g, and one of g^2:
        m <- beta1 m + (1 - beta1) g
        v <- beta2 v + (1 - beta2) g^2

    Both start at 0, so at first they are too small. Unroll the first line: after k steps, the
    gradient of j steps ago counts (1 - beta1) beta1^j in m. The coefficients of an average should
    add up to 1, but these add up to
        (1 - beta1) (1 + beta1 + ... + beta1^(k-1)) = 1 - beta1^k
    So divide m by that sum, and v by its own. Then sqrt(v_hat) is the usual size of g, the root
    mean square of its last values:
        m_hat = m / (1 - beta1^k),    v_hat = v / (1 - beta2^k)
        param <- param - lr m_hat / (sqrt(v_hat) + eps)         eps avoids a division by 0

    A first gradient of 5 makes m = 0.5 and v = 0.025, so m_hat = 5 and sqrt(v_hat) = 5: the step is
    lr long. A first gradient of 0.005 makes the same step. Later, a step is about lr long while g
    keeps its sign and size, and much shorter while g changes its sign all the time.

    With root = sqrt(1 - beta2^k), sqrt(v_hat) is sqrt(v) / root. So the code computes
        m_hat / (sqrt(v_hat) + eps) = root m_hat / (sqrt(v) + root eps)
    which saves two divisions of arrays, and about a fifth of the time.

    Parameters
    ----------
    params, grads : 1-D arrays of floats, of one shape (P,)
        `step` reads `grads` and changes `params` in place.
    """

    def __init__(self, params, grads, beta1=0.9, beta2=0.999, eps=1e-8):
        expect("params", params)
        expect("grads", grads, params.shape)
        for name, beta in [("beta1", beta1), ("beta2", beta2)]:
            if not 0 <= beta < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, got {beta}")
        expect_positive("eps", eps)
        self.params, self.grads = params, grads
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.m = np.zeros_like(params)
        self.v = np.zeros_like(params)
        self.k = 0                      # steps taken so far

    def step(self, lr):
        """Take one step. lr is a positive number, or an array (P,) of them, one per parameter.

        Raises ValueError for any other lr, before a parameter moves.
        """
        expect_positive("lr", lr, self.params.shape)
        self.k += 1
        self.m *= self.beta1
        self.m += (1 - self.beta1) * self.grads
        self.v *= self.beta2
        self.v += (1 - self.beta2) * self.grads ** 2
        root = sqrt(1 - self.beta2 ** self.k)
        scale = lr * root / (1 - self.beta1 ** self.k)
        self.params -= scale * self.m / (np.sqrt(self.v) + self.eps * root)
