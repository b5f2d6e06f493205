"""nn/loss.py: the mean squared error. Its gradient is in test_gradients.py."""
import numpy as np
import pytest

from scratchdiff.nn.loss import MSE


def test_by_hand():
    mse = MSE()
    guess, target = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [5.0, 1.0]])
    assert mse.forward(guess, target) == (1 + 0 + 4 + 9) / 4
    assert mse.backward().tolist() == [[0.5, 0.0], [-1.0, 1.5]], "2 (guess - target) / 4"
    assert mse.backward(10.0).tolist() == [[5.0, 0.0], [-10.0, 15.0]]


def test_weights_by_hand():
    """A weight for each row, or one for all."""
    mse = MSE()
    guess, target = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 2.0], [5.0, 1.0]])
    weight = np.array([[2.0], [0.5]])
    assert mse.forward(guess, target, weight) == (2 * (1 + 0) + 0.5 * (4 + 9)) / 4
    assert mse.backward().tolist() == [[1.0, 0.0], [-0.5, 0.75]], "2 w (guess - target) / 4"
    assert mse.forward(guess, target, 3.0) == 3 * (1 + 0 + 4 + 9) / 4
    assert mse.backward(2.0).tolist() == [[3.0, 0.0], [-6.0, 9.0]]


def test_weights_of_all_ones_change_nothing():
    rng = np.random.default_rng(0)
    guess, target = rng.standard_normal((2, 5, 2))
    plain, weighted = MSE(), MSE()
    assert weighted.forward(guess, target, np.ones((5, 1))) == plain.forward(guess, target)
    assert np.array_equal(weighted.backward(), plain.backward())


def test_backward_belongs_to_the_last_forward():
    mse = MSE()
    mse.forward(np.ones((2, 2)), np.zeros((2, 2)))
    mse.forward(np.array([[1.0]]), np.array([[3.0]]))
    assert mse.backward().tolist() == [[-4.0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    mse = MSE()
    assert type(mse.forward(np.ones((3, 2), dtype), np.zeros((3, 2), dtype))) is float
    assert mse.backward().dtype == mse.backward(2.0).dtype == dtype
    mse.forward(np.ones((3, 2), dtype), np.zeros((3, 2), dtype), np.ones((3, 1)))
    assert mse.backward().dtype == dtype, "float64 weights do not widen it"


def test_misuse_is_named():
    mse = MSE()
    with pytest.raises(RuntimeError, match="MSE.backward was called before forward"):
        mse.backward()
    with pytest.raises(ValueError, match=r"target must have shape \(3, 2\), got \(2, 3\)"):
        mse.forward(np.ones((3, 2)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"target must have shape \(3, 2\), got \(1, 2\)"):
        mse.forward(np.ones((3, 2)), np.ones((1, 2)))
    with pytest.raises(TypeError, match="guess must be a NumPy array of floats, got an array"):
        mse.forward(np.ones((3, 2), int), np.ones((3, 2)))
    with pytest.raises(TypeError, match="target must be a NumPy array of floats, got list"):
        mse.forward(np.ones((3, 2)), [[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"guess must have at least one entry, got shape \(0, 2\)"):
        mse.forward(np.ones((0, 2)), np.ones((0, 2)))


@pytest.mark.parametrize("shape", [(2,), (1, 2), (2, 2), (3, 1), (1, 1)])
def test_a_weight_of_another_shape_is_named(shape):
    """NumPy would stretch most of these to (2, 2)."""
    message = r"weight must be one number or have shape \(2, 1\), got"
    with pytest.raises(ValueError, match=message):
        MSE().forward(np.ones((2, 2)), np.zeros((2, 2)), np.ones(shape))
