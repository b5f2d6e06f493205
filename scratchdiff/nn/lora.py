"""LoRA, low-rank adaptation: leave a trained layer as it is, train a small correction beside it.

The correction is a product of two thin matrices, A B. For a W of 32 x 32, 1024 numbers, they can be
32 x 4 and 4 x 32: 256 numbers (Hu et al. 2022).

Measured. A network that knows the circle learns an ellipse. The table shows its excess, the loss
above the lowest loss possible (tests/quality_lora.py has more ranks, and more points):

                               the whole ellipse            30 points of it
    steps                         300    1000    3000        300    1000    3000
    rank 4, 1197 parameters    0.0097  0.0024  0.0013     0.0188  0.0120  0.0158
    all 4418 parameters        0.0132  0.0027  0.0009     0.0242  0.0165  0.0283
    a new network              0.0131  0.0027  0.0010     0.0231  0.0193  0.0485

LoRA helps when the new points resemble the old ones: in short runs, and above all with few points,
because few parameters cannot memorise them. It does not help in long runs with many points, nor for
points that are very different: on the moons, training all parameters is better from 1000 steps on.
It saves parameters, not time: a step at rank 4 takes 1.2 times as long as a step that trains all.
"""
from copy import copy

import numpy as np

from scratchdiff.nn.expect import checked, expect
from scratchdiff.nn.layers import Linear
from scratchdiff.nn.network import Network


@checked
class LoRA:
    """y = x W + b + c x A B, with W and b frozen, and c = alpha / r (Hu et al. 2022, section 4.1).

    x (n, d_in), W (d_in, d_out), b (d_out,), y (n, d_out). The correction A B has the shape of W,
    but a rank of at most r: A is (d_in, r) and B is (r, d_out), so each row of A B is a mixture of
    the r rows of B. Hu et al. keep alpha fixed, so c gets smaller as r grows. Here alpha is r
    unless given, so c is 1, and the learning rate depends on r (experiment/recipe.py).

    Forward, in two steps:     h[i, q] = sum_k x[i, k] A[k, q]
                               y[i, j] = (x W + b)[i, j] + c sum_q h[i, q] B[q, j]

    Backward. B acts as the weight of a Linear with input c h, and A as that of one with input x and
    output h. So, as in layers.py,
        dL/dB[q, j] = c sum_i h[i, q] dy[i, j]          ->  dB = c h.T @ dy
        dL/dh[i, q] = c sum_j dy[i, j] B[q, j]          ->  dh = c dy @ B.T
        dL/dA[k, q] = sum_i x[i, k] dh[i, q]            ->  dA = x.T @ dh
    x[i, k] reaches y through W and through h:
        dL/dx[i, k] = sum_j dy[i, j] W[k, j] + sum_q dh[i, q] A[k, q]
                                                        ->  dx = dy @ W.T + dh @ A.T
    W and b stay as they are, so they need no gradient.
    """

    parameters = ("A", "B")
    constants = ("W", "b")              # frozen: they have no gradient

    def __init__(self, W, b, A, B, alpha):
        expect("W", W, ("d_in", "d_out"))
        expect("b", b, W.shape[1:], W.dtype)
        expect("A", A, (len(W), "r"), W.dtype)
        expect("B", B, (A.shape[1], W.shape[1]), W.dtype)
        self.W, self.b, self.A, self.B = W, b, A, B
        self.dA, self.dB = np.zeros_like(A), np.zeros_like(B)
        self.c = float(alpha / A.shape[1])

    def forward(self, x):
        expect("x", x, ("n", len(self.W)), self.W.dtype)
        self.x = x
        self.h = x @ self.A                                 # (n, r)
        y = x @ self.W                                      # (n, d_out)
        y += self.b
        y += (self.c * self.h) @ self.B
        return y

    def backward(self, dy):
        dh = self.c * (dy @ self.B.T)                       # (n, r)
        self.dB[:] = self.c * (self.h.T @ dy)               # (r, d_out)
        self.dA[:] = self.x.T @ dh                          # (d_in, r)
        return dy @ self.W.T + dh @ self.A.T                # (n, d_in)

    def merged(self):
        """The Linear that computes the same: x W + b + c x A B = x (W + c A B) + b."""
        return Linear(self.W + self.c * (self.A @ self.B), self.b.copy())


def largest_rank(network):
    """The largest rank that any W of the network can have: a larger r would add nothing."""
    return max(min(layer.W.shape) for layer in network.layers if isinstance(layer, Linear))


def merged(network):
    """A network without adapters that computes the same: each LoRA merged, the rest copied."""
    return Network([layer.merged() if isinstance(layer, LoRA) else copy(layer)
                    for layer in network.layers])


def adapted(network, r, rng, alpha=None):
    """A network that computes the same as `network`, and learns by LoRA alone.

    Each Linear becomes a LoRA of rank r, or of rank d_in or d_out if that is less. A is random,
    with the variance 1 / d_in of a new weight, and B is 0, so the correction starts at 0. (If A
    were 0 too, dA and dB would both be 0, and neither would ever move.) The weights are copied:
    `network` stays as it is. alpha is the rank of the layer unless given, which makes c = 1.

    r is an int from 1 to the largest rank of a layer: ValueError otherwise.
    """
    most = largest_rank(network)
    if not 1 <= r <= most:
        raise ValueError(f"r must be from 1 to {most}, the largest rank of a layer, got {r}")
    layers = []
    for layer in network.layers:
        if isinstance(layer, Linear):
            W, b = layer.W.copy(), layer.b.copy()
            d_in, d_out = W.shape
            rank = min(r, d_in, d_out)
            A = rng.uniform(-1, 1, (d_in, rank)) * np.sqrt(3 / d_in)
            layers.append(LoRA(W, b, A.astype(W.dtype), np.zeros((rank, d_out), W.dtype),
                               rank if alpha is None else alpha))
        else:
            layers.append(copy(layer))
    return Network(layers)
