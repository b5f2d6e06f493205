"""nn/inference.py: the forward pass alone, in place."""
import numpy as np
import pytest

from scratchdiff.nn.inference import Inference
from scratchdiff.nn.layers import ReLU, SiLU
from scratchdiff.nn.mlp import MLP


class Cube:
    """An activation of a reader's own, without `inplace`, and with a forward that keeps its output."""

    def forward(self, x):
        self.y = x ** 3
        return self.y


@pytest.mark.parametrize("activation", [ReLU, SiLU, Cube])
@pytest.mark.parametrize("widths", [(3, 2), (3, 5, 2), (2, 7, 4, 6, 3)])
def test_is_the_forward_pass(widths, activation):
    rng = np.random.default_rng(0)
    mlp = MLP(widths, rng, activation, np.float64)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape)
    network = Inference(mlp, 6)
    for _ in range(2):                  # the second time in arrays that are used already
        x = rng.standard_normal((6, widths[0]))
        assert np.allclose(network(x), mlp.forward(x), rtol=1e-12, atol=1e-13), "sums in another order"


def test_answers_are_new_arrays_of_the_dtype():
    mlp = MLP((2, 4, 2), np.random.default_rng(0))
    network = Inference(mlp, 1)
    first = network(np.ones((1, 2), np.float32))
    kept = first.copy()
    network(np.zeros((1, 2), np.float32))
    assert np.array_equal(first, kept) and first.dtype == np.float32


def test_two_of_one_network_share_weights_but_no_memory_to_work_in():
    mlp = MLP((2, 4, 4, 2), np.random.default_rng(0), Cube)
    a, b = Inference(mlp, 3), Inference(mlp, 3)
    assert all(np.shares_memory(w, mlp.params) for w in a.weights)
    assert not any(np.shares_memory(x, y) for x, y in zip(a.inputs + a.scratch, b.inputs + b.scratch))
    assert not any(x is y for x, y in zip(a.activations, b.activations))
