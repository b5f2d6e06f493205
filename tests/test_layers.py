"""nn/layers.py: each layer does what its docstring says, and its backward pass is the derivative of that."""
import numpy as np
import pytest

from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import Linear, ReLU, SiLU

ACTIVATIONS = [ReLU, SiLU]


def linear(rng, d_in, d_out, dtype=np.float64):
    return Linear(rng.standard_normal((d_in, d_out)).astype(dtype), rng.standard_normal(d_out).astype(dtype))


@pytest.mark.parametrize("n, d_in, d_out", [(1, 1, 1), (5, 3, 4), (4, 4, 4), (7, 6, 2)])
def test_every_gradient_of_linear(n, d_in, d_out):
    rng = np.random.default_rng(0)
    check_gradients(linear(rng, d_in, d_out), rng.standard_normal((n, d_in))).require()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_gradient_of_an_activation(activation):
    x = 3 * np.random.default_rng(0).standard_normal((6, 5))
    check_gradients(activation(), x).require()


def test_linear_by_hand():
    layer = Linear(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]))
    assert not layer.dW.any() and not layer.db.any(), "no gradient before the first backward pass"
    assert layer.forward(np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]])).tolist() == [[-3.5, -4.5], [5.5, 7.5]]
    assert layer.backward(np.array([[1.0, 10.0], [2.0, 0.0]])).tolist() == [[21.0, 43.0, 65.0], [2.0, 6.0, 10.0]]
    assert layer.dW.tolist() == [[5.0, 10.0], [2.0, 0.0], [-1.0, -10.0]]
    assert layer.db.tolist() == [3.0, 10.0]


def test_relu_by_hand():
    relu = ReLU()
    assert relu.forward(np.array([[-2.0, 0.0, 3.0]])).tolist() == [[0.0, 0.0, 3.0]]
    assert relu.backward(np.array([[5.0, 6.0, 7.0]])).tolist() == [[0.0, 0.0, 7.0]], "the slope at a kink of 0 is taken as 0"


def test_silu_is_x_times_sigmoid():
    x = np.linspace(-20, 20, 41)[None]
    assert np.allclose(SiLU().forward(x), x / (1 + np.exp(-x)), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_silu_cannot_overflow(dtype):
    x = np.array([[-1e4, -1e3, 1e3, 1e4]], dtype)
    silu = SiLU()
    assert silu.forward(x).tolist() == [[0, 0, 1e3, 1e4]]
    assert silu.backward(np.ones_like(x)).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_inplace_is_forward(activation):
    x = np.random.default_rng(0).standard_normal((6, 5))
    y = activation().forward(x)
    activation().inplace(x, np.full_like(x, np.nan))
    assert np.allclose(x, y, rtol=1e-14, atol=1e-16), "rounding of a product in another order"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [lambda rng, dtype: linear(rng, 3, 2, dtype), lambda *_: ReLU(), lambda *_: SiLU()])
def test_dtype_is_kept(make, dtype):
    rng = np.random.default_rng(0)
    layer = make(rng, dtype)
    y = layer.forward(rng.standard_normal((4, 3)).astype(dtype))
    dx = layer.backward(y)
    kept = [value for value in vars(layer).values() if isinstance(value, np.ndarray)]
    assert {array.dtype for array in [y, dx, *kept]} == {np.dtype(dtype)}


def test_backward_replaces_gradients_where_they_are():
    rng = np.random.default_rng(0)
    dW, db = np.full((3, 2), np.nan), np.full(2, np.nan)
    layer = Linear(rng.standard_normal((3, 2)), rng.standard_normal(2), dW, db)
    x, dy = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    for _ in range(2):
        layer.forward(x)
        layer.backward(dy)
    assert layer.dW is dW and layer.db is db
    assert np.allclose(dW, x.T @ dy) and np.allclose(db, dy.sum(axis=0))


@pytest.mark.parametrize("layer, dy", [(Linear(np.ones((3, 2)), np.ones(2)), np.ones((4, 2))),
                                       (ReLU(), np.ones((4, 3))), (SiLU(), np.ones((4, 3)))])
def test_misuse_is_named(layer, dy):
    name = type(layer).__name__
    with pytest.raises(RuntimeError, match=f"{name}.backward was called before forward"):
        layer.backward(dy)
    with pytest.raises(TypeError, match="x must be a NumPy array of floats, got an array of int64"):
        layer.forward(np.ones((4, 3), np.int64))
    with pytest.raises(TypeError, match="x must be a NumPy array of floats, got list"):
        layer.forward([[1.0, 2.0, 3.0]])
    layer.forward(np.ones((4, 3)))
    with pytest.raises(ValueError, match=r"dy must have shape \(4, .\), got \(5, 7\)"):
        layer.backward(np.ones((5, 7)))
    with pytest.raises(TypeError, match="dy must be a NumPy array of floats"):
        layer.backward(np.ones(dy.shape, int))


def test_misuse_of_linear_is_named():
    with pytest.raises(ValueError, match=r"W must have shape \(d_in, d_out\), got \(3,\)"):
        Linear(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"b must have shape \(2,\), got \(3,\)"):
        Linear(np.ones((3, 2)), np.ones(3))
    with pytest.raises(TypeError, match="W must be a NumPy array of floats"):
        Linear(np.ones((3, 2), int), np.ones(2))
    layer = Linear(np.ones((3, 2)), np.ones(2))
    for shape in [(4, 2), (3,), (1, 4, 3)]:
        with pytest.raises(ValueError, match=r"x must have shape \(n, 3\), got"):
            layer.forward(np.ones(shape))
    with pytest.raises(TypeError, match="x must be float64, as the parameters are, got float32"):
        layer.forward(np.ones((4, 3), np.float32))
