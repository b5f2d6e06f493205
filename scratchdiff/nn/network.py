"""Layers in a row, over one flat vector of parameters; and the MLP, the usual row."""
import numpy as np

from scratchdiff.nn.layers import Linear, ReLU


class Network:
    """y = f_k(... f_2(f_1(x))), for layers f_1, f_2, ..., f_k.

    By the chain rule, the gradient runs through the same layers in the opposite order. Each layer
    is given dL/d(its output), and hands dL/d(its input) to the layer before.

    All parameters lie in one 1-D array, `params`, and all their gradients in another, `grads`:
    layer by layer, W row by row, then b. The W, b, dW, db of each layer are views into the two
    arrays. So an optimiser, a file or a gradient check sees one array, and need not know about
    layers. To load other values, write into the array: `network.params[:] = values`.

    Raises TypeError if a layer is itself a Network, which has a flat vector already, and ValueError
    if a layer is listed twice: a layer has room for only one set of gradients.
    """

    def __init__(self, layers):
        self.layers = list(layers)
        if any(isinstance(layer, Network) for layer in self.layers):
            raise TypeError("layers must not contain a network, got one: pass its layers instead")
        if len(set(map(id, self.layers))) < len(self.layers):
            raise ValueError("layers must not list the same layer twice, got one that is listed "
                             "twice: make a second one")
        arrays = [getattr(layer, name) for layer, name in self.named_parameters()]
        flat = [array.ravel() for array in arrays] or [np.zeros(0)]     # perhaps no parameters
        self.params = np.concatenate(flat)                                      # (P,)
        self.grads = np.zeros_like(self.params)                                 # (P,)
        self.make_views()

    def forward(self, x):
        """x (n, d_in) -> y (n, d_out)."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy):
        """dy (n, d_out) -> dx (n, d_in); writes `grads`, replacing what was there."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def named_parameters(self):
        """Yield (layer, name) for every parameter, in the order of the flat vector."""
        for layer in self.layers:
            for name in getattr(layer, "parameters", ()):
                yield layer, name

    def make_views(self):
        """Make every layer's parameters and gradients views into the two flat vectors.

        A view is no copy: what backward writes into layer.dW is then in `grads`.
        """
        start = 0
        for layer, name in self.named_parameters():
            array = getattr(layer, name)
            end = start + array.size
            setattr(layer, name, self.params[start:end].reshape(array.shape))
            setattr(layer, "d" + name, self.grads[start:end].reshape(array.shape))
            start = end

    def __setstate__(self, state):
        """Copying and pickling turn the views into arrays of their own: make them views again."""
        self.__dict__.update(state)
        self.make_views()


class MLP(Network):
    """A multilayer perceptron: Linear, activation, Linear, activation, ..., Linear.

    Each weight starts uniform between -a and a with a = sqrt(3 / d_in), so its variance, the mean
    of w^2, is a^2 / 3 = 1 / d_in. Now square the sum of a neuron, z = sum_k x_k W_k. The mixed
    terms x_k x_l W_k W_l are 0 on average, because the weights are independent with mean 0. What is
    left on average is sum_k x_k^2 / d_in, the mean square of the inputs. So a linear layer lets no
    signal fade or blow up (LeCun et al. 1998, section 4.6). Biases start at 0.

    Activations do shrink the signal: a ReLU halves its mean square, and a SiLU takes more. In the
    default network, five SiLUs bring it from 0.5 down to 0.001, and the gradients are small too.
    Plain gradient descent would crawl. Adam does not, because the length of its steps does not
    depend on the scale of the gradient. (A much deeper network would need larger weights at the
    start: He et al. 2015.)

    Parameters
    ----------
    widths : sequence of int
        The inputs, the units of each hidden layer, and the outputs: (3, 64, 64, 2).
    rng : numpy.random.Generator
        Draws the initial weights.
    activation : class
        The layer between two linear ones: ReLU, SiLU, or your own.
    dtype : float32 to train, float64 to check derivatives

    Raises ValueError for fewer than two widths or a width below 1.
    """

    def __init__(self, widths, rng, activation=ReLU, dtype=np.float32):
        widths = tuple(widths)
        if len(widths) < 2 or any(int(width) != width or width < 1 for width in widths):
            raise ValueError(f"widths must be two or more positive whole numbers, got {widths}")
        self.widths = tuple(map(int, widths))
        layers = []
        for d_in, d_out in zip(self.widths, self.widths[1:]):
            W = rng.uniform(-1, 1, (d_in, d_out)) * np.sqrt(3 / d_in)
            layers += [Linear(W.astype(dtype), np.zeros(d_out, dtype)), activation()]
        super().__init__(layers[:-1])   # no activation at the end: outputs may have any sign
