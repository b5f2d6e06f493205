"""nn/network.py: layers in a row, over one flat vector. Its gradients are in test_gradients.py."""
import copy
import pickle

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import Linear, ReLU, SiLU
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP, Network

COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda thing: pickle.loads(pickle.dumps(thing))}


class Scale:
    """A layer of a reader's own, with parameters of other names: y = scale x + shift."""

    parameters = ("shift", "scale")

    def __init__(self, d, dtype=np.float64):
        self.scale, self.shift = np.full((1, d), 2.0, dtype), np.zeros(d, dtype)

    def forward(self, x):
        self.x = x
        return self.scale * x + self.shift

    def backward(self, dy):
        self.dscale[:] = (dy * self.x).sum(axis=0)
        self.dshift[:] = dy.sum(axis=0)
        return dy * self.scale


def mlp(widths=(3, 4, 2), dtype=np.float64):
    return MLP(widths, np.random.default_rng(0), SiLU, dtype)


def require_views(network):
    """Every array of every layer is a piece of `params` or `grads`, and the pieces fill them."""
    start = 0
    for layer, name in network.named_parameters():
        W, dW = getattr(layer, name), getattr(layer, "d" + name)
        end = start + W.size
        assert W.shape == dW.shape
        assert W.base is network.params and dW.base is network.grads
        marks = np.arange(W.size, dtype=W.dtype)
        network.params[start:end], network.grads[start:end] = marks, -marks
        assert np.array_equal(W.ravel(), marks) and np.array_equal(dW.ravel(), -marks)
        start = end
    assert network.params.shape == network.grads.shape == (start,)


def learn(forward, network, adam, steps=60):
    """The loss of each step, of a network that learns to say 1 - x."""
    mse, losses = MSE(), []
    x = np.random.default_rng(5).standard_normal((16, 2))
    for _ in range(steps):
        losses.append(mse.forward(forward(x), 1 - x))
        network.backward(mse.backward())
        adam.step(0.05)
    return losses


def test_layers_are_views_of_the_flat_vectors():
    network = MLP([3, 4, 2], np.random.default_rng(0))
    assert network.widths == (3, 4, 2)
    assert [type(layer) for layer in network.layers] == [Linear, ReLU, Linear]
    assert network.params.shape == network.grads.shape == (3 * 4 + 4 + 4 * 2 + 2,)
    assert not network.grads.any(), "no gradient before the first backward pass"
    first, _, last = network.layers
    flat = np.concatenate([first.W.ravel(), first.b, last.W.ravel(), last.b])
    assert np.array_equal(network.params, flat), "layer by layer, W row by row, then b"
    network.forward(np.ones((5, 3), np.float32))
    network.backward(np.ones((5, 2), np.float32))
    flat = np.concatenate([first.dW.ravel(), first.db, last.dW.ravel(), last.db])
    assert np.array_equal(network.grads, flat) and flat.any()
    network.params[:] = 0
    assert not any(array.any() for array in (first.W, first.b, last.W, last.b))
    require_views(network)


def test_forward_and_backward_run_through_the_layers():
    network = mlp()
    first, silu, last = network.layers
    x, dy = np.random.default_rng(1).standard_normal((5, 3)), np.ones((5, 2))
    assert np.array_equal(network.forward(x), last.forward(silu.forward(first.forward(x))))
    assert np.array_equal(network.backward(dy), first.backward(silu.backward(last.backward(dy))))


def test_a_network_seats_any_layers():
    W, b = np.arange(6.0).reshape(3, 2), np.array([10.0, 20.0])
    layers = [Linear(W, b), SiLU(), Scale(2)]
    network = Network(layers)
    assert network.layers == layers
    assert network.params.tolist() == [0, 1, 2, 3, 4, 5, 10, 20, 0, 0, 2, 2], "as they were"
    assert list(network.named_parameters()) == [
        (layers[0], "W"), (layers[0], "b"), (layers[2], "shift"), (layers[2], "scale")]
    require_views(network)


def test_a_network_takes_layers_from_any_iterable_and_is_a_layer_itself():
    inner = Network(layer for layer in (Linear(np.eye(2), np.ones(2)), SiLU()))
    x = np.ones((4, 2))
    assert np.array_equal(Network([Scale(2), *inner.layers]).forward(x), inner.forward(2 * x))


def test_a_network_in_a_network_is_refused():
    with pytest.raises(TypeError, match="layers must not contain a network, got one: pass"):
        Network([Scale(2), Network([SiLU()])])


def test_a_layer_that_is_listed_twice_is_refused():
    layer = Linear(np.ones((2, 2)), np.ones(2))
    with pytest.raises(ValueError, match="layers must not list the same layer twice"):
        Network([layer, ReLU(), layer])


def test_a_network_may_have_no_parameters():
    network, x = Network([SiLU()]), np.ones((4, 2))
    assert network.params.shape == network.grads.shape == (0,)
    assert np.array_equal(network.forward(x), SiLU().forward(x))


def test_a_readers_own_layer_learns():
    network = Network([Linear(0.1 * np.eye(2), np.zeros(2)), Scale(2)])
    losses = learn(network.forward, network, Adam(network.params, network.grads), 300)
    assert losses[0] > 1 and losses[-1] < 1e-3


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("network", [mlp(), Network([Linear(np.eye(2), np.ones(2)), Scale(2)])],
                         ids=["MLP", "Network"])
def test_the_arrays_of_a_copy_are_views_too(network, how):
    twin = COPIES[how](network)
    assert type(twin) is type(network)
    assert np.array_equal(twin.params, network.params)
    assert not any(np.shares_memory(mine, its) for mine in (network.params, network.grads)
                   for its in (twin.params, twin.grads))
    require_views(twin)
    require_views(network)


def denoiser(network):
    return Denoiser(network, Schedule.linear(), "v")


# name: () -> (thing to copy, thing -> forward, thing -> network)
LEARNERS = {
    "Network": lambda: (Network([Linear(0.1 * np.eye(2), np.zeros(2)), Scale(2)]),
                        lambda thing: thing.forward, lambda thing: thing),
    "MLP": lambda: (mlp((2, 8, 2)), lambda thing: thing.forward, lambda thing: thing),
    "Denoiser": lambda: (denoiser(mlp((3, 8, 2))), lambda thing: lambda x: thing(x, 40),
                         lambda thing: thing.network),
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", LEARNERS)
def test_a_copy_learns_as_the_original_would_have(name, how):
    original, forward, network = LEARNERS[name]()
    before = network(original).params.copy()
    twin = COPIES[how](original)
    losses = learn(forward(twin), network(twin), Adam(network(twin).params, network(twin).grads))
    assert losses[-1] < 0.5 * losses[0]
    assert np.array_equal(network(original).params, before), "the original stays as it was"
    adam = Adam(network(original).params, network(original).grads)
    assert learn(forward(original), network(original), adam) == losses


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_and_its_adam_are_copied_together(name, how):
    """In the middle of a run. The copy's Adam then moves the copy's weights."""
    original, forward, network = LEARNERS[name]()
    adam = Adam(network(original).params, network(original).grads)
    learn(forward(original), network(original), adam, 10)
    for pair in [(original, adam), (adam, original)]:
        copied = COPIES[how](pair)
        twin, its_adam = copied if pair[1] is adam else copied[::-1]
        assert its_adam.params is network(twin).params and its_adam.grads is network(twin).grads
        before = network(original).params.copy()
        losses = learn(forward(twin), network(twin), its_adam, 30)
        assert losses[-1] < losses[0] and its_adam.k == 40 and adam.k == 10
        assert np.array_equal(network(original).params, before)
    assert learn(forward(original), network(original), adam, 30) == losses


def test_initial_weights_keep_the_variance_of_signals():
    network = MLP((400, 300, 2), np.random.default_rng(0), dtype=np.float64)
    first = network.layers[0]
    assert not first.b.any()
    assert abs(first.W.mean()) < 4 * 0.05 / np.sqrt(120_000), \
        "4 standard errors of the mean of 120,000 weights with standard deviation 1/20"
    assert abs(first.W.var() * 400 - 1) < 4 * np.sqrt(2 / 120_000), \
        "4 standard errors of their variance, were they normal; uniform ones vary less"
    assert np.abs(first.W).max() <= np.sqrt(3 / 400)
    y = first.forward(np.random.default_rng(1).standard_normal((1000, 400)))
    assert abs(y.var() - 1) < 0.05


def test_same_generator_same_network():
    a, b = (MLP((3, 8, 2), np.random.default_rng(7)) for _ in range(2))
    c = MLP((3, 8, 2), np.random.default_rng(8))
    assert np.array_equal(a.params, b.params) and not np.array_equal(a.params, c.params)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    network = mlp((3, 8, 8, 2), dtype)
    y = network.forward(np.ones((4, 3), dtype))
    dx = network.backward(y)
    arrays = network.params, network.grads, y, dx, network.layers[0].W
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}
    assert MLP((2, 2), np.random.default_rng(0)).params.dtype == np.float32, "the default"


def test_whole_numbers_of_any_type_are_widths():
    network = MLP((3, 4.0, np.int64(2)), np.random.default_rng(0))
    assert network.widths == (3, 4, 2) and all(type(width) is int for width in network.widths)
    assert MLP((1, 1), np.random.default_rng(0)).widths == (1, 1)


@pytest.mark.parametrize("widths", [(), (3,), (3, 0, 2), (3, -1), (3, 2.5)])
def test_bad_widths_are_named(widths):
    with pytest.raises(ValueError, match="widths must be two or more positive whole numbers, got"):
        MLP(widths, np.random.default_rng(0))


def test_misuse_is_named():
    network = mlp()
    with pytest.raises(RuntimeError, match="Linear.backward was called before forward"):
        network.backward(np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"x must have shape \(n, 3\), got \(5, 2\)"):
        network.forward(np.ones((5, 2)))
    network.forward(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 2\), got \(1, 2\)"):
        network.backward(np.ones((1, 2)))
