"""diffusion/denoiser.py: the network's guess at the noise."""
import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import ReLU, SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()


def make(predicts, dtype=np.float64, d=2, activation=SiLU):
    rng = np.random.default_rng(0)
    mlp = MLP((d + 1, 8, 8, d), rng, activation, dtype)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape).astype(dtype)
    return Denoiser(mlp, SCHEDULE, predicts)


def points(n, d=2):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, d)), rng.integers(50, size=n)


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("activation", [ReLU, SiLU])
@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_every_gradient(predicts, activation, d):
    xt, t = points(6, d)
    denoiser = make(predicts, d=d, activation=activation)
    check_gradients(denoiser, xt, t).require()
    check_gradients(denoiser, xt, 7).require()


def test_the_network_sees_the_point_and_t_over_T():
    xt, t = points(4)
    seen = []
    denoiser = make("eps")
    denoiser.mlp.forward = lambda x: seen.append(x) or x[:, :2]
    denoiser(xt, t)
    assert np.array_equal(seen[0], np.column_stack([xt, t / 50]))


def test_eps_is_what_the_network_says():
    xt, t = points(4)
    denoiser = make("eps")
    assert np.array_equal(denoiser(xt, t), denoiser.mlp.forward(np.column_stack([xt, t / 50])))


def test_a_network_that_says_v_leads_to_the_noise():
    """If F = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0, the guess is eps, at every level."""
    rng = np.random.default_rng(0)
    x0, eps, t = rng.standard_normal((50, 2)), rng.standard_normal((50, 2)), np.arange(50)
    alpha_bar = SCHEDULE.alpha_bars[:, None]
    denoiser = make("v")
    denoiser.mlp.forward = lambda x: np.sqrt(alpha_bar) * eps - np.sqrt(1 - alpha_bar) * x0
    assert np.allclose(denoiser(SCHEDULE.add_noise(x0, t, eps), t), eps, rtol=0, atol=1e-14)


@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_one_level_for_all_is_that_level_for_each(predicts):
    xt, _ = points(5)
    denoiser = make(predicts)
    assert np.array_equal(denoiser(xt, 20), denoiser(xt, np.full(5, 20)))


@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_inference_is_the_forward_pass(predicts):
    xt, t = points(5)
    denoiser = make(predicts)
    fast = denoiser.inference(5)
    assert np.allclose(fast(xt, t), denoiser(xt, t), rtol=1e-12, atol=1e-13), "sums in another order"
    assert np.allclose(fast(xt, 9), denoiser(xt, 9), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_dtype_is_kept(predicts, dtype):
    xt, t = points(5)
    denoiser = make(predicts, dtype)
    guess = denoiser(xt.astype(dtype), t)
    fast = denoiser.inference(5)(xt.astype(dtype), 3)
    assert guess.dtype == fast.dtype == denoiser.backward(guess).dtype == dtype


@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_backward_before_forward_is_named(predicts):
    with pytest.raises(RuntimeError, match="Denoiser.backward was called before forward"):
        make(predicts).backward(np.ones((3, 2)))


def test_misuse_is_named():
    denoiser = make("eps")
    xt, t = points(3)
    with pytest.raises(ValueError, match="t must be from 0 to 49, got 50 to 50"):
        denoiser(xt, 50)
    with pytest.raises(ValueError, match=r"xt must have shape \(n, 2\), got \(3, 3\)"):
        denoiser(np.ones((3, 3)), 0)
    with pytest.raises(TypeError, match="xt must be float64, as the parameters are, got float32"):
        denoiser(xt.astype(np.float32), t)
    with pytest.raises(TypeError, match="xt must be a NumPy array of floats, got list"):
        denoiser(xt.tolist(), t)
    with pytest.raises(ValueError, match="predicts must be \"eps\" or \"v\", got 'x0'"):
        Denoiser(denoiser.mlp, SCHEDULE, "x0")
    with pytest.raises(ValueError, match="one input more than outputs .* got 3 inputs and 3 outputs"):
        Denoiser(MLP((3, 3), np.random.default_rng(0)), SCHEDULE)
