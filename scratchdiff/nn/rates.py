"""Learning rates for wide layers: smaller, so that their sums move no farther in a step."""
import numpy as np

INPUTS = 32             # a layer with at most this many inputs learns at the full rate


def rates(network):
    """A factor for Adam's lr, for each parameter: (P,), for adam.step(lr * rates(network)).

    A step of Adam moves a weight by about lr, however small its gradient. Take a neuron with the
    sum z = sum_k x_k W_k, and one example. The gradient of W_k is dW_k = x_k dz. So Adam moves W_k
    by -lr sign(x_k dz), exactly so in the first step. That moves x_k W_k by -lr |x_k| sign(dz). All
    these moves have the same sign, so they add up, and z moves by lr sum_k |x_k|. With twice as
    many inputs, z moves twice as far in a step, and a step that goes too far can ruin a network for
    good. To move z no farther than in a layer of 32 inputs, the width of our default network, the
    rate of W must be
        lr 32 / d_in
    (Yang et al. 2022, table 8: Adam's rate for hidden weights falls as 1 / d_in.) Layers with fewer
    inputs, and biases, keep the full lr.
    """
    factors = []
    for layer, name in network.named_parameters():
        array = getattr(layer, name)
        d_in = len(array) if array.ndim == 2 else 1
        factors.append(np.full(array.size, min(1, INPUTS / d_in), array.dtype))
    return np.concatenate(factors)
