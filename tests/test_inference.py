"""fast/inference.py: the forward pass alone, in place."""
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN, Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.inference import IN_PLACE, PIECE, Inference, Product, faster
from scratchdiff.nn.layers import ACTIVATIONS, Linear, ReLU, SiLU
from scratchdiff.nn.network import MLP, Network

SCHEDULE = Schedule.linear()


class Cube:
    """An activation of a reader's own. Its forward keeps its output."""

    def forward(self, x):
        assert x.ndim == 2, "a batch is rows"
        self.y = x ** 3
        return self.y


class Normalise:
    """Not entry by entry: each row is divided by its length."""

    def forward(self, x):
        return x / np.sqrt(1 + np.sum(x ** 2, axis=1, keepdims=True))


class Fourier:
    """A layer that changes the width of its input, and has no parameters."""

    def forward(self, x):
        return np.hstack([np.sin(x), np.cos(x)])


class Pairs:
    """Fewer columns come out than go in."""

    def forward(self, x):
        return x[:, ::2] * x[:, 1::2]


def linear(d_in, d_out, seed=0):
    rng = np.random.default_rng(seed)
    return Linear(rng.standard_normal((d_in, d_out)) / d_in, rng.standard_normal(d_out))


def mlp(widths, activation, dtype=np.float64):
    rng = np.random.default_rng(0)
    network = MLP(widths, rng, activation, dtype)
    network.params += 0.1 * rng.standard_normal(network.params.shape).astype(dtype)
    return network


def require_same(network, n, d_in):
    """Inference computes what network.forward does, twice: the second time in used arrays."""
    fast, rng = Inference(network, n), np.random.default_rng(1)
    for _ in range(2):
        x = rng.standard_normal((n, d_in))
        given = x.copy()
        y = fast.forward(given)
        want = network.forward(x)
        assert y.shape == want.shape
        assert np.allclose(y, want, rtol=1e-12, atol=1e-13), "sums in another order"
        assert np.array_equal(given, x), "its input is left alone"


@pytest.mark.parametrize("activation", [*ACTIVATIONS.values(), Cube, Normalise])
@pytest.mark.parametrize("widths", [(3, 2), (3, 5, 2), (2, 7, 4, 6, 3)])
@pytest.mark.parametrize("n", [1, 6, 3 * PIECE], ids=["one row", "one piece", "three pieces"])
def test_it_is_the_forward_pass(n, widths, activation):
    require_same(mlp(widths, activation), n, widths[0])


NETWORKS = {
    "wider at the start": [Fourier(), linear(6, 4), SiLU(), linear(4, 2)],
    "narrower at the start": [linear(3, 4), Pairs(), linear(2, 2)],
    "wider in the middle": [linear(3, 4), SiLU(), Fourier(), linear(8, 2)],
    "an activation first": [ReLU(), linear(3, 2)],
    "an activation last": [linear(3, 2), SiLU()],
    "two activations in a row": [linear(3, 4), SiLU(), ReLU(), linear(4, 2)],
    "two Linear in a row": [linear(3, 4), linear(4, 5), linear(5, 2)],
    "two Linear before a SiLU": [linear(3, 4), linear(4, 5), SiLU(), linear(5, 2)],
    "normalised twice": [linear(3, 4), Normalise(), SiLU(), Normalise(), linear(4, 2)],
    "something else last": [linear(3, 4), ReLU(), linear(4, 3), Fourier()],
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("n", [6, 2 * PIECE])
def test_any_layers_in_any_order(n, name):
    require_same(Network(NETWORKS[name]), n, 3)


def test_every_activation_has_its_form_in_place():
    """One without would still be right, and slower."""
    assert set(IN_PLACE) == set(ACTIVATIONS.values())


@pytest.mark.parametrize("activation", IN_PLACE)
def test_in_place_is_forward(activation):
    """Between two products: its input is multiplied by a factor, and the 1s stay 1s."""
    x = np.random.default_rng(0).standard_normal((6, 3))
    activate, factor = IN_PLACE[activation]
    target = Product(np.ones((2, 3, 4)), np.ones((4, 1)), None)
    target.x[:] = factor * x
    y = activate(target, np.full_like(target.rows, np.nan), target.x)
    assert y is target.x and np.all(target.rows[..., -1] == 1)
    assert np.allclose(y, activation().forward(x), rtol=1e-14, atol=1e-16), "another order"


def test_a_subclass_of_linear_is_asked_for_its_own_forward():
    class Doubled(Linear):
        def forward(self, x):
            return 2 * super().forward(x)
    first = linear(3, 4)
    require_same(Network([Doubled(first.W, first.b), ReLU(), linear(4, 2)]), 6, 3)


def test_a_network_without_a_linear():
    class Scale:
        parameters = ("c",)

        def __init__(self):
            self.c = np.full(3, 2.0)

        def forward(self, x):
            return self.c * x
    require_same(Network([Scale(), SiLU()]), 6, 3)


def test_a_subclass_of_an_activation_is_asked_for_its_own_forward():
    class Leaky(ReLU):
        def forward(self, x):
            return np.where(x > 0, x, 0.1 * x)
    require_same(mlp((3, 4, 2), Leaky), 6, 3)


@pytest.mark.parametrize("activation", [SiLU, Cube, Normalise])
def test_an_answer_is_never_written_to_again(activation):
    fast, rng = Inference(mlp((2, 4, 2), activation), 3), np.random.default_rng(0)
    x = rng.standard_normal((3, 2))
    first = fast.forward(x)
    kept = first.copy()
    second = fast.forward(rng.standard_normal((3, 2)))
    assert np.array_equal(first, kept)
    assert not np.shares_memory(first, second) and not np.shares_memory(first, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype):
    assert Inference(mlp((2, 4, 2), SiLU, dtype), 3).forward(np.ones((3, 2), dtype)).dtype == dtype


@pytest.fixture
def taking_turns():
    """Threads take turns every 10 microseconds, not every 5 milliseconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("activation", [SiLU, ReLU, Cube, Normalise])
def test_several_threads_each_with_its_own(activation, taking_turns):
    """They share no memory to work in, and no layer that keeps something."""
    network = mlp((2, 16, 16, 2), activation)
    xs = np.random.default_rng(0).standard_normal((4, 30, PIECE, 2))
    start = Barrier(len(xs))

    def work(many):
        fast = Inference(network, PIECE)
        start.wait()                    # until all are there
        return [fast.forward(x) for x in many]
    with ThreadPoolExecutor(len(xs)) as pool:
        answers = list(pool.map(work, xs))
    for many, said in zip(xs, answers):
        for x, y in zip(many, said):
            assert np.allclose(y, network.forward(x), rtol=1e-12, atol=1e-13)


def test_the_network_itself_is_left_alone():
    """Its backward still belongs to its own forward."""
    network, rng = mlp((2, 4, 2), SiLU), np.random.default_rng(0)
    x, dy = rng.standard_normal((2, 3, 2))
    network.forward(x)
    before = network.backward(dy)
    Inference(network, 3).forward(rng.standard_normal((3, 2)))
    assert np.array_equal(network.backward(dy), before)


# faster(denoiser, n)

class Half:
    """A denoiser that asks another one."""

    def __init__(self, denoiser):
        self.denoiser = denoiser

    def __call__(self, xt, t, *given):
        return 0.5 * self.denoiser(xt, t, *given)


def denoiser(predicts="v", dtype=np.float64, given=0):
    return Denoiser(mlp((3 + given, 8, 8, 2), SiLU, dtype), SCHEDULE, predicts, columns=given)


def noisy(n=5):
    rng = np.random.default_rng(1)
    return rng.standard_normal((n, 2)), rng.integers(50, size=n)


@pytest.mark.parametrize("predicts", SKIP_AND_GAIN)
def test_a_faster_denoiser_gives_the_same_guess(predicts):
    slow, (xt, t) = denoiser(predicts), noisy()
    fast = faster(slow, 5)
    for level in (t, 9):
        guess = fast(xt, level)
        assert np.allclose(guess, slow(xt, level), rtol=1e-12, atol=1e-13), "sums in another order"
    assert fast(xt.astype(np.float64), 9).dtype == np.float64
    assert faster(denoiser(predicts, np.float32), 5)(xt.astype(np.float32), 9).dtype == np.float32


def test_further_columns_reach_a_faster_denoiser():
    slow, (xt, t), given = denoiser(given=2), noisy(), np.ones((5, 2))
    fast = faster(slow, 5)
    assert np.allclose(fast(xt, t, given), slow(xt, t, given), rtol=1e-12, atol=1e-13)
    assert np.allclose(fast(xt, t), slow(xt, t), rtol=1e-12, atol=1e-13), "no prompt is left over"


def test_its_inputs_are_written_where_the_first_product_reads_them():
    slow, (xt, t) = denoiser(), noisy()
    fast = faster(slow, 5)
    assert fast.network_inputs(xt, t) is fast.network.inputs
    assert slow.network_inputs(xt, t) is not slow.network_inputs(xt, t)


def test_the_inner_one_of_two_denoisers_becomes_faster():
    inner, (xt, t) = denoiser(), noisy()
    outer = Half(Half(inner))
    fast = faster(outer, 5)
    assert type(fast.denoiser.denoiser.network) is Inference
    assert np.allclose(fast(xt, t), 0.25 * inner(xt, t), rtol=1e-12, atol=1e-13)
    assert outer.denoiser.denoiser is inner and type(inner.network) is MLP, "as they were"


@pytest.mark.parametrize("plain", [lambda xt, t: xt, Half(lambda xt, t: xt)],
                         ids=["function", "object"])
def test_a_denoiser_without_a_network_of_ours_stays_what_it_is(plain):
    xt, t = noisy()
    assert np.array_equal(faster(plain, 5)(xt, t), plain(xt, t))


def test_a_faster_denoiser_still_names_misuse():
    fast = faster(denoiser(), 5)
    with pytest.raises(ValueError, match="t must be from 0 to 49, got 50 to 50"):
        fast(np.ones((5, 2)), 50)
    with pytest.raises(ValueError, match=r"xt must have shape \(n, 2\), got \(5, 3\)"):
        fast(np.ones((5, 3)), 0)
