"""Learning rates for wide layers: smaller, so that a network of any size trains safely."""
import numpy as np

INPUTS = 32             # a layer with so many inputs, or fewer, learns at the full rate


def rates(network):
    """A factor for Adam's lr, for each parameter: (P,), for adam.step(lr * rates(network)).

    Adam moves each weight by about lr, however small its gradient. A neuron z = sum_k x_k W_k adds
    up the moves of all its d_in weights. For one example, each move goes the way that lowers the
    loss, so they do not cancel: z moves by about lr sum_k |x_k|, which grows with d_in. In a layer
    that is twice as wide each step goes twice as far, and a step that goes too far ruins the
    network for good. To move z as far as in a layer of 32 inputs, the rate of W must be
        lr 32 / d_in
    (Yang et al. 2022, table 8: Adam's rate for hidden weights falls as 1 / d_in.) Layers with fewer
    inputs than that, and biases, keep the full lr.
    """
    factors = []
    for layer, name in network.named_parameters():
        array = getattr(layer, name)
        d_in = len(array) if array.ndim == 2 else 1
        factors.append(np.full(array.size, min(1, INPUTS / d_in), array.dtype))
    return np.concatenate(factors)
