"""Every derivative of this project against finite differences. To run this file alone:

    python -m pytest tests/test_gradients.py -v

Each row of the table in chain/layers.py is a test here: add a row for your layer, and it is tested.
check_gradients moves every number of the input and of the parameters a little, and compares the
change of the output with what backward says. If they differ, the failed test shows its table.
"""
import numpy as np
import pytest

from scratchdiff.chain.layers import LAYERS
from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN, Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import ACTIVATIONS, Linear
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP

ROWS = {title: row for name in LAYERS for title, row in LAYERS[name]().items()}


@pytest.mark.parametrize("title", ROWS)
def test_every_gradient(title):
    layer, *arguments = ROWS[title]
    check_gradients(layer, *arguments).require()


# The same layers in other sizes. A single row, or a square matrix, can hide a mistake.

def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def network(widths, activation):
    """In float64, with biases that are not 0."""
    mlp = MLP(widths, np.random.default_rng(0), ACTIVATIONS[activation], np.float64)
    mlp.params += 0.1 * numbers(*mlp.params.shape, seed=1)
    return mlp


@pytest.mark.parametrize("n, d_in, d_out", [(1, 1, 1), (5, 3, 4), (4, 4, 4), (7, 6, 2)])
def test_linear(n, d_in, d_out):
    check_gradients(Linear(numbers(d_in, d_out), numbers(d_out)), numbers(n, d_in)).require()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_over_a_wide_range(activation):
    check_gradients(ACTIVATIONS[activation](), 3 * numbers(6, 5)).require()


@pytest.mark.parametrize("shape", [(1, 1), (5, 2), (4, 3)])
def test_mse(shape):
    check_gradients(MSE(), numbers(*shape), numbers(*shape, seed=1)).require()


def test_mse_with_weights():
    weight = np.array([[0.5], [2.0], [0.0], [1.0]])
    check_gradients(MSE(), numbers(4, 2), numbers(4, 2, seed=1), weight).require()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(3, 2), (3, 5, 2), (2, 4, 4, 3), (3, 4, 3, 4, 3, 2)])
def test_mlp(widths, activation):
    check_gradients(network(widths, activation), numbers(4, widths[0])).require()


@pytest.mark.parametrize("levels", ["one level for all", "one level for each"])
@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("predicts", SKIP_AND_GAIN)
def test_denoiser(predicts, activation, d, levels):
    denoiser = Denoiser(network((d + 1, 4, 3, d), activation), Schedule.linear(), predicts, d)
    t = 7 if levels == "one level for all" else np.array([0, 49, 7, 20])
    check_gradients(denoiser, numbers(4, d), t).require()


@pytest.mark.parametrize("predicts", SKIP_AND_GAIN)
def test_denoiser_with_a_prompt(predicts):
    """A prompt is two more columns for the network. It is given, so it gets no gradient."""
    denoiser = Denoiser(network((5, 6, 2), "silu"), Schedule.linear(), predicts, columns=2)
    t, prompt = np.array([0, 49, 7, 20]), numbers(4, 2)
    check_gradients(denoiser, numbers(4, 2), t, prompt, constants=["c"]).require()
