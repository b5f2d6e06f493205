"""The layers: each has a forward pass, and a backward pass derived from it.

Let L be the loss, the one number at the very end. Backpropagation asks every layer the same
question. You turned x into y, and L changes by dL/dy[i, j] for each unit of y[i, j]. By how much
does L change for each unit of x, and of your parameters? The chain rule answers: over all outputs
that an entry reaches, add up

    (how L depends on the output) times (how the output depends on the entry)

In the code `dA` always means dL/dA: dL/dy is `dy`, dL/dx is `dx`, dL/dW is `dW`. Each has the
shape of its array, so `dW` is as large as W. Batches are rows: x is (n, d), one example a row.

A layer is any object with

    forward(x) -> y         computes y, and keeps what backward will need
    backward(dy) -> dx      returns dL/dx, and writes the gradients of its own parameters
    parameters              the names of its parameters, if it has any: ("W", "b")

`@checked` (nn/expect.py) refuses wrong arguments, so the layers need few checks of their own.
"""
from functools import lru_cache

import numpy as np

from scratchdiff.nn.expect import checked, expect


@checked
class Linear:
    """y = x W + b, one row of x per example.

    x (n, d_in), W (d_in, d_out), b (d_out,), y (n, d_out).

    Forward, entry by entry:   y[i, j] = sum_k x[i, k] W[k, j] + b[j]

    Backward. W[k, j] reaches y[i, j] for every example i, with slope x[i, k]. b[j] reaches the
    same outputs with slope 1. x[i, k] reaches y[i, j] for every j, with slope W[k, j]. So
        dL/dW[k, j] = sum_i x[i, k] dy[i, j]      ->  dW = x.T @ dy
        dL/db[j]    = sum_i dy[i, j]              ->  db = dy.sum(axis=0)
        dL/dx[i, k] = sum_j dy[i, j] W[k, j]      ->  dx = dy @ W.T

    On the right the sums are matrix products: (A B)[k, j] is sum_i A[k, i] B[i, j], and x.T[k, i]
    is x[i, k]. The shapes are a good reminder: from (n, d_in) and (n, d_out), x.T @ dy is the only
    product of shape (d_in, d_out). The code sums the columns of dy by a product too: a row of ones
    times dy. NumPy is more than twice as fast at that as at dy.sum(axis=0).
    """

    parameters = ("W", "b")

    def __init__(self, W, b):
        expect("W", W, ("d_in", "d_out"))
        expect("b", b, W.shape[1:])
        self.W, self.b = W, b
        self.dW, self.db = np.zeros_like(W), np.zeros_like(b)

    def forward(self, x):
        expect("x", x, ("n", len(self.W)), self.W.dtype)
        self.x = x
        y = x @ self.W                                      # (n, d_out)
        y += self.b
        return y

    def backward(self, dy):
        np.matmul(self.x.T, dy, out=self.dW)                # (d_in, d_out)
        np.matmul(ones(len(dy), dy.dtype), dy, out=self.db)  # (d_out,), the column sums
        return dy @ self.W.T                                # (n, d_in)


@checked
class ReLU:
    """y = max(x, 0), entry by entry (Nair & Hinton 2010).

    y[i, j] depends on x[i, j] alone, with slope 1 where x > 0 and slope 0 where x < 0:
        dL/dx[i, j] = dy[i, j] if x[i, j] > 0 else 0      ->  dx = dy * (x > 0)

    At x = 0 there is a kink and no derivative. By convention we take 0.
    """

    def forward(self, x):
        self.on = (x > 0).astype(x.dtype)                   # 1 where x > 0, else 0
        return x * self.on

    def backward(self, dy):
        return dy * self.on


@checked
class SiLU:
    """y = x s(x), entry by entry, where s(x) = 1 / (1 + exp(-x)) is the sigmoid.

    It is a ReLU with its corner rounded off: about x for large x, about 0 for very negative x, and
    smooth in between (Elfwing et al. 2018, eq. 3).

    First the sigmoid's slope. Since 1 - s = exp(-x) / (1 + exp(-x)),
                                 ds/dx = exp(-x) / (1 + exp(-x))^2 = s (1 - s)
    Then by the product rule     dy/dx = s + x s (1 - s) = s + y (1 - s)
    and so                       dx = dy * (s + y * (1 - s))

    The code computes s as (1 + tanh(x / 2)) / 2. It is the same function, and cannot overflow.
    """

    def forward(self, x):
        self.s = 0.5 * np.tanh(0.5 * x) + 0.5
        self.y = x * self.s
        return self.y

    def backward(self, dy):
        return dy * (self.s + self.y * (1 - self.s))


@lru_cache
def ones(n, dtype):
    return np.ones(n, dtype)


ACTIVATIONS = {"relu": ReLU, "silu": SiLU}
