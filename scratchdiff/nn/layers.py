"""The layers: each has a forward pass, and a backward pass derived from it.

Let L be the loss: the single number at the very end. Backpropagation asks every layer the same
question: "You turned x into y. If y[i, j] grows by a tiny amount, L grows by dL/dy[i, j] times that
amount. What is this slope for each entry of x, and for each of your parameters?" The chain rule
answers. For every output that an entry reaches, take the product

    (slope of L with respect to the output) times (slope of the output with respect to the entry)

and add up the products. In the code, `dA` always means dL/dA, an array of the shape of A: `dy` is
dL/dy, `dx` is dL/dx, `dW` is dL/dW. A batch is an array (n, d), with one example in each row.

A layer is any object with

    forward(x) -> y         computes y, and keeps what backward will need
    backward(dy) -> dx      returns dL/dx, and writes dL/dW into the array self.dW, in place
    parameters              the names of its parameters, if it has any: ("W", "b")

`@checked` and `expect` (nn/expect.py) reject wrong arguments. You can read past both.
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

    The right-hand column writes each sum as a matrix product: (A B)[k, j] is sum_i A[k, i] B[i, j],
    and x.T[k, i] is x[i, k]. The shapes help you remember them: x.T @ dy is the only product of an
    (n, d_in) and an (n, d_out) array that has the shape of W, if n, d_in and d_out all differ. The
    code sums the columns of dy with a product too, a row of ones times dy: that takes a quarter of
    the time of dy.sum(axis=0).
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
        np.matmul(self.x.T, dy, out=self.dW)                # (d_in, d_out), as self.dW[:] = ...
        np.matmul(ones(len(dy), dy.dtype), dy, out=self.db)     # (d_out,), the column sums
        return dy @ self.W.T                                # (n, d_in)


@lru_cache
def ones(n, dtype):
    """A row of n ones, made once and kept."""
    return np.ones(n, dtype)


@checked
class ReLU:
    """y = x where x > 0, and 0 elsewhere, entry by entry (Nair & Hinton 2010).

    What is an activation good for? Two Linear layers in a row would be a single Linear:
        (x W1 + b1) W2 + b2 = x (W1 W2) + (b1 W2 + b2)
    Straight maps cannot bend noise into a circle. The kink of a ReLU between them can.

    y[i, j] depends on x[i, j] alone, with slope 1 where x > 0 and slope 0 where x < 0:
        dL/dx[i, j] = dy[i, j] if x[i, j] > 0 else 0      ->  dx = dy * (x > 0)

    At x = 0 there is a kink and no derivative. By convention we take 0.
    """

    def forward(self, x):
        self.on = (x > 0).astype(x.dtype)       # 1 or 0: as floats, they multiply faster
        return x * self.on

    def backward(self, dy):
        return dy * self.on


@checked
class SiLU:
    """y = x s(x), entry by entry, where s(x) = 1 / (1 + exp(-x)) is the sigmoid.

    It is a ReLU with its corner rounded off: -0.03 at x = -5, 0 at 0, and 4.97 at 5 (Elfwing et al.
    2018, eq. 3).

    First the slope of the sigmoid, s'. Since 1 - s = exp(-x) / (1 + exp(-x)),
        s' = exp(-x) / (1 + exp(-x))^2 = s (1 - s)
    Then, by the product rule,
        y' = s + x s' = s + x s (1 - s) = s + y (1 - s)   ->  dx = dy * (s + y * (1 - s))

    Its slope has no jump, so the guesses of a network of SiLUs have no creases. The code computes s
    as (1 + tanh(x / 2)) / 2. That is the same function, and cannot overflow.
    """

    def forward(self, x):
        self.s = 0.5 * np.tanh(0.5 * x) + 0.5
        self.y = x * self.s
        return self.y

    def backward(self, dy):
        return dy * (self.s + self.y * (1 - self.s))


ACTIVATIONS = {"relu": ReLU, "silu": SiLU}
