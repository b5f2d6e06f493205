"""A multilayer perceptron: linear layers with an activation between them, over one flat parameter vector."""
import numpy as np

from scratchdiff.nn.layers import Linear, ReLU


class MLP:
    """Linear, activation, Linear, activation, ..., Linear.

    y = f_k(... f_2(f_1(x))), so by the chain rule the gradient runs through the same layers in the opposite
    order: each is handed dL/d(its output), and hands dL/d(its input) to the one before it.

    All parameters lie in one 1-D array, `params`, and all their gradients in another, `grads`, layer by layer,
    W (row by row) before b. The layers' own W, b, dW, db are views into the two. So whoever deals with "the
    parameters" (an optimiser, a file, a gradient check) deals with one array and need not know of layers. Other values
    are written into it, `mlp.params[:] = values`: the layers would not know of another array in its place.

    Each weight starts uniform on +-sqrt(3 / d_in), whose variance is 1 / d_in: a sum of d_in inputs, each times such
    a weight, has the mean square of one of the inputs, so that no linear layer makes a signal fade or blow up (LeCun
    et al. 1998, section 4.6). The activations between them do make it smaller, ReLU by half, which matters in
    networks much deeper than these. Biases start at 0.

    Parameters
    ----------
    widths : sequence of int
        Numbers of inputs, of the units of each hidden layer, and of outputs: (3, 64, 64, 2).
    rng : numpy.random.Generator
        Draws the initial weights.
    activation : class
        The layer between two linear ones: ReLU or SiLU, or your own.
    dtype : float32 to train, float64 to check derivatives

    Raises ValueError for fewer than two widths or a width below 1.
    """

    def __init__(self, widths, rng, activation=ReLU, dtype=np.float32):
        widths = tuple(widths)
        if len(widths) < 2 or any(int(width) != width or width < 1 for width in widths):
            raise ValueError(f"widths must be two or more whole numbers from 1 up, got {widths}")
        widths = tuple(map(int, widths))
        pairs = list(zip(widths, widths[1:]))
        size = sum(d_in * d_out + d_out for d_in, d_out in pairs)
        self.widths = widths
        self.params = np.zeros(size, dtype)
        self.grads = np.zeros(size, dtype)
        self.layers = []
        start = 0
        for d_in, d_out in pairs:
            middle, end = start + d_in * d_out, start + d_in * d_out + d_out
            layer = Linear(self.params[start:middle].reshape(d_in, d_out), self.params[middle:end],
                           self.grads[start:middle].reshape(d_in, d_out), self.grads[middle:end])
            layer.W[:] = rng.uniform(-1, 1, (d_in, d_out)) * np.sqrt(3 / d_in)
            self.layers += [layer, activation()]
            start = end
        self.layers.pop()               # no activation after the last linear layer: outputs may have any sign

    def forward(self, x):
        """x (n, widths[0]) -> y (n, widths[-1])."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        """dy (n, widths[-1]) -> dx (n, widths[0]); writes `grads`, replacing what was there."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy
