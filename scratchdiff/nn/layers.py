"""The layers: each a forward pass, and a backward pass derived from it.

Let L be the loss, the one number at the very end. Backpropagation asks every layer the same question:
you turned x into y; L changes by dL/dy[i, j] for each unit of y[i, j]; by how much does it change for each
unit of your x, and of your parameters? The chain rule answers: add up, over all outputs that an entry
reaches, (how L depends on the output) times (how the output depends on the entry).

In the code dL/dy is called `dy`, dL/dx is `dx`, dL/dW is `dW`: a derivative of L always has the shape
of the thing it is with respect to. Batches are rows: x is (n, d), one example a row.

A layer is any object with

    forward(x) -> y      computes, and keeps what backward will need
    backward(dy) -> dx   returns dL/dx, and writes the gradients of its own parameters, if it has any

(An activation may also have inplace(x, scratch), for nn/inference.py: forward, written over x; scratch is an array
like x to work in.)
"""
import numpy as np

from scratchdiff.nn.expect import expect_floats, expect_forward_first, expect_rows, expect_shape


class Linear:
    """y = x W + b, one row of x per example.

    x (n, d_in), W (d_in, d_out), b (d_out,), y (n, d_out).

    Forward, entry by entry:   y[i, j] = sum_k x[i, k] W[k, j] + b[j]

    Backward. W[k, j] reaches y[i, j] for every example i, with slope x[i, k]; b[j] reaches the same
    outputs with slope 1; x[i, k] reaches y[i, j] for every j, with slope W[k, j]. So
        dL/dW[k, j] = sum_i x[i, k] dy[i, j]      ->  dW = x.T @ dy
        dL/db[j]    = sum_i dy[i, j]              ->  db = column sums of dy
        dL/dx[i, k] = sum_j dy[i, j] W[k, j]      ->  dx = dy @ W.T

    On the right the sums are written as matrix products: (A B)[k, j] is sum_i A[k, i] B[i, j], and x.T[k, i] is x[i, k].
    The shapes help to remember it: (d_in, d_out) can be made of (n, d_in) and (n, d_out) only as x.T @ dy.
    `dW` and `db` are the arrays that backward writes to; new ones unless given.
    """

    def __init__(self, W, b, dW=None, db=None):
        expect_floats("W", W)
        if W.ndim != 2:
            raise ValueError(f"W must have shape (d_in, d_out), got {W.shape}")
        expect_shape("b", b, W.shape[1:])
        self.W, self.b = W, b
        self.dW = np.zeros_like(W) if dW is None else dW
        self.db = np.zeros_like(b) if db is None else db
        self.x = None

    def forward(self, x):
        expect_rows("x", x, self.W.shape[0], self.W.dtype)
        self.x = x
        y = x @ self.W                                                      # (n, d_out)
        y += self.b
        return y

    def backward(self, dy):
        expect_forward_first(self, self.x)
        expect_shape("dy", dy, (len(self.x), self.W.shape[1]))
        np.matmul(self.x.T, dy, out=self.dW)                                # (d_in, d_out)
        np.matmul(np.ones(len(dy), dy.dtype), dy, out=self.db)              # (d_out,); faster than dy.sum(axis=0)
        return dy @ self.W.T                                                # (n, d_in)


class ReLU:
    """y = max(x, 0), entry by entry (Nair & Hinton 2010).

    y[i, j] depends on x[i, j] alone, with slope 1 where x > 0 and slope 0 where x < 0:
        dL/dx[i, j] = dy[i, j] if x[i, j] > 0 else 0      ->  dx = dy * (x > 0)

    At x = 0 there is a kink and no derivative; we take 0, as is usual.
    """

    def __init__(self):
        self.on = None

    def forward(self, x):
        expect_floats("x", x)
        self.on = on = (x > 0).astype(x.dtype)                              # 1 where x > 0, else 0
        return x * on

    def backward(self, dy):
        expect_forward_first(self, self.on)
        expect_shape("dy", dy, self.on.shape)
        return dy * self.on

    def inplace(self, x, scratch):
        zeros = scratch[:1]             # three times as fast as the number 0; a small part, which stays in the cache
        zeros.fill(0)
        np.maximum(x, zeros, out=x)


class SiLU:
    """y = x s(x), entry by entry, where s(x) = 1 / (1 + exp(-x)) is the sigmoid (Elfwing et al. 2018, eq. 3).

    A ReLU with its corner rounded off: about x for large x, about 0 for very negative x, smooth between.

    First the sigmoid's slope:   ds/dx = exp(-x) / (1 + exp(-x))^2 = s (1 - s), as 1 - s = exp(-x) / (1 + exp(-x))
    Then by the product rule:    dy/dx = s + x s (1 - s) = s + y (1 - s)
    so                           dx = dy * (s + y * (1 - s))

    The sigmoid is computed as (1 + tanh(x / 2)) / 2, the same function, which cannot overflow.
    """

    def __init__(self):
        self.s = self.y = None

    def forward(self, x):
        expect_floats("x", x)
        self.s = s = 0.5 * np.tanh(0.5 * x) + 0.5
        self.y = y = x * s
        return y

    def backward(self, dy):
        expect_forward_first(self, self.y)
        expect_shape("dy", dy, self.y.shape)
        return dy * (self.s + self.y * (1 - self.s))

    def inplace(self, x, scratch):
        np.multiply(x, 0.5, out=x)
        np.tanh(x, out=scratch)
        scratch += 1
        x *= scratch                    # x / 2 (1 + tanh(x / 2))
