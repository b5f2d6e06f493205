"""Waves: show a network its coordinates at several magnifications, for fine detail."""
import numpy as np

from scratchdiff.nn.expect import checked, expect


@checked
class Waves:
    """y = [x, sin(k x), cos(k x), ...]: all of x, then two waves of its first d columns for each k.

    Why. A network bends slowly: between two points that lie close together its output hardly
    changes, and what it draws is blurred there. sin(k x) changes k times as fast as x, so the
    network need not learn to (Tancik et al. 2020). Alone, a wave cannot tell a point from one a
    period, 2 pi / k, away. The cosine and x itself can.

    x (n, m) with m at least d, y (n, m + 2 d K) for K multiples k. The columns after the first d,
    such as the time, get no waves.

    Backward. Copying has slope 1, and
        d sin(k x) / dx = k cos(k x)        d cos(k x) / dx = -k sin(k x)
    x[i, j] reaches its copy and, for each k, the two waves that are made of it alone. With dcopy,
    dsin and dcos for the columns of dy that belong to them,
        dL/dx[i, j] = dcopy[i, j]
            + sum_k k (cos(k x[i, j]) dsin_k[i, j] - sin(k x[i, j]) dcos_k[i, j])
    Column by column that is the code below. There are no parameters.

    Parameters
    ----------
    d : int, the number of columns that get waves
    multiples : sequence of numbers, the k
    """

    def __init__(self, d, multiples):
        self.d, self.multiples = d, tuple(multiples)

    def forward(self, x):
        expect("x", x, ("n", "m"))
        if x.shape[1] < self.d:
            raise ValueError(f"x must have {self.d} columns or more, got shape {x.shape}")
        kx = [k * x[:, :self.d] for k in self.multiples]
        self.sines = [np.sin(a) for a in kx]                # (n, d) for each k
        self.cosines = [np.cos(a) for a in kx]
        pairs = zip(self.sines, self.cosines)
        return np.concatenate([x, *(wave for pair in pairs for wave in pair)], axis=1)

    def backward(self, dy):
        d, m = self.d, dy.shape[1] - 2 * self.d * len(self.multiples)
        dx = dy[:, :m].copy()                                           # (n, m)
        for i, (k, sin, cos) in enumerate(zip(self.multiples, self.sines, self.cosines)):
            dsin, dcos = np.split(dy[:, m + 2 * d * i:m + 2 * d * (i + 1)], 2, axis=1)
            dx[:, :d] += k * (cos * dsin - sin * dcos)
        return dx
