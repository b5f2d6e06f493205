"""reference.py: its own gradients against finite differences first; then the fast code against it."""
import math

import numpy as np
import pytest

from scratchdiff import reference
from scratchdiff import chain
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.gradcheck import TOLERANCE, check_gradients
from scratchdiff.nn.layers import ReLU, SiLU
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP

ACTIVATIONS = {"relu": (reference.RELU, ReLU), "silu": (reference.SILU, SiLU)}
NAMES = list(ACTIVATIONS)


class ReferenceNetwork:
    """The reference's network dressed as a layer of arrays: one example after the other."""

    def __init__(self, widths, activation):
        self.widths, self.activation = widths, activation
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


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (2, 5, 5, 3)])
def test_its_gradients_are_finite_differences(widths, name):
    x = np.random.default_rng(1).standard_normal((4, widths[0]))
    check_gradients(ReferenceNetwork(widths, ACTIVATIONS[name][0]), x).require()


def test_the_gradients_of_its_loss_are_finite_differences():
    error, table = chain.reference_gradients()
    assert error <= TOLERANCE, table


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("widths", [(3, 2), (3, 4, 2), (2, 5, 5, 3)])
def test_the_fast_network_is_the_references(widths, name):
    slow = ReferenceNetwork(widths, ACTIVATIONS[name][0])
    fast = MLP(widths, np.random.default_rng(0), ACTIVATIONS[name][1], np.float64)
    fast.params[:] = slow.params
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((4, widths[0])), rng.standard_normal((4, widths[-1]))
    assert np.allclose(fast.forward(x), slow.forward(x), rtol=0, atol=1e-12)
    assert np.allclose(fast.backward(dy), slow.backward(dy), rtol=0, atol=1e-12)
    assert np.allclose(fast.grads, slow.dparams, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("predicts", ["eps", "v"])
def test_twenty_steps_of_learning(predicts, name):
    """Noise, guess, loss, gradient, Adam: twenty times each, and the parameters agree to 1e-12 after every step."""
    schedule = Schedule.linear()
    alpha_bars = reference.alpha_bars_of(schedule.betas.tolist())
    widths = (3, 5, 5, 2)
    rng = np.random.default_rng(0)
    denoiser = Denoiser(MLP(widths, rng, ACTIVATIONS[name][1], np.float64), schedule, predicts)
    adam, mse = Adam(denoiser.mlp.params, denoiser.mlp.grads), MSE()
    params = denoiser.mlp.params.tolist()
    m, v = [0.0] * len(params), [0.0] * len(params)
    for k in range(1, 21):
        x0, eps, t = rng.standard_normal((6, 2)), rng.standard_normal((6, 2)), rng.integers(50, size=6)
        loss = mse.forward(denoiser.forward(schedule.add_noise(x0, t, eps), t), eps)
        denoiser.backward(mse.backward())
        adam.step(0.01)
        batch = [(reference.add_noise(a, b, alpha_bars[level]), level, b)
                 for a, b, level in zip(x0.tolist(), eps.tolist(), t.tolist())]
        its_loss, grads = reference.loss_and_gradients(
            reference.unflatten(params, widths), ACTIVATIONS[name][0], predicts, alpha_bars, batch)
        reference.adam_step(params, grads, m, v, k, 0.01)
        assert abs(loss - its_loss) < 1e-12, f"loss of step {k}"
        assert np.abs(denoiser.mlp.grads - grads).max() < 1e-12, f"gradients of step {k}"
        assert np.abs(denoiser.mlp.params - params).max() < 1e-12, f"parameters after step {k}"


@pytest.mark.parametrize("variance", ["posterior", "beta"])
def test_fifty_steps_back(variance):
    """A trained network, the same starting points and the same noise: points and radii to 1e-10, after each of the steps."""
    model = chain.trained()
    activation = chain.REFERENCE_ACTIVATIONS[model.recipe.activation]
    denoiser, network = chain.in_double(model)
    schedule = denoiser.schedule
    betas = schedule.betas.tolist()
    alpha_bars = reference.alpha_bars_of(betas)
    x = np.random.default_rng(0).standard_normal((3, 2))
    theirs, noise = x.tolist(), np.random.default_rng(1)
    for t, state in zip(reversed(range(50)), reverse_process(denoiser, schedule, x, np.random.default_rng(1), variance)):
        zs = noise.standard_normal((3, 2)).tolist()
        theirs = [reference.reverse_step(
            point, t, reference.guess_noise(network, activation, model.recipe.predicts, point, t, alpha_bars)[0],
            z, betas, alpha_bars, variance) for point, z in zip(theirs, zs)]
        assert np.abs(state - theirs).max() < 1e-10, f"points after level {t}"
    assert np.abs(np.hypot(*state.T) - [math.hypot(*point) for point in theirs]).max() < 1e-10, "radii"


def test_one_neuron_by_hand():
    assert reference.neuron([1.0, -2.0], [[3.0, 10.0], [0.5, 20.0]], [0.25, 7.0], 0) == 3.0 - 1.0 + 0.25
    assert reference.neuron([1.0, -2.0], [[3.0, 10.0], [0.5, 20.0]], [0.25, 7.0], 1) == 10.0 - 40.0 + 7.0


def test_one_network_by_hand():
    """Two inputs, two ReLU neurons of which one is off, one output."""
    network = [([[1.0, -1.0], [2.0, 0.0]], [0.5, -1.0]), ([[3.0], [5.0]], [0.25])]
    y, inputs, sums = reference.forward(network, reference.RELU, [1.0, 2.0])
    assert sums[0] == [5.5, -2.0] and inputs == [[1.0, 2.0], [5.5, 0.0]] and y == [16.75]
    gradients, dx = reference.backward(network, reference.RELU, inputs, sums, [2.0])
    assert gradients == [([[6.0, 0.0], [12.0, 0.0]], [6.0, 0.0]), ([[11.0], [0.0]], [2.0])]
    assert dx == [6.0, 12.0]


def test_activations_by_hand():
    assert [reference.relu(z) for z in (-1.0, 0.0, 2.0)] == [0.0, 0.0, 2.0]
    assert [reference.relu_slope(z) for z in (-1.0, 0.0, 2.0)] == [0.0, 0.0, 1.0]
    assert reference.silu(0.0) == 0.0 and reference.silu_slope(0.0) == 0.5
    assert reference.silu(math.log(3)) == pytest.approx(0.75 * math.log(3), rel=1e-14)


def test_flat_and_back():
    numbers = list(range(3 * 4 + 4 + 4 * 2 + 2))
    network = reference.unflatten(numbers, (3, 4, 2))
    assert network[0][0] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]] and network[0][1] == [12, 13, 14, 15]
    assert network[1] == ([[16, 17], [18, 19], [20, 21], [22, 23]], [24, 25])
    assert reference.flatten(network) == numbers


def test_adam_by_hand():
    """The worked example of test_adam.py."""
    params, m, v = [10.0], [0.0], [0.0]
    reference.adam_step(params, [4.0], m, v, 1, 1.0, 0.5, 0.75, 1.0)
    assert (params, m, v) == ([pytest.approx(9.2)], [2.0], [4.0])
    reference.adam_step(params, [2.0], m, v, 2, 1.0, 0.5, 0.75, 1.0)
    assert params == [pytest.approx(9.2 - (8 / 3) / (8 / 7 ** 0.5 + 1), rel=1e-14)]


def test_diffusion_by_hand():
    betas = [0.2, 0.19]
    alpha_bars = reference.alpha_bars_of(betas)
    assert alpha_bars == pytest.approx([0.8, 0.648], rel=1e-15)
    assert reference.add_noise([3.0], [1.0], 0.64) == pytest.approx([0.8 * 3 + 0.6], rel=1e-15)
    assert reference.skip_and_gain("eps", 0.64) == (0.0, 1.0)
    assert reference.skip_and_gain("v", 0.64) == pytest.approx((0.6, 0.8), rel=1e-15)
    mean = (1 - 0.19 / 0.352 ** 0.5 * 0.5) / 0.9
    for variance, sigma in [("beta", 0.19 ** 0.5), ("posterior", (0.19 * 0.2 / 0.352) ** 0.5)]:
        step = reference.reverse_step([1.0], 1, [0.5], [2.0], betas, alpha_bars, variance)
        assert step == pytest.approx([mean + sigma * 2], rel=1e-14)
        assert reference.reverse_step([1.0], 0, [0.5], [2.0], betas, alpha_bars, variance) == pytest.approx(
            [(1 - 0.2 ** 0.5 * 0.5) / 0.8 ** 0.5], rel=1e-14)


def test_it_needs_nothing():
    """No NumPy, nothing from the rest: two functions of the math module."""
    with open(reference.__file__, encoding="utf-8") as file:
        imports = [line for line in file if line.startswith(("import", "from"))]
    assert imports == ["from math import exp, sqrt\n"]
