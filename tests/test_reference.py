"""reference.py: by hand and against finite differences first; then the fast code against it."""
import ast
import math
from pathlib import Path

import numpy as np
import pytest

from scratchdiff import reference
from scratchdiff.chain.twins import ReferenceLoss, ReferenceWaves
from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN, Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import VARIANCES, Schedule
from scratchdiff.nn import layers
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP, Network
from scratchdiff.nn.waves import Waves

NAMES = list(reference.ACTIVATIONS)
SCHEDULE = Schedule.linear()
ALPHA_BARS = reference.alpha_bars_of(SCHEDULE.betas.tolist())


class ReferenceNetwork:
    """The reference's network as a layer of arrays: one example after the other."""

    def __init__(self, widths, name):
        self.widths, self.activation = widths, reference.ACTIVATIONS[name]
        size = sum(a * b + b for a, b in zip(widths, widths[1:]))
        self.params = np.random.default_rng(0).standard_normal(size) / 2

    def forward(self, x):
        self.network = reference.unflatten(self.params.tolist(), self.widths)
        self.runs = [reference.forward(self.network, self.activation, row) for row in x.tolist()]
        return np.array([y for y, _, _ in self.runs])

    def backward(self, dy):
        pairs = [reference.backward(self.network, self.activation, inputs, sums, row)
                 for (_, inputs, sums), row in zip(self.runs, dy.tolist())]
        self.dparams = np.sum([reference.flatten(gradients) for gradients, _ in pairs], axis=0)
        return np.array([dx for _, dx in pairs])


def batch_of(n, seed):
    """Clean points, noise, levels and weights: as arrays, and as the reference wants them."""
    rng = np.random.default_rng(seed)
    x0, eps, t = rng.standard_normal((n, 2)), rng.standard_normal((n, 2)), rng.integers(50, size=n)
    weight = rng.random((n, 1))
    rows = [(reference.add_noise(a, b, ALPHA_BARS[level]), level, b, w)
            for a, b, level, w in zip(*map(np.ndarray.tolist, (x0, eps, t, weight[:, 0])))]
    return (x0, eps, t, weight), rows


# By hand.

def test_one_neuron_by_hand():
    x, W, b = [1.0, -2.0], [[3.0, 10.0], [0.5, 20.0]], [0.25, 7.0]
    assert reference.neuron(x, W, b, 0) == 3.0 - 1.0 + 0.25
    assert reference.neuron(x, W, b, 1) == 10.0 - 40.0 + 7.0


def test_one_network_by_hand():
    """Two inputs, two ReLU neurons of which one is off, one output."""
    network = [([[1.0, -1.0], [2.0, 0.0]], [0.5, -1.0]), ([[3.0], [5.0]], [0.25])]
    relu = reference.ACTIVATIONS["relu"]
    y, inputs, sums = reference.forward(network, relu, [1.0, 2.0])
    assert sums[0] == [5.5, -2.0] and inputs == [[1.0, 2.0], [5.5, 0.0]] and y == [16.75]
    gradients, dx = reference.backward(network, relu, inputs, sums, [2.0])
    assert gradients == [([[6.0, 0.0], [12.0, 0.0]], [6.0, 0.0]), ([[11.0], [0.0]], [2.0])]
    assert dx == [6.0, 12.0]


def test_activations_by_hand():
    assert [reference.relu(z) for z in (-1.0, 0.0, 2.0)] == [0.0, 0.0, 2.0]
    assert [reference.relu_slope(z) for z in (-1.0, 0.0, 2.0)] == [0.0, 0.0, 1.0]
    assert reference.silu(0.0) == 0.0 and reference.silu_slope(0.0) == 0.5
    assert reference.silu(math.log(3)) == pytest.approx(0.75 * math.log(3), rel=1e-14)
    assert reference.sigmoid(-math.log(3)) == pytest.approx(0.25, rel=1e-14)


@pytest.mark.parametrize("z, value", [(1e4, 1e4), (-1e4, 0.0)])
def test_silu_cannot_overflow(z, value):
    assert reference.silu(z) == value and reference.silu_slope(z) == (z > 0)


def test_flat_and_back():
    numbers = list(range(3 * 4 + 4 + 4 * 2 + 2))
    network = reference.unflatten(numbers, (3, 4, 2))
    assert network[0] == ([[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], [12, 13, 14, 15])
    assert network[1] == ([[16, 17], [18, 19], [20, 21], [22, 23]], [24, 25])
    assert reference.flatten(network) == numbers


def test_adam_by_hand():
    """The worked example of test_adam.py."""
    params, m, v = [10.0], [0.0], [0.0]
    reference.adam_step(params, [4.0], m, v, 1, 1.0, 0.5, 0.75, 1.0)
    assert (params, m, v) == ([pytest.approx(9.2)], [2.0], [4.0])
    reference.adam_step(params, [2.0], m, v, 2, 1.0, 0.5, 0.75, 1.0)
    assert params == [pytest.approx(9.2 - (8 / 3) / (8 / 7 ** 0.5 + 1), rel=1e-14)]


def test_adam_has_the_papers_defaults():
    ours, theirs = [1.0], [1.0]
    reference.adam_step(ours, [1e-8], [0.0], [0.0], 1, 0.1)
    reference.adam_step(theirs, [1e-8], [0.0], [0.0], 1, 0.1, 0.9, 0.999, 1e-8)
    assert ours == theirs == [pytest.approx(1 - 0.1 / 2, rel=1e-12)], "a gradient as small as eps"


def test_diffusion_by_hand():
    betas = [0.2, 0.19]
    alpha_bars = reference.alpha_bars_of(betas)
    assert alpha_bars == pytest.approx([0.8, 0.648], rel=1e-15)
    assert reference.add_noise([3.0], [1.0], 0.64) == pytest.approx([0.8 * 3 + 0.6], rel=1e-15)
    assert reference.skip_and_gain("eps", 0.64) == (0.0, 1.0)
    assert reference.skip_and_gain("v", 0.64) == pytest.approx((0.6, 0.8), rel=1e-15)


def test_waves_by_hand():
    """Two multiples of the first of two numbers, at x = pi / 6."""
    y = reference.waves([math.pi / 6, 7.0], 1, (1, 2))
    assert y == pytest.approx([math.pi / 6, 7, 0.5, 0.75 ** 0.5, 0.75 ** 0.5, 0.5], rel=1e-14)
    dy = [10.0, 20.0, 1.0, 2.0, 3.0, 4.0]
    dx = reference.waves_backward([math.pi / 6, 7.0], 1, (1, 2), dy)
    slopes = 0.75 ** 0.5 * 1 + 2 * 0.5 * 2 - 0.5 * 3 - 2 * 0.75 ** 0.5 * 4
    assert dx == pytest.approx([10 + slopes, 20], rel=1e-14)
    assert dy == [10.0, 20.0, 1.0, 2.0, 3.0, 4.0], "as it was"


@pytest.mark.parametrize("variance, sigma", [("beta", 0.19 ** 0.5), ("mixed", 0.19 ** 0.5),
                                             ("posterior", (0.19 * 0.2 / 0.352) ** 0.5)])
def test_a_step_back_by_hand(variance, sigma):
    betas, alpha_bars = [0.2, 0.19], [0.8, 0.648]
    mean = (1 - 0.19 / 0.352 ** 0.5 * 0.5) / 0.9
    step = reference.reverse_step([1.0], 1, [0.5], [2.0], betas, alpha_bars, variance)
    assert step == pytest.approx([mean + sigma * 2], rel=1e-14)
    last = reference.reverse_step([1.0], 0, [0.5], [2.0], betas, alpha_bars, variance)
    assert last == pytest.approx([(1 - 0.2 ** 0.5 * 0.5) / 0.8 ** 0.5], rel=1e-14)


# Against finite differences.

@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (2, 5, 5, 3)])
def test_its_gradients_are_finite_differences(widths, name):
    x = np.random.default_rng(1).standard_normal((4, widths[0]))
    check_gradients(ReferenceNetwork(widths, name), x).require()


@pytest.mark.parametrize("name, predicts", [*zip(NAMES, SKIP_AND_GAIN)])
def test_the_gradients_of_its_loss_are_finite_differences(name, predicts):
    widths = (7, 4, 3, 2)
    params = ReferenceNetwork(widths, name).params
    loss = ReferenceLoss(name, predicts, widths, (0.5, 2, 1, 0, 3), multiples=(2,))
    check_gradients(loss, params).require()


def test_the_gradients_of_its_waves_are_finite_differences():
    x = np.random.default_rng(1).standard_normal((4, 3))
    check_gradients(ReferenceWaves(Waves(2, (2, 0.5))), x).require()


# The fast code against it.

def test_it_has_the_same_activations():
    assert NAMES == list(layers.ACTIVATIONS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (2, 5, 5, 3)])
def test_the_fast_network_is_the_references(widths, name):
    slow = ReferenceNetwork(widths, name)
    fast = MLP(widths, np.random.default_rng(0), layers.ACTIVATIONS[name], np.float64)
    fast.params[:] = slow.params
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((4, widths[0])), rng.standard_normal((4, widths[-1]))
    assert np.allclose(fast.forward(x), slow.forward(x), rtol=0, atol=1e-12)
    assert np.allclose(fast.backward(dy), slow.backward(dy), rtol=0, atol=1e-12)
    assert np.allclose(fast.grads, slow.dparams, rtol=0, atol=1e-12)


def test_the_fast_waves_are_the_references():
    fast = Waves(2, (2, 0.5))
    slow = ReferenceWaves(fast)
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((4, 3)), rng.standard_normal((4, 11))
    assert np.allclose(fast.forward(x), slow.forward(x), rtol=0, atol=1e-14)
    assert np.allclose(fast.backward(dy), slow.backward(dy), rtol=0, atol=1e-14)


def test_a_network_with_waves_guesses_as_the_references():
    mlp = MLP((11, 5, 2), np.random.default_rng(0), dtype=np.float64)
    fast = Denoiser(Network([Waves(2, (2, 0.5)), *mlp.layers]), SCHEDULE)
    slow = reference.unflatten(mlp.params.tolist(), mlp.widths)
    guess, _, _ = reference.guess_noise(
        slow, reference.ACTIVATIONS["relu"], "eps", [0.3, -0.4], 7, ALPHA_BARS, (2, 0.5))
    assert np.allclose(fast(np.array([[0.3, -0.4]]), 7), guess, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("predicts", SKIP_AND_GAIN)
def test_twenty_steps_of_learning(predicts, name):
    """Noise, guess, loss, gradient, Adam: twenty times each, and all agree after every step."""
    widths = (3, 5, 5, 2)
    network = MLP(widths, np.random.default_rng(0), layers.ACTIVATIONS[name], np.float64)
    denoiser = Denoiser(network, SCHEDULE, predicts)
    adam, mse = Adam(network.params, network.grads), MSE()
    params = network.params.tolist()
    m, v = [0.0] * len(params), [0.0] * len(params)
    for k in range(1, 21):
        (x0, eps, t, weight), rows = batch_of(6, k)
        xt = SCHEDULE.add_noise(x0, t, eps)
        loss = mse.forward(denoiser.forward(xt, t), eps, weight)
        denoiser.backward(mse.backward())
        adam.step(0.01)
        slow = reference.unflatten(params, widths)
        asked = slow, reference.ACTIVATIONS[name], predicts, ALPHA_BARS, rows
        its_loss, grads = reference.loss(*asked), reference.loss_gradient(*asked)
        reference.adam_step(params, grads, m, v, k, 0.01)
        assert np.abs(xt - [row[0] for row in rows]).max() < 1e-12, f"noisy points of step {k}"
        assert abs(loss - its_loss) < 1e-12, f"loss of step {k}"
        assert np.abs(network.grads - grads).max() < 1e-12, f"gradients of step {k}"
        assert np.abs(network.params - params).max() < 1e-12, f"parameters after step {k}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("predicts", SKIP_AND_GAIN)
@pytest.mark.parametrize("variance", VARIANCES)
def test_fifty_steps_back(variance, predicts, name):
    """The same starting points and the same noise: the same points, after each of the steps."""
    widths, betas = (3, 6, 6, 2), SCHEDULE.betas.tolist()
    network = MLP(widths, np.random.default_rng(0), layers.ACTIVATIONS[name], np.float64)
    denoiser = Denoiser(network, SCHEDULE, predicts)
    slow = reference.unflatten(network.params.tolist(), widths)
    x, noise = np.random.default_rng(2).standard_normal((3, 2)), np.random.default_rng(1)
    theirs = x.tolist()
    states = reverse_process(denoiser, SCHEDULE, x, np.random.default_rng(1), variance)
    for t, state in zip(reversed(range(50)), states):
        zs = noise.standard_normal((3, 2)).tolist()
        for i, (point, z) in enumerate(zip(theirs, zs)):
            guess, _, _ = reference.guess_noise(
                slow, reference.ACTIVATIONS[name], predicts, point, t, ALPHA_BARS)
            theirs[i] = reference.reverse_step(point, t, guess, z, betas, ALPHA_BARS, variance)
        scale = max(1, np.abs(theirs).max())
        assert np.abs(state - theirs).max() < 1e-10 * scale, f"points after level {t}"
    radii = [math.hypot(*point) for point in theirs]
    assert np.allclose(np.hypot(*state.T), radii, rtol=1e-10, atol=1e-10)


def test_it_needs_nothing():
    """No NumPy, and nothing from the rest: four functions of the math module."""
    tree = ast.parse(Path(reference.__file__).read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert list(map(ast.unparse, imports)) == ["from math import cos, exp, sin, sqrt"]
