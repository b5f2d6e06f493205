"""nn/rates.py: wide layers take smaller steps, each parameter its own."""
import numpy as np

from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP
from scratchdiff.nn.rates import rates


def network(*widths, dtype=np.float64):
    return MLP(widths, np.random.default_rng(0), SiLU, dtype)


def test_narrow_layers_keep_the_full_rate():
    assert (rates(network(3, 32, 32, 2)) == 1).all()


def test_a_wide_layer_has_its_own_rate_and_its_biases_keep_theirs():
    factors = rates(network(3, 64, 128, 2))
    expected = [*[1] * (3 * 64), *[1] * 64, *[1 / 2] * (64 * 128), *[1] * 128,
                *[1 / 4] * (128 * 2), *[1] * 2]
    assert factors.tolist() == expected


def test_the_dtype_is_the_networks():
    for dtype in (np.float32, np.float64):
        assert rates(network(3, 64, 2, dtype=dtype)).dtype == dtype


def test_each_layer_moves_its_neurons_as_far_whatever_its_width():
    """One step of Adam along a gradient of one sign moves a sum of d_in equal inputs by lr 32."""
    for width in (32, 64, 256):
        net = network(width, 1)
        before = net.forward(np.ones((1, width)))
        net.grads[:-1] = 1                          # of the weights; the bias stands still
        Adam(net.params, net.grads).step(0.01 * rates(net))
        moved = before - net.forward(np.ones((1, width)))
        assert np.allclose(moved, 0.32, rtol=1e-6)  # Adam's eps takes 1e-8 of a step
