"""nn/mlp.py: layers in a row, over one flat vector."""
import numpy as np
import pytest

from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import Linear, ReLU, SiLU
from scratchdiff.nn.network import MLP


@pytest.mark.parametrize("activation", [ReLU, SiLU])
@pytest.mark.parametrize("widths", [(3, 2), (3, 5, 2), (2, 4, 4, 3), (3, 6, 5, 4, 3, 2)])
def test_every_gradient(widths, activation):
    rng = np.random.default_rng(0)
    mlp = MLP(widths, rng, activation, np.float64)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape)
    check_gradients(mlp, rng.standard_normal((6, widths[0]))).require()


def test_layers_are_views_of_the_flat_vectors():
    mlp = MLP([3, 4, 2], np.random.default_rng(0))
    assert mlp.widths == (3, 4, 2)
    assert [type(layer) for layer in mlp.layers] == [Linear, ReLU, Linear]
    assert mlp.params.shape == mlp.grads.shape == (3 * 4 + 4 + 4 * 2 + 2,)
    assert not mlp.grads.any(), "no gradient before the first backward pass"
    first, _, last = mlp.layers
    flat = np.concatenate([first.W.ravel(), first.b, last.W.ravel(), last.b])
    assert np.array_equal(mlp.params, flat), "each W row by row, then its b, layer by layer"
    mlp.forward(np.ones((5, 3), np.float32))
    mlp.backward(np.ones((5, 2), np.float32))
    assert np.array_equal(mlp.grads, np.concatenate([first.dW.ravel(), first.db, last.dW.ravel(), last.db]))
    assert mlp.grads.any()
    mlp.params[:] = 0
    assert not any(array.any() for array in (first.W, first.b, last.W, last.b))


def test_initial_weights_keep_the_variance_of_signals():
    mlp = MLP((400, 300, 2), np.random.default_rng(0), dtype=np.float64)
    first = mlp.layers[0]
    assert not first.b.any()
    assert abs(first.W.mean()) < 4 * 0.05 / np.sqrt(120_000), "4 standard errors of the mean of 120,000 with std 1/20"
    assert abs(first.W.var() * 400 - 1) < 4 * np.sqrt(2 / 120_000), "4 standard errors of their variance"
    y = first.forward(np.random.default_rng(1).standard_normal((1000, 400)))
    assert abs(y.var() - 1) < 0.05


def test_same_generator_same_network():
    a, b = (MLP((3, 8, 2), np.random.default_rng(7)) for _ in range(2))
    c = MLP((3, 8, 2), np.random.default_rng(8))
    assert np.array_equal(a.params, b.params) and not np.array_equal(a.params, c.params)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    mlp = MLP((3, 8, 8, 2), np.random.default_rng(0), SiLU, dtype)
    y = mlp.forward(np.ones((4, 3), dtype))
    dx = mlp.backward(y)
    assert {array.dtype for array in (mlp.params, mlp.grads, y, dx, mlp.layers[0].W)} == {np.dtype(dtype)}


def test_whole_numbers_of_any_type_are_widths():
    assert MLP((3, 4.0, np.int64(2)), np.random.default_rng(0)).widths == (3, 4, 2)


@pytest.mark.parametrize("widths", [(), (3,), (3, 0, 2), (3, -1), (3, 2.5)])
def test_bad_widths_are_named(widths):
    with pytest.raises(ValueError, match="widths must be two or more whole numbers from 1 up, got"):
        MLP(widths, np.random.default_rng(0))


def test_misuse_is_named():
    mlp = MLP((3, 4, 2), np.random.default_rng(0), dtype=np.float64)
    with pytest.raises(RuntimeError, match="Linear.backward was called before forward"):
        mlp.backward(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"x must have shape \(n, 3\), got \(5, 2\)"):
        mlp.forward(np.ones((5, 2)))
