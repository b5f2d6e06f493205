"""nn/inference.py: the forward pass alone, in place."""
import numpy as np
import pytest

from scratchdiff.fast.inference import PIECE, Inference
from scratchdiff.nn.layers import ReLU, SiLU
from scratchdiff.nn.network import MLP


class Cube:
    """An activation of a reader's own, without `inplace`, and with a forward that keeps its output."""

    def forward(self, x):
        assert x.ndim == 2, "a batch is rows"
        self.y = x ** 3
        return self.y


def answer(network, x):
    network.x[:] = x
    return network()


@pytest.mark.parametrize("activation", [ReLU, SiLU, Cube])
@pytest.mark.parametrize("widths", [(3, 2), (3, 5, 2), (2, 7, 4, 6, 3)])
@pytest.mark.parametrize("n", [6, 3 * PIECE])       # in one piece, and in several
def test_is_the_forward_pass(n, widths, activation):
    rng = np.random.default_rng(0)
    mlp = MLP(widths, rng, activation, np.float64)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape)
    network = Inference(mlp, n)
    for _ in range(2):                  # the second time in arrays that are used already
        x = rng.standard_normal((n, widths[0]))
        assert np.allclose(answer(network, x), mlp.forward(x), rtol=1e-12, atol=1e-13), "sums in another order"


def test_it_sees_what_the_network_has_learnt_since():
    mlp = MLP((2, 4, 2), np.random.default_rng(0))
    network, x = Inference(mlp, 1), np.ones((1, 2), np.float32)
    before = answer(network, x)
    mlp.params *= 2
    assert not np.allclose(answer(network, x), before) and np.allclose(answer(network, x), mlp.forward(x))


def test_answers_are_new_arrays_of_the_dtype():
    mlp = MLP((2, 4, 2), np.random.default_rng(0))
    network = Inference(mlp, 1)
    first = answer(network, 1)
    kept = first.copy()
    answer(network, 0)
    assert np.array_equal(first, kept) and first.dtype == np.float32


def test_two_of_one_network_work_at_once():
    """They share the weights, but no memory to work in and no activation."""
    mlp = MLP((2, 4, 4, 2), np.random.default_rng(0), Cube)
    parts = [[part for layer in [(network.x,), *network.hidden, network.last] for part in layer]
             for network in (Inference(mlp, 3), Inference(mlp, 3))]
    shared = [x for x, y in zip(*parts) if (np.shares_memory(x, y) if isinstance(x, np.ndarray) else x is y)]
    assert len(shared) == 3 and all(np.shares_memory(weights, mlp.params) for weights in shared)
