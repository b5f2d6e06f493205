"""nn/layers.py: each layer by hand. Its gradients are in test_gradients.py."""
import numpy as np
import pytest

from scratchdiff.nn.layers import ACTIVATIONS, Linear, ReLU, SiLU


def linear(rng, d_in, d_out, dtype=np.float64):
    return Linear(rng.standard_normal((d_in, d_out)).astype(dtype),
                  rng.standard_normal(d_out).astype(dtype))


MAKERS = {"Linear": lambda dtype=np.float64: linear(np.random.default_rng(0), 3, 2, dtype),
          "ReLU": lambda dtype=None: ReLU(), "SiLU": lambda dtype=None: SiLU()}


def test_linear_by_hand():
    layer = Linear(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -0.5]))
    assert not layer.dW.any() and not layer.db.any(), "no gradient before the first backward pass"
    x, dy = np.array([[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]), np.array([[1.0, 10.0], [2.0, 0.0]])
    assert layer.forward(x).tolist() == [[-3.5, -4.5], [5.5, 7.5]]
    assert layer.backward(dy).tolist() == [[21.0, 43.0, 65.0], [2.0, 6.0, 10.0]]
    assert layer.dW.tolist() == [[5.0, 10.0], [2.0, 0.0], [-1.0, -10.0]]
    assert layer.db.tolist() == [3.0, 10.0]


def test_linear_names_its_parameters():
    assert Linear.parameters == ("W", "b")
    W, b = np.ones((3, 2)), np.ones(2)
    layer = Linear(W, b)
    assert layer.W is W and layer.b is b


def test_relu_by_hand():
    relu = ReLU()
    assert relu.forward(np.array([[-2.0, 0.0, 0.5, 3.0]])).tolist() == [[0.0, 0.0, 0.5, 3.0]]
    assert relu.backward(np.array([[5.0, 6.0, 7.0, 8.0]])).tolist() == [[0.0, 0.0, 7.0, 8.0]], \
        "the slope at 0 is taken as 0"


def test_silu_is_x_times_sigmoid():
    x = np.linspace(-20, 20, 41)[None]
    assert np.allclose(SiLU().forward(x), x / (1 + np.exp(-x)), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_silu_cannot_overflow(dtype):
    x = np.array([[-1e4, -1e3, 1e3, 1e4]], dtype)
    silu = SiLU()
    assert silu.forward(x).tolist() == [[0, 0, 1e3, 1e4]]
    assert silu.backward(np.ones_like(x)).tolist() == [[0, 0, 1, 1]]


def test_activations_have_names():
    assert ACTIVATIONS == {"relu": ReLU, "silu": SiLU}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MAKERS)
def test_dtype_is_kept(name, dtype):
    layer = MAKERS[name](dtype)
    y = layer.forward(np.random.default_rng(0).standard_normal((4, 3)).astype(dtype))
    dx = layer.backward(y)
    kept = [value for value in vars(layer).values() if isinstance(value, np.ndarray)]
    assert {array.dtype for array in [y, dx, *kept]} == {np.dtype(dtype)}


@pytest.mark.parametrize("name", MAKERS)
def test_neither_pass_changes_what_it_is_given(name):
    layer, rng = MAKERS[name](), np.random.default_rng(0)
    x = rng.standard_normal((4, 3))
    given = x.copy()
    y = layer.forward(given)
    dy = rng.standard_normal(y.shape)
    given_dy = dy.copy()
    layer.backward(given_dy)
    assert np.array_equal(given, x) and np.array_equal(given_dy, dy)


def test_backward_replaces_gradients_where_they_are():
    rng = np.random.default_rng(0)
    layer = linear(rng, 3, 2)
    dW, db = layer.dW, layer.db
    dW[:], db[:] = np.nan, np.nan
    x, dy = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))
    for _ in range(2):
        layer.forward(x)
        layer.backward(dy)
    assert layer.dW is dW and layer.db is db
    assert np.allclose(dW, x.T @ dy) and np.allclose(db, dy.sum(axis=0))


@pytest.mark.parametrize("name", MAKERS)
def test_backward_belongs_to_the_last_forward(name):
    """Nothing of an earlier batch is left over."""
    rng = np.random.default_rng(0)
    used, fresh = MAKERS[name](), MAKERS[name]()
    used.backward(0 * used.forward(rng.standard_normal((4, 3))))
    x = rng.standard_normal((4, 3))
    dy = rng.standard_normal(fresh.forward(x).shape)
    used.forward(x)
    assert np.array_equal(used.backward(dy), fresh.backward(dy))


# The guards are tested in test_expect.py. Here: that every layer has them.

@pytest.mark.parametrize("name", MAKERS)
def test_every_layer_is_guarded(name):
    layer = MAKERS[name]()
    with pytest.raises(RuntimeError, match=f"{name}.backward was called before forward"):
        layer.backward(np.ones((4, 3)))
    with pytest.raises(TypeError, match="x must be a NumPy array of floats, got an array of int64"):
        layer.forward(np.ones((4, 3), np.int64))
    y = layer.forward(np.ones((4, 3)))
    for shape in [(5, 7), (1, y.shape[1]), (4, 1), y.shape[1:]]:
        with pytest.raises(ValueError, match=r"dy must have shape \(4, .\), got \("):
            layer.backward(np.ones(shape))
    with pytest.raises(TypeError, match="dy must be a NumPy array of floats"):
        layer.backward(np.ones(y.shape, int))


def test_misuse_of_linear_is_named():
    with pytest.raises(ValueError, match=r"W must have shape \(d_in, d_out\), got \(3,\)"):
        Linear(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=r"b must have shape \(2,\), got \(3,\)"):
        Linear(np.ones((3, 2)), np.ones(3))
    with pytest.raises(TypeError, match="W must be a NumPy array of floats"):
        Linear(np.ones((3, 2), int), np.ones(2))
    with pytest.raises(TypeError, match="b must be a NumPy array of floats"):
        Linear(np.ones((3, 2)), [1.0, 2.0])


@pytest.mark.parametrize("shape", [(4, 2), (3,), (1, 4, 3)])
def test_linear_names_an_x_of_another_width(shape):
    with pytest.raises(ValueError, match=r"x must have shape \(n, 3\), got"):
        Linear(np.ones((3, 2)), np.ones(2)).forward(np.ones(shape))


def test_linear_names_an_x_of_another_dtype():
    with pytest.raises(TypeError, match="x must be float64, as the parameters are, got float32"):
        Linear(np.ones((3, 2)), np.ones(2)).forward(np.ones((4, 3), np.float32))
