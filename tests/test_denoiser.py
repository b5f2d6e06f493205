"""diffusion/denoiser.py: the network's guess at the noise. Its gradient is in test_gradients.py."""
import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN, Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
KINDS = list(SKIP_AND_GAIN)


def make(predicts, dtype=np.float64, d=2, given=0):
    rng = np.random.default_rng(0)
    network = MLP((d + 1 + given, 8, 8, d), rng, SiLU, dtype)
    network.params += 0.1 * rng.standard_normal(network.params.shape).astype(dtype)
    return Denoiser(network, SCHEDULE, predicts, d, given)


def points(n, d=2):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, d)), rng.integers(50, size=n)


def spy(denoiser, answer):
    """Replace the network's forward by `answer(x)`; return the list of the inputs it gets."""
    seen = []
    denoiser.network.forward = lambda x: seen.append(x) or answer(x)
    return seen


def test_the_kinds():
    assert KINDS == ["eps", "v"]
    assert make("eps").d == 2 and make("v", d=3).d == 3
    assert Denoiser(MLP((3, 2), np.random.default_rng(0)), SCHEDULE).predicts == "eps"


def test_the_network_sees_the_point_and_t_over_T():
    xt, t = points(4)
    denoiser = make("eps")
    seen = spy(denoiser, lambda x: x[:, :2])
    denoiser(xt, t)
    assert np.array_equal(seen[0], np.column_stack([xt, t / 50]))
    denoiser(xt, 10)
    assert np.array_equal(seen[1], np.column_stack([xt, np.full(4, 0.2)]))


@pytest.mark.parametrize("predicts", KINDS)
def test_the_network_also_sees_what_is_given(predicts):
    xt, t = points(4)
    c = np.random.default_rng(2).standard_normal((4, 3))
    denoiser = make(predicts, given=3)
    assert not np.allclose(denoiser(xt, t, c), denoiser(xt, t, c[::-1].copy()))
    seen = spy(denoiser, lambda x: x[:, :2])
    denoiser(xt, t, c)
    assert np.array_equal(seen[0], np.column_stack([xt, t / 50, c]))


@pytest.mark.parametrize("t", [7, np.arange(4)])
def test_no_prompt_is_a_row_of_zeros(t):
    xt, _ = points(4)
    network = MLP((6, 8, 2), np.random.default_rng(5), SiLU, np.float64)
    denoiser = Denoiser(network, SCHEDULE, columns=3)
    assert np.array_equal(denoiser(xt, t), denoiser(xt, t, np.zeros((4, 3))))
    assert not np.allclose(denoiser(xt, t), denoiser(xt, t, np.ones((4, 3))))


@pytest.mark.parametrize("predicts", KINDS)
def test_what_is_given_gets_no_gradient(predicts):
    """backward returns the gradient of x_t alone: no column for time, none for a prompt."""
    xt, t = points(4)
    denoiser = make(predicts, given=3)
    denoiser(xt, t, np.ones((4, 3)))
    assert denoiser.backward(np.ones((4, 2))).shape == (4, 2)


def test_eps_is_what_the_network_says():
    xt, t = points(4)
    denoiser = make("eps")
    assert np.array_equal(denoiser(xt, t), denoiser.network.forward(np.column_stack([xt, t / 50])))


def test_a_network_that_says_v_leads_to_the_noise():
    """If F = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0, eps_hat is eps, at every level."""
    rng = np.random.default_rng(0)
    x0, eps, t = rng.standard_normal((50, 2)), rng.standard_normal((50, 2)), np.arange(50)
    alpha_bars = SCHEDULE.alpha_bars[:, None]
    v = np.sqrt(alpha_bars) * eps - np.sqrt(1 - alpha_bars) * x0
    denoiser = make("v")
    spy(denoiser, lambda x: v)
    assert np.allclose(denoiser(SCHEDULE.add_noise(x0, t, eps), t), eps, rtol=0, atol=1e-14)


def test_v_is_a_rotation():
    """(x_0, eps) -> (x_t, v) turns by an angle: it keeps lengths, and the same turn undoes it."""
    alpha_bars = SCHEDULE.alpha_bars
    skip, gain = SKIP_AND_GAIN["v"](np.sqrt(alpha_bars), np.sqrt(1 - alpha_bars), np.arange(50))
    assert np.allclose(skip ** 2 + gain ** 2, 1, rtol=0, atol=1e-15)
    angle = np.arctan2(skip, gain)
    assert np.all(np.diff(angle) > 0) and 0 < angle[0] and angle[-1] < np.pi / 2, \
        "the noisier the level, the larger the angle"
    x0, eps = np.random.default_rng(0).standard_normal((2, 50))
    xt, v = gain * x0 + skip * eps, gain * eps - skip * x0
    assert np.allclose(xt + 1j * v, np.exp(-1j * angle) * (x0 + 1j * eps), rtol=0, atol=1e-14)
    assert np.allclose(xt ** 2 + v ** 2, x0 ** 2 + eps ** 2, rtol=1e-13)
    assert np.allclose(skip * xt + gain * v, eps, rtol=0, atol=1e-14), "turned back"


@pytest.mark.parametrize("predicts", KINDS)
def test_one_level_for_all_is_that_level_for_each(predicts):
    xt, _ = points(5)
    denoiser = make(predicts)
    assert np.array_equal(denoiser(xt, 20), denoiser(xt, np.full(5, 20)))
    assert np.array_equal(denoiser(xt, np.int64(20)), denoiser(xt, 20))


@pytest.mark.parametrize("predicts", KINDS)
def test_backward_belongs_to_the_last_forward(predicts):
    """No level of an earlier batch is left over."""
    xt, t = points(5)
    used, fresh = make(predicts), make(predicts)
    used.backward(used(xt[::-1], 49 - t))
    deps = np.random.default_rng(3).standard_normal((5, 2))
    used(xt, t), fresh(xt, t)
    assert np.array_equal(used.backward(deps), fresh.backward(deps))
    assert np.array_equal(used.network.grads, fresh.network.grads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("predicts", KINDS)
def test_dtype_is_kept(predicts, dtype):
    xt, t = points(5)
    denoiser = make(predicts, dtype)
    for level in (t, 3):
        guess = denoiser(xt.astype(dtype), level)
        assert guess.dtype == denoiser.backward(guess).dtype == denoiser.dtype == dtype


@pytest.mark.parametrize("predicts", KINDS)
def test_misuse_of_backward_is_named(predicts):
    denoiser = make(predicts)
    with pytest.raises(RuntimeError, match="Denoiser.backward was called before forward"):
        denoiser.backward(np.ones((3, 2)))
    denoiser(np.ones((3, 2)), 7)
    with pytest.raises(ValueError, match=r"deps must have shape \(3, 2\), got \(1, 2\)"):
        denoiser.backward(np.ones((1, 2)))


@pytest.mark.parametrize("call", [Denoiser.__call__, Denoiser.forward], ids=["call", "forward"])
def test_misuse_is_named(call):
    denoiser = make("eps")
    xt, t = points(3)
    with pytest.raises(ValueError, match="t must be from 0 to 49, got 50 to 50"):
        call(denoiser, xt, 50)
    with pytest.raises(ValueError, match=r"t must be one int or have shape \(3,\)"):
        call(denoiser, xt, t[:2])
    with pytest.raises(ValueError, match=r"xt must have shape \(n, 2\), got \(3, 3\)"):
        call(denoiser, np.ones((3, 3)), 0)
    with pytest.raises(TypeError, match="xt must be float64, as the parameters are, got float32"):
        call(denoiser, xt.astype(np.float32), t)
    with pytest.raises(TypeError, match="xt must be a NumPy array of floats, got list"):
        call(denoiser, xt.tolist(), t)


def test_a_meaning_that_is_unknown_is_named():
    with pytest.raises(ValueError, match="predicts must be \"eps\" or \"v\", got 'x0'"):
        make("x0")


@pytest.mark.parametrize("widths, given, message", [
    ((3, 3), 0, r"the network's output must have shape \(3, 2\), got \(3, 3\)"),
    ((3, 1), 0, r"the network's output must have shape \(3, 2\), got \(3, 1\)"),
    ((2, 2), 0, r"x must have shape \(n, 2\), got \(3, 3\)"),
    ((3, 2), 1, r"c must have shape \(3, 0\), got \(3, 1\)"),
])
def test_a_network_of_the_wrong_width_is_named(widths, given, message):
    denoiser = Denoiser(MLP(widths, np.random.default_rng(0), dtype=np.float64), SCHEDULE)
    with pytest.raises(ValueError, match=message):
        denoiser(np.ones((3, 2)), 0, *[np.ones((3, 1))] * given)
