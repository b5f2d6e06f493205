"""Layers for the gradient checker to judge: right ones of all kinds, and mistakes to make in them.

RIGHT maps a name to a function of a Generator that returns (layer, arguments of forward). Mistaken
makes mistakes in gradients of any of them.
"""
import math

import numpy as np

from scratchdiff.nn.layers import Linear, ReLU, SiLU
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP
from scratchdiff.nn.checker.parameters import held


class Entrywise:
    """y = f(x), entry by entry, with its derivative."""

    def __init__(self, f, derivative):
        self.f, self.derivative = f, derivative

    def forward(self, x):
        self.x = x
        return self.f(x)

    def backward(self, dy):
        return dy * self.derivative(self.x)


def sigmoid(x):
    return np.exp(-np.logaddexp(0, -x))


def phi(x):
    """The normal distribution's share below x."""
    return (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


class Offset:
    """Another layer's output on a large constant."""

    def __init__(self, layer, constant):
        self.layer, self.constant = layer, constant

    def forward(self, *arguments):
        return self.layer.forward(*arguments) + self.constant

    def backward(self, dy):
        return self.layer.backward(dy)


class Row:
    """Layers in a row."""

    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


class Norm:
    """(x - mean) / std over an axis, then times g plus b."""

    def __init__(self, rng, d, axis):
        self.g, self.b, self.axis = rng.standard_normal(d), rng.standard_normal(d), axis

    def forward(self, x):
        z = x - x.mean(axis=self.axis, keepdims=True)
        self.std = np.sqrt((z ** 2).mean(axis=self.axis, keepdims=True))
        self.z = z / self.std
        return self.g * self.z + self.b

    def backward(self, dy):
        self.dg, self.db = (dy * self.z).sum(axis=0), dy.sum(axis=0)
        dz = dy * self.g
        return (dz - dz.mean(axis=self.axis, keepdims=True)
                - self.z * (dz * self.z).mean(axis=self.axis, keepdims=True)) / self.std


class Normalized:
    """Each row at length 1."""

    def forward(self, x):
        self.length = np.sqrt((x ** 2).sum(axis=1, keepdims=True))
        self.y = x / self.length
        return self.y

    def backward(self, dy):
        return (dy - self.y * (dy * self.y).sum(axis=1, keepdims=True)) / self.length


class LogSumExp:
    def forward(self, x):
        top = x.max(axis=1, keepdims=True)
        p = np.exp(x - top)
        self.p = p / p.sum(axis=1, keepdims=True)
        return (top + np.log(p.sum(axis=1, keepdims=True)))[:, 0]

    def backward(self, dy):
        return self.p * dy[:, None]


class Softmax:
    def forward(self, x):
        p = np.exp(x - x.max(axis=-1, keepdims=True))
        self.y = p / p.sum(axis=-1, keepdims=True)
        return self.y

    def backward(self, dy):
        return self.y * (dy - (dy * self.y).sum(axis=-1, keepdims=True))


class ShiftedSoftmax(Softmax):
    """A bias that shifts a whole row has no effect: its gradient is 0 but for rounding."""

    def __init__(self):
        self.b = np.array([0.3])

    def forward(self, x):
        return super().forward(x + self.b)

    def backward(self, dy):
        dx = super().backward(dy)
        self.db = np.array([dx.sum()])
        return dx


class CrossEntropy:
    """The mean of -log softmax(x)[label]."""

    def forward(self, x, labels):
        self.labels, rows = labels, np.arange(len(x))
        top = x.max(axis=1, keepdims=True)
        self.p = np.exp(x - top)
        total = self.p.sum(axis=1, keepdims=True)
        self.p /= total
        return float(np.mean((np.log(total) + top)[:, 0] - x[rows, labels]))

    def backward(self, dloss):
        dx = self.p.copy()
        dx[np.arange(len(dx)), self.labels] -= 1
        return dx * dloss / len(dx)


class Embedding:
    def __init__(self, rng):
        self.W = rng.standard_normal((5, 2))

    def forward(self, labels):
        self.labels = labels
        return self.W[labels]

    def backward(self, dy):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.labels, dy)


class Convolution:
    """y[n, i] = sum_k x[n, i + k] w[k]."""

    def __init__(self, rng):
        self.w = rng.standard_normal(3)

    def forward(self, x):
        self.x, n = x, x.shape[1] - 2
        return sum(x[:, k:k + n] * self.w[k] for k in range(3))

    def backward(self, dy):
        dx, n = np.zeros_like(self.x), dy.shape[1]
        self.grad_w = np.array([(dy * self.x[:, k:k + n]).sum() for k in range(3)])
        for k in range(3):
            dx[:, k:k + n] += dy * self.w[k]
        return dx


class MaxPool:
    """The larger of two neighbours."""

    def forward(self, x):
        self.shape, pairs = x.shape, x.reshape(len(x), -1, 2)
        self.which = pairs.argmax(axis=2)[..., None]
        return pairs.max(axis=2)

    def backward(self, dy):
        dx = np.zeros((*dy.shape, 2))
        np.put_along_axis(dx, self.which, dy[..., None], axis=2)
        return dx.reshape(self.shape)


class Attention:
    """softmax(q k^T / sqrt(d)) v, all three linear in x; parameters in a dict."""

    def __init__(self, rng):
        self.params, self.grads = {name: rng.standard_normal((2, 2)) for name in "qkv"}, {}
        self.softmax = Softmax()

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = (x @ self.params[name] for name in "qkv")
        self.a = self.softmax.forward(self.q @ self.k.T / np.sqrt(2))
        return self.a @ self.v

    def backward(self, dy):
        ds = self.softmax.backward(dy @ self.v.T) / np.sqrt(2)
        parts = {"q": ds @ self.k, "k": ds.T @ self.q, "v": self.a.T @ dy}
        self.grads = {name: self.x.T @ part for name, part in parts.items()}
        return sum(part @ self.params[name].T for name, part in parts.items())


class Parameter:
    def __init__(self, value):
        self.value, self.grad = value, None


class Recurrent:
    """h <- tanh(x_t + h W), over the columns of x; the parameter is an object."""

    def __init__(self, rng):
        self.W = Parameter(rng.standard_normal((2, 2)))

    def forward(self, x):
        self.h = [np.zeros((len(x), 2))]
        for t in range(x.shape[1] // 2):
            self.h.append(np.tanh(x[:, 2 * t:2 * t + 2] + self.h[-1] @ self.W.value))
        return self.h[-1]

    def backward(self, dh):
        self.W.grad, dx = 0, []
        for before, after in zip(self.h[-2::-1], self.h[:0:-1]):
            da = dh * (1 - after ** 2)
            self.W.grad, dh = self.W.grad + before.T @ da, da @ self.W.value.T
            dx.insert(0, da)
        return np.concatenate(dx, axis=1)


class Gate:
    """y = x sigmoid(c): two arguments, so backward returns a tuple."""

    def forward(self, x, c):
        self.x, self.s = x, sigmoid(c)
        return x * self.s

    def backward(self, dy):
        return dy * self.s, dy * self.x * self.s * (1 - self.s)


class Levels:
    """y = x W[t]: a table of factors, t levels; __slots__ instead of a dictionary."""

    __slots__ = ("W", "dW", "x", "t")

    def __init__(self, rng):
        self.W, self.dW = rng.standard_normal((4, 1)), np.zeros((4, 1))

    def forward(self, x, t):
        self.x, self.t = x, t
        return x * self.W[t]

    def backward(self, dy):
        self.dW[:] = 0
        np.add.at(self.dW, self.t, (dy * self.x).sum(axis=1, keepdims=True))
        return dy * self.W[self.t]


class Residual:
    """y = x + f(x)."""

    def __init__(self, inner):
        self.inner = {"f": inner}

    def forward(self, x):
        return x + self.inner["f"].forward(x)

    def backward(self, dy):
        return dy + self.inner["f"].backward(dy)


def dense(rng, d_in, d_out, offset=0.0):
    return Linear(rng.standard_normal((d_in, d_out)), offset + rng.standard_normal(d_out))


def tied(rng):
    """One W in two layers, in the second transposed: its gradient is the sum of two."""
    first, second = dense(rng, 3, 2), dense(rng, 2, 3)
    second.W = first.W.T
    return Row(first, Entrywise(*ENTRYWISE["tanh"]), second)


ENTRYWISE = {
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
    "GELU": (lambda x: x * phi(x), lambda x: phi(x) + x * np.exp(-x ** 2 / 2) / np.sqrt(2 * np.pi)),
    "softplus": (lambda x: np.logaddexp(0, x), sigmoid),
    "sine": (np.sin, np.cos),
    "square": (np.square, lambda x: 2 * x),
    "Huber": (lambda x: np.where(np.abs(x) < 1, x ** 2 / 2, np.abs(x) - 0.5),
              lambda x: np.clip(x, -1, 1)),
    "leaky ReLU": (lambda x: np.where(x > 0, x, 0.01 * x), lambda x: np.where(x > 0, 1, 0.01)),
    "naive softplus": (lambda x: np.log(1 + np.exp(x)), sigmoid),
    "log": (np.log, lambda x: 1 / x),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x ** 2),
}


def layer(make, *arguments):
    """(rng) -> (layer, arguments), each made by a function of rng."""
    return lambda rng: (make(rng), [argument(rng) for argument in arguments])


def entrywise(name, x, constant=None):
    plain = Entrywise(*ENTRYWISE[name])
    return layer(lambda rng: plain if constant is None else Offset(plain, constant), x)


def normal(shape=(2, 3), scale=1.0, offset=0.0):
    return lambda rng: offset + scale * rng.standard_normal(shape)


def positive(scale):
    return lambda rng: scale * (1 + rng.random((2, 2)))


def labels(rng):
    return rng.integers(3, size=2)


LAYERS = {
    "Linear": layer(lambda rng: dense(rng, 3, 2), normal()),
    "ReLU": layer(lambda rng: ReLU(), normal()),
    "SiLU": layer(lambda rng: SiLU(), normal()),
    "MSE": layer(lambda rng: MSE(), normal(), normal()),
    "MLP with SiLU": layer(lambda rng: MLP((2, 3, 2), rng, SiLU, np.float64), normal((2, 2))),
    "MLP with ReLU": layer(lambda rng: MLP((2, 3, 2), rng, ReLU, np.float64), normal((2, 2))),
    "layer norm": layer(lambda rng: Norm(rng, 4, axis=1), normal((2, 4))),
    "batch norm": layer(lambda rng: Norm(rng, 2, axis=0), normal((4, 2))),
    "unit length": layer(lambda rng: Normalized(), normal()),
    "logsumexp": layer(lambda rng: LogSumExp(), normal()),
    "softmax": layer(lambda rng: Softmax(), normal()),
    "shifted softmax": layer(lambda rng: ShiftedSoftmax(), normal()),
    "cross-entropy": layer(lambda rng: CrossEntropy(), normal(), labels),
    "embedding": layer(Embedding, labels),
    "convolution": layer(Convolution, normal((2, 5))),
    "max-pooling": layer(lambda rng: MaxPool(), normal((2, 4))),
    "attention": layer(Attention, normal((3, 2))),
    "recurrent": layer(Recurrent, normal((2, 6))),
    "gate": layer(lambda rng: Gate(), normal(), normal()),
    "levels": layer(Levels, normal(), labels),
    "residual": layer(lambda rng: Residual(dense(rng, 3, 3)), normal()),
    "tied": layer(tied, normal()),
}
RIGHT = dict(LAYERS)                    # and the same kinds of layer where numbers are awkward
for name in list(ENTRYWISE)[:8]:
    for scale in (1e-3, 1, 1e3):
        RIGHT[f"{name} at {scale:g}"] = entrywise(name, normal((2, 2), scale))
for name in ("log", "sqrt", "reciprocal"):
    for scale in (1e-9, 1e-6, 1e-3, 1, 1e3):
        RIGHT[f"{name} at {scale:g}"] = entrywise(name, positive(scale))
for name, make, *rest in [("softmax", Softmax), ("logsumexp", LogSumExp),   # saturated
                          ("cross-entropy", CrossEntropy, labels)]:
    RIGHT[f"{name} at 20"] = layer(lambda rng, make=make: make(), normal(scale=20), *rest)
for name, at in [("sigmoid", 40), ("sigmoid", -40), ("tanh", 25), ("naive softplus", -40)]:
    RIGHT[f"{name} around {at}"] = entrywise(name, normal((2, 2), offset=at))
for constant in (1e2, 1e5, 1e8):        # on a large constant: the output, and the input
    for name in ("tanh", "sine", "square"):
        RIGHT[f"{name} on {constant:g}"] = entrywise(name, normal((2, 2)), constant)
    RIGHT[f"Linear on {constant:g}"] = layer(
        lambda rng, constant=constant: dense(rng, 3, 2, constant), normal())
    RIGHT[f"layer norm of {constant:g}"] = layer(
        lambda rng: Norm(rng, 3, axis=1), normal((2, 3), offset=constant))
    RIGHT[f"batch norm of {constant:g}"] = layer(
        lambda rng: Norm(rng, 2, axis=0), normal((3, 2), offset=constant))


ARGUMENTS = {"x": 0, "c": 1}            # the position of those that have a gradient


class Mistaken:
    """A right layer, but for mistakes in some gradients: {the name of an array: the mistake}."""

    def __init__(self, right, mistakes):
        self.right, self.mistakes = right, mistakes

    def forward(self, *arguments):
        return self.right.forward(*arguments)

    def backward(self, dy):
        returned = self.right.backward(dy)
        gradients = [*returned] if isinstance(returned, tuple) else [returned]
        for name, mistake in self.mistakes.items():
            if name in ARGUMENTS:
                gradients[ARGUMENTS[name]] = mistake(gradients[ARGUMENTS[name]])
            else:
                place = next(place for place in held(self.right) if place.name == name)
                place.gradient()[...] = mistake(place.gradient().copy())
        return tuple(gradients) if isinstance(returned, tuple) else gradients[0]


def one_entry(gradient):
    """The first entry that is not small is 1e-4 too large."""
    gradient, sizes = gradient.copy(), np.abs(gradient.ravel())
    gradient.ravel()[np.argmax(sizes > sizes.max() / 2)] *= 1 + 1e-4
    return gradient


MISTAKES = {
    "1e-4 too large": lambda gradient: gradient * (1 + 1e-4),
    "one entry 1e-4 too large": one_entry,
    "1 % too small": lambda gradient: gradient * 0.99,
    "the other sign": lambda gradient: -gradient,
    "forgotten": lambda gradient: 0 * gradient,
    "entries exchanged": lambda gradient: gradient.ravel()[::-1].reshape(gradient.shape),
}
