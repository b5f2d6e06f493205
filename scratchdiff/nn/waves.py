"""Waves: give a network sines and cosines of its coordinates, so that it can draw fine detail."""
import numpy as np

from scratchdiff.nn.expect import checked, expect


@checked
class Waves:
    """y = [x, sin(k x), cos(k x)]: x, then sines of its first d columns for every k, then cosines.

    Why? The output of a network changes little between two points that lie close together, so the
    shapes that it learns are blurred. sin(k x) changes up to k times as fast as x, and the network
    need not learn to change so fast by itself (Tancik et al. 2020). A sine takes each value twice
    in a period, and the cosine tells the two places apart. Points that are a whole period apart,
    2 pi / k, look the same to both. x itself tells those apart.

    x (n, m) with m at least d, y (n, m + 2 d K) for K multiples k. Columns of x after the first d,
    such as the time, get no waves. With R = [k_1 I, ..., k_K I], one product makes all the k x:

    Forward:    z = x[:, :d] R                                          (n, d K)
                y = [x, sin(z), cos(z)]

    Backward. Split dy into [dcopy, dsin, dcos], with columns as in y. The slope of a sine is the
    cosine, and the slope of a cosine is minus the sine. So, entry by entry,
        dL/dz[i, j] = cos(z[i, j]) dsin[i, j] - sin(z[i, j]) dcos[i, j]
    x reaches y through its copy, with slope 1, and through z, as in a Linear with weights R:
        dL/dx = dcopy + [dz @ R.T, 0]           only the first d columns have waves
    A sine therefore adds k cos(k x) dsin to dx, and k cos(k x) is the slope of sin(k x). There are
    no parameters.

    Parameters
    ----------
    d : int, the number of columns that get waves
    multiples : sequence of numbers, the k: 2, 4 and 8 for points of your own
    """

    constants = ("R",)                  # fixed numbers: they have no gradient

    def __init__(self, d, multiples):
        self.d, self.multiples = d, tuple(multiples)
        self.R = np.hstack([k * np.eye(d) for k in self.multiples])     # (d, d K)

    def forward(self, x):
        expect("x", x, ("n", "m"))
        if x.shape[1] < self.d:
            raise ValueError(f"x must have {self.d} columns or more, got shape {x.shape}")
        z = x[:, :self.d] @ self.R.astype(x.dtype)                      # (n, d K)
        self.sin, self.cos = np.sin(z), np.cos(z)
        return np.concatenate([x, self.sin, self.cos], axis=1)

    def backward(self, dy):
        size = self.sin.shape[1]                                        # d K
        dx, dsin, dcos = dy[:, :-2 * size].copy(), dy[:, -2 * size:-size], dy[:, -size:]
        dz = self.cos * dsin - self.sin * dcos                          # (n, d K)
        dx[:, :self.d] += dz @ self.R.T.astype(dy.dtype)                # (n, m)
        return dx
