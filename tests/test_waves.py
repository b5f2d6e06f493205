"""nn/waves.py: the waves are sines and cosines of the right columns, and so are their slopes."""
from copy import deepcopy

import numpy as np
import pytest

from scratchdiff.fast.inference import Inference
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.network import MLP, Network
from scratchdiff.nn.waves import Waves


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def test_each_column_is_the_wave_that_it_says():
    x = normal(5, 3)
    y = Waves(2, [1, 4]).forward(x)
    z = np.hstack([x[:, :2], 4 * x[:, :2]])
    assert np.array_equal(y, np.hstack([x, np.sin(z), np.cos(z)]))


def test_by_hand():
    waves = Waves(1, [2])
    quarter = np.array([[np.pi / 4, 7.0]])              # 2 x is a quarter turn: sine 1, cosine 0
    assert np.allclose(waves.forward(quarter), [[np.pi / 4, 7, 1, 0]], atol=1e-15)   # rounding
    assert np.allclose(waves.backward(np.array([[10.0, 20.0, 3.0, 5.0]])), [[10 - 2 * 5, 20]],
                       atol=1e-14)


@pytest.mark.parametrize("d, m, multiples", [(1, 1, [1]), (2, 3, [4, 8]), (3, 3, [0.5, 2, 3])])
def test_every_gradient(d, m, multiples):
    check_gradients(Waves(d, multiples), normal(6, m)).require()


def test_every_gradient_of_a_network_with_waves():
    network = Network([Waves(2, [2, 4]), *MLP((11, 5, 2), np.random.default_rng(1),
                                              dtype=np.float64).layers])
    check_gradients(network, normal(6, 3)).require()


def test_the_network_may_be_copied_and_run_fast():
    network = Network([Waves(2, [2, 4]), *MLP((11, 8, 2), np.random.default_rng(1)).layers])
    x = normal(256, 3, dtype=np.float32)
    y = network.forward(x)
    assert np.array_equal(deepcopy(network).forward(x), y)
    assert np.allclose(Inference(network, 256).forward(x), y, atol=1e-6)     # float32's rounding


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    waves = Waves(2, [4])
    y = waves.forward(normal(4, 3, dtype=dtype))
    assert y.dtype == waves.backward(y).dtype == dtype


def test_backward_leaves_dy_alone():
    waves = Waves(2, [4])
    dy = waves.forward(normal(4, 3))
    given = dy.copy()
    waves.backward(dy)
    assert np.array_equal(dy, given)


def test_misuse_is_named():
    waves = Waves(3, [1])
    with pytest.raises(RuntimeError, match="Waves.backward was called before forward"):
        waves.backward(normal(4, 9))
    with pytest.raises(ValueError, match=r"x must have 3 columns or more, got shape \(4, 2\)"):
        waves.forward(normal(4, 2))
    with pytest.raises(ValueError, match=r"x must have shape \(n, m\)"):
        waves.forward(normal(4))
