"""nn/adam.py: a worked example, and the properties that Kingma & Ba claim for it."""
import numpy as np
import pytest

from scratchdiff.nn.adam import Adam


def test_two_steps_by_hand():
    """beta1 = 0.5, beta2 = 0.75, eps = 1, and the gradients 4 and 2, to follow with a pencil.

    Step 1:  m = 0.5 * 4 = 2                v = 0.25 * 16 = 4
             m_hat = 2 / 0.5 = 4            v_hat = 4 / 0.25 = 16
             param = 10 - 1 * 4 / (4 + 1) = 9.2
    Step 2:  m = 0.5 * 2 + 0.5 * 2 = 2      v = 0.75 * 4 + 0.25 * 4 = 4
             m_hat = 2 / 0.75 = 8 / 3       v_hat = 4 / 0.4375 = 64 / 7
             param = 9.2 - 1 * (8 / 3) / (8 / sqrt(7) + 1)
    """
    params, grads = np.array([10.0]), np.array([4.0])
    adam = Adam(params, grads, beta1=0.5, beta2=0.75, eps=1.0)
    adam.step(1.0)
    assert params[0] == pytest.approx(9.2, rel=1e-15)
    assert (adam.m[0], adam.v[0], adam.k) == (2, 4, 1)
    grads[0] = 2
    adam.step(1.0)
    assert params[0] == pytest.approx(9.2 - (8 / 3) / (8 / 7 ** 0.5 + 1), rel=1e-15)
    assert (adam.m[0], adam.v[0], adam.k) == (2, 4, 2)


def test_the_first_step_has_length_lr_whatever_the_gradient():
    grads = np.array([1e-3, -1e-3, 1.0, 1e6, 0.0])
    params = np.zeros(5)
    Adam(params, grads).step(0.01)
    assert params == pytest.approx([-0.01, 0.01, -0.01, -0.01, 0.0], rel=1e-4), "eps is 1e-8"


def test_the_average_of_a_constant_gradient_is_that_gradient():
    grads = np.array([1e-3, -2.0, 50.0])
    adam = Adam(np.zeros(3), grads)
    for k in range(1, 8):
        adam.step(0.01)
        assert adam.m / (1 - 0.9 ** k) == pytest.approx(grads, rel=1e-13)
        assert adam.v / (1 - 0.999 ** k) == pytest.approx(grads ** 2, rel=1e-10), \
            "1 - 0.999^k loses three digits"


def test_defaults_are_the_papers():
    adam = Adam(np.zeros(1), np.zeros(1))
    assert (adam.beta1, adam.beta2, adam.eps, adam.k) == (0.9, 0.999, 1e-8, 0)


def test_finds_the_bottom_of_a_bowl():
    params, grads = np.array([5.0, -3.0]), np.zeros(2)
    adam = Adam(params, grads)
    for step in range(2000):
        grads[:] = [2 * (params[0] - 1), 20 * (params[1] - 2)]
        adam.step(0.05 * (1 - step / 2000))
    assert params == pytest.approx([1, 2], abs=1e-3)


@pytest.mark.parametrize("lr", [0.1, np.float64(0.1), np.full(3, 0.1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_works_in_place_and_keeps_the_dtype(dtype, lr):
    params, grads = np.zeros(3, dtype), np.ones(3, dtype)
    adam = Adam(params, grads)
    adam.step(lr)
    assert adam.params is params and params.all()
    assert {array.dtype for array in (params, adam.m, adam.v)} == {np.dtype(dtype)}
    assert (grads == 1).all()


def test_each_parameter_may_have_its_own_lr():
    grads = np.array([2.0, -3.0, 0.5])
    lr = np.array([0.1, 0.01, 1.0])
    together = np.zeros(3)
    Adam(together, grads).step(lr)
    for i in range(3):
        alone = np.zeros(1)
        Adam(alone, grads[i:i + 1]).step(lr[i])
        assert together[i] == alone[0]


def test_no_memory_at_all_is_allowed():
    """With both betas 0, each step is the gradient divided by its own size."""
    params = np.array([1.0, 2.0])
    Adam(params, np.array([3.0, -0.5]), beta1=0, beta2=0, eps=1e-300).step(0.1)
    assert np.allclose(params, [0.9, 2.1], rtol=1e-14)


@pytest.mark.parametrize("lr", [
    0, 0.0, -0.1, np.nan, np.inf, -np.inf, np.array([0.1, 0.0, 0.1]), np.array([0.1, np.nan, 0.1]),
    np.array([0.1, -0.1, 0.1]), np.array([0.1, np.inf, 0.1]),
])
def test_a_wrong_lr_is_refused_before_anything_moves(lr):
    params = np.array([1.0, 2.0, 3.0])
    adam = Adam(params, np.ones(3))
    with pytest.raises(ValueError, match="lr must be a number above 0, got"):
        adam.step(lr)
    assert params.tolist() == [1, 2, 3]
    assert adam.k == 0 and not adam.m.any() and not adam.v.any()


@pytest.mark.parametrize("shape", [(2,), (1,), (3, 1), (1, 3), (0,)])
def test_an_lr_of_another_shape_is_refused_before_anything_moves(shape):
    params = np.array([1.0, 2.0, 3.0])
    adam = Adam(params, np.ones(3))
    with pytest.raises(ValueError, match=r"lr must be one number or have shape \(3,\), got"):
        adam.step(np.full(shape, 0.1))
    assert params.tolist() == [1, 2, 3]
    assert adam.k == 0 and not adam.m.any() and not adam.v.any()


@pytest.mark.parametrize("name, value, message", [
    ("beta1", 1, "beta1 must be at least 0 and below 1, got 1"),
    ("beta1", np.nan, "beta1 must be at least 0 and below 1, got nan"),
    ("beta2", -0.1, "beta2 must be at least 0 and below 1, got -0.1"),
    ("eps", 0, "eps must be a number above 0, got 0"),
    ("eps", -1e-8, "eps must be a number above 0, got -1e-08"),
    ("eps", np.nan, "eps must be a number above 0, got nan"),
    ("eps", np.inf, "eps must be a number above 0, got inf"),
])
def test_a_wrong_setting_is_named(name, value, message):
    with pytest.raises(ValueError, match=message):
        Adam(np.zeros(3), np.zeros(3), **{name: value})


def test_misuse_is_named():
    with pytest.raises(ValueError, match=r"grads must have shape \(3,\), got \(2,\)"):
        Adam(np.zeros(3), np.zeros(2))
    with pytest.raises(TypeError, match="params must be a NumPy array of floats, got an array"):
        Adam(np.zeros(3, int), np.zeros(3))
    with pytest.raises(TypeError, match="grads must be a NumPy array of floats, got list"):
        Adam(np.zeros(3), [0.0] * 3)
