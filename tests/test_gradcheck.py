"""nn/gradcheck.py: the differences are as exact as they say, and the verdict is the right one.

tests/battery.py has the layers of all kinds. Here are the hard places, one by one.
"""
from textwrap import dedent

import numpy as np
import pytest

from scratchdiff.nn import gradcheck as module
from scratchdiff.nn.checker.doubt import settled
from scratchdiff.nn.checker.subject import Entry
from scratchdiff.nn.gradcheck import central_difference, check_gradients, slope
from scratchdiff.nn.layers import Linear, ReLU
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP
from tests.battery import ENTRYWISE, Entrywise, Offset, sigmoid

X = np.random.default_rng(0).standard_normal((5, 3))
TANH = ENTRYWISE["tanh"]
SINE = ENTRYWISE["sine"]


def one(f):
    """f as a function of a number that returns an array, as an Entry has it."""
    return lambda x: np.atleast_1d(np.asarray(f(x), float))


def with_entry(x, index, value):
    x = x.copy()
    x[index] = value
    return x


def scaled(layer, factor):
    """The layer, with dx `factor` times what it should be."""
    right = layer.backward
    layer.backward = lambda dy: factor * right(dy)
    return layer


def test_a_central_difference_of_a_square_is_exact():
    assert central_difference(lambda x: x ** 2, 3.0, 0.5) == 6


def test_the_slope_of_sin_has_the_errors_that_its_docstring_says():
    errors = [found - np.cos(1) for found in (
        central_difference(np.sin, 1, 1e-3), central_difference(np.sin, 1, 1e-3 / 2),
        slope(np.sin, 1, 1e-3), central_difference(np.sin, 1, 1e-12))]
    assert errors == [pytest.approx(-9.0e-8, rel=0.01), pytest.approx(-2.3e-8, rel=0.03),
                      pytest.approx(0, abs=2e-13), pytest.approx(-3.0e-5, rel=0.02)]


def test_the_few_lines_of_the_docstring_check_a_layer(capsys):
    """They print dL/dW by backward and by differences, and leave W as it was."""
    layer, dy = Linear(X[:3].copy(), X[3].copy()), np.random.default_rng(1).standard_normal((5, 3))
    code = module.__doc__.split("shape of y:\n\n")[1].split("\n\n`check")[0]
    exec(dedent(code), {"layer": layer, "x": X, "dy": dy, "np": np, "slope": slope})
    by_backward, by_difference = np.loadtxt(capsys.readouterr().out.splitlines()).T
    assert len(by_backward) == 9 and np.allclose(by_backward, by_difference, rtol=0, atol=1e-11)
    assert np.array_equal(layer.W, X[:3])


def found(f, x, claim, least=0):
    """What the check finds for one entry at x, if backward claims that the slope is `claim`."""
    h = 1e-3 * max(abs(x), 1)
    return settled(Entry(f, x, claim, least), h, slope(f, x, h), 1e-7)


def looked_for(f, x, claim=np.nan):
    """What is found from all steps, unless a claim is given."""
    with np.errstate(all="ignore"):
        return found(one(f), x, claim)


@pytest.mark.parametrize("f, x, derivative", [
    (np.sin, 0.3, np.cos(0.3)), (np.sin, 500.0, np.cos(500)), (np.exp, 50.0, np.exp(50)),
    (np.exp, -300.0, np.exp(-300)), (np.log, 1e-9, 1e9), (np.log, 1e9, 1e-9),
    (np.sqrt, 1e-6, 500.0), (lambda x: np.sin(1e4 * x), 0.3, 1e4 * np.cos(3e3)),
    (lambda x: x ** 3, 0.0, 0.0), (lambda x: x ** 3, 1e6, 3e12), (lambda x: 1 / x, 1e-9, -1e18),
    (lambda x: np.sin(70 * x), 0.3, 70 * np.cos(21)),
    (lambda x: np.sin(x - 1e8), 1e8 + 0.25, np.cos(0.25)),
    (lambda x: np.sin(x + 1e8), -1e8 + 0.25, np.cos(0.25))])
def test_the_slope_is_found_and_how_far_it_may_be_off(f, x, derivative):
    for claim in (np.nan, 2 * derivative):
        difference, resolution, jump, _ = looked_for(f, x, claim)
        assert abs(difference - derivative) <= resolution <= 1e-7 * abs(derivative) and jump == 0


@pytest.mark.parametrize("f, x, derivative, best", [
    (lambda x: 1e8 + np.sin(x), 0.3, np.cos(0.3), 1e-5),
    (lambda x: 1e12 + np.sin(x), 0.3, np.cos(0.3), 0.1),
    (sigmoid, 30.0, sigmoid(-30), 1e-14), (sigmoid, 40.0, sigmoid(-40), 1e-14),
    (lambda x: np.log(1 + np.exp(x)), -10.0, sigmoid(-10), 1e-12),
    (lambda x: np.log(1 + np.exp(x)), -30.0, sigmoid(-30), 1e-13),
    (lambda x: np.log(1 + np.exp(x)), -40.0, sigmoid(-40), 1e-14),
    (lambda x: np.log(1 + np.exp(-x)), 40.0, -sigmoid(-40), 1e-14),
    (lambda x: -np.log(1 + np.exp(x)), -40.0, -sigmoid(-40), 1e-14),
    (lambda x: -np.log(1 + x ** 9), 1e-3, -9e-24, 1e-14),
    (lambda x: np.sin((x + 1e8) - 1e8), 0.3, np.cos(0.3), 1e-6),
    (lambda x: np.sin((x + 1e8) - 1e8), -0.3, np.cos(0.3), 1e-6)])
def test_the_resolution_covers_rounding_that_does_not_show_in_the_output(f, x, derivative, best):
    difference, resolution, jump, _ = looked_for(f, x)
    assert abs(difference - derivative) <= resolution <= best and jump == 0


@pytest.mark.parametrize("f, x, difference, jump", [
    (np.abs, 0.0, 0, 2), (lambda x: np.maximum(x, 0), 0.0, 0.5, 1),
    (lambda x: 3 * x + 0.01 * np.abs(x), 0.0, 3, 0.02), (lambda x: np.maximum(x, 0), 1e-7, 1, 0),
    (lambda x: np.maximum(x, 0), -1e-9, 0, 0),
    (lambda x: 2e3 * x + np.abs(x - 1e-7), 0.0, 1999, 0)])
def test_a_kink_is_seen_at_its_place_and_not_beside_it(f, x, difference, jump):
    measured = looked_for(f, x)
    assert measured[0] == pytest.approx(difference, abs=measured[1] + 1e-15)
    assert measured[2] == pytest.approx(jump, rel=1e-6)


@pytest.mark.parametrize("slope", [1, -1])
@pytest.mark.parametrize("jump", [0, 8e-6, 12e-6])
def test_a_jump_below_1e_5_of_the_slope_is_no_kink(jump, slope):
    measured = looked_for(lambda x: slope * x + jump / 2 * np.abs(x), 0.0)[2]
    assert measured == (pytest.approx(jump, rel=1e-6) if jump > 1e-5 else 0)


def test_an_output_that_does_not_move_may_be_near_the_edge_of_the_domain():
    difference, resolution, jump, _ = looked_for(
        lambda x: 1e-20 * np.maximum(np.sqrt(x) - 1.1, 0), 1.0)
    assert difference == jump == 0 and resolution < 1e-33


def test_every_output_is_rounded_in_its_own_way():
    difference, resolution, _, _ = looked_for(
        lambda x: np.array([1e-30 * x, np.log(1 + np.exp(x))]), -40.0)
    assert abs(difference - sigmoid(-40)) <= resolution <= 1e-14


def test_at_the_edge_of_the_domain_there_is_no_slope():
    assert np.isnan(looked_for(np.sqrt, 0.0)[0])


@pytest.mark.parametrize("f, x, claim, outputs", [
    (np.sin, 1.0, np.cos(1), 5), (np.sin, 4.0, (1 + 1e-9) * np.cos(4), 5),
    (np.sin, 1.0, 1.0001 * np.cos(1), 19),
    (np.sin, 1.0, 0.9999 * np.cos(1), 19), (np.sin, 4.0, 1.0001 * np.cos(4), 19),
    (np.abs, 0.0, 0, 63),
    (lambda x: 1e-4 * np.sin(x), 1.0, 1e-4 * np.cos(1) + 1e-11, 5)])
def test_a_claim_that_agrees_takes_five_outputs_and_a_wrong_one_19_and_a_doubt_63(
        f, x, claim, outputs):
    seen = set()
    found(lambda x: seen.add(x) or one(f)(x), x, claim, 1e-2)
    assert len(seen) == outputs


@pytest.mark.parametrize("sign", [1, -1])
def test_a_small_entry_that_is_nothing_beside_the_largest_takes_no_more_outputs(sign):
    calls, scale = [], np.array([sign, 1e-9])
    layer = Entrywise(lambda x: calls.append(1) or 1 + scale * np.sin(x),
                      lambda x: scale * np.cos(x) + [0, 1e-11])
    check_gradients(layer, np.ones(2)).require()
    assert len(calls) == 6 + 2 * 4      # 6 to begin with, and 4 more for each entry


@pytest.mark.parametrize("layer", [Entrywise(*TANH), Linear(X[:3].copy(), X[3].copy())])
def test_a_healthy_layer_shows_1e_8_or_better(layer):
    report = check_gradients(layer, X)
    report.require()
    assert report.error <= 1e-8


def test_every_entry_of_every_array_is_checked():
    mlp = MLP((3, 4, 2), np.random.default_rng(0), dtype=np.float64)
    assert [(a.name, a.shape, a.entries, a.kinks) for a in check_gradients(mlp, X).arrays] == [
        ("x", (5, 3), 15, 0), ("0 Linear.W", (3, 4), 12, 0), ("0 Linear.b", (4,), 4, 0),
        ("2 Linear.W", (4, 2), 8, 0), ("2 Linear.b", (2,), 2, 0)]


@pytest.mark.parametrize("index", [(0, 0), (4, 2), (2, 1)])
def test_one_wrong_entry_is_found_and_named(index):
    factor = with_entry(np.ones_like(X), index, 1 + 1e-6)
    array = check_gradients(scaled(Entrywise(*TANH), factor), X).arrays[0]
    assert array.worst == index and array.fault.startswith("1 of 15 entries differ")
    assert array.error == pytest.approx(1e-6, rel=0.01)
    assert array.backprop == pytest.approx(array.difference * (1 + 1e-6), rel=1e-8)


@pytest.mark.parametrize("tolerance, ok", [(1e-7, False), (1e-5, True), (1, None), (0, None)])
def test_the_tolerance_is_the_largest_error_that_passes(tolerance, ok):
    layer = scaled(Entrywise(*TANH), 1 + 1e-6)
    if ok is None:
        with pytest.raises(ValueError, match="tolerance must be a number above 0 and below 1, got"):
            check_gradients(layer, X, tolerance=tolerance)
    else:
        assert check_gradients(layer, X, tolerance=tolerance).ok is ok


@pytest.mark.parametrize("tolerance", [float("nan"), float("inf"), -1e-7, True, "1e-7", None])
def test_what_is_no_tolerance_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance must be a number above 0 and below 1, got"):
        check_gradients(Entrywise(*TANH), X, tolerance=tolerance)


def test_a_tolerance_below_what_float64_resolves_gives_no_ok():
    assert check_gradients(Entrywise(*TANH), X, tolerance=1e-17).verdict != "ok"


@pytest.mark.parametrize("constant, factor, verdict", [
    (1e8, 1, "ok"), (1e8, 1.0001, "WRONG"), (1e8, 2, "WRONG"), (1e12, 1, "cannot tell"),
    (1e12, 1.0001, "cannot tell"), (1e12, 2, "WRONG"), (1e17, 1, "cannot tell"),
    (1e17, 2, "cannot tell"), (1e17, 0, "cannot tell")])
def test_on_a_large_constant(constant, factor, verdict):
    """The spacing of float64 is 1.5e-8 at 1e8, 1e-4 at 1e12 and 16 at 1e17."""
    report = check_gradients(scaled(Offset(Entrywise(*SINE), constant), factor), X)
    assert report.verdict == verdict and report.ok is (verdict == "ok")


def test_a_doubt_about_small_numbers_is_a_doubt_all_the_same():
    layer = Entrywise(lambda x: 1e-12 * (1e12 + np.sin(x)), lambda x: 1e-12 * np.cos(x))
    assert check_gradients(layer, X).verdict == "cannot tell"


def test_a_small_slope_on_a_large_constant_is_not_forgotten():
    """A step of 1e-3 moves the second output by a third of the spacing of float64 at 1e9."""
    slopes = np.array([1, 4e-5])
    layer = Entrywise(lambda x: 1e9 + slopes * x, lambda x: np.array([1, 0]))
    report = check_gradients(layer, np.array([0.3, 0.7]))
    assert report.verdict == "WRONG" and report.arrays[0].worst == (1,)


def test_one_entry_that_cannot_be_resolved_is_enough_for_a_doubt():
    k = with_entry(np.ones_like(X), (2, 1), 1e4)        # steep: it needs smaller steps
    layer = Entrywise(lambda x: 1e8 + np.sin(k * x) / k, lambda x: np.cos(k * x))
    report = check_gradients(layer, X)
    assert report.verdict == "cannot tell" and report.arrays[0].worst == (2, 1)


def test_large_outputs_of_both_signs_are_rounded_all_the_same():
    difference, _, _, _ = found(lambda x: np.array([1e9, 4e-5 * x - 1e9]), 0.7, 0, 1)
    assert difference == pytest.approx(4e-5, rel=0.05)


def test_a_small_term_beside_a_large_one_is_not_forgotten():
    """20 squared errors of about 100^2 each, and weight decay that backward forgets."""
    class Loss:
        def __init__(self):
            self.W = X[:3, :2].copy()

        def forward(self, x):
            self.x, self.error = x, x @ self.W - 100
            return float(np.sum(self.error ** 2) + 0.01 * np.sum(self.W ** 2))

        def backward(self, dloss):
            self.dW = 2 * self.x.T @ self.error * dloss
            return 2 * self.error @ self.W.T * dloss
    report = check_gradients(Loss(), np.random.default_rng(0).standard_normal((20, 3)))
    assert [array.name for array in report.arrays if array.fault] == ["W"]


@pytest.mark.parametrize("k", [30, 100, 300])
def test_a_steep_entry_is_as_exact_also_beside_one_with_a_larger_slope(k):
    layer = Entrywise(lambda x: np.where(x > 1, 1e5 * x, np.sin(k * x)),
                      lambda x: np.where(x > 1, 1e5, k * np.cos(k * x)))
    for x in ([0.0, 0.4, 0.5], [0.0, 2.0, 0.4, 0.5]):
        report = check_gradients(layer, np.array(x))
        report.require()
        assert report.error < 1e-8
    assert check_gradients(scaled(layer, 1 + 5e-7), np.array([0.3, 0.4, 0.5])).verdict == "WRONG"


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("constant, verdict", [(5e3, "ok"), (5e4, "cannot tell")])
def test_what_counts_as_nothing(constant, verdict, sign):
    """A slope of 1e-7 beside one of about 1, with an output that is rounded."""
    class Faint:
        def __init__(self):
            self.b = X[0, :1].copy()

        def forward(self, x):
            return constant + sign * x + 1e-7 * self.b

        def backward(self, dy):
            self.db = 1e-7 * dy
            return sign * dy
    report = check_gradients(Faint(), X[1, :1])
    assert report.verdict == verdict and report.arrays[0].fault == ""


@pytest.mark.parametrize("sign", [1, -1])
def test_one_saturated_output_is_ok_whatever_its_sign(sign):
    layer = Entrywise(lambda x: sign * np.tanh(x), lambda x: sign * TANH[1](x))
    check_gradients(layer, np.array([25.0])).require()


def test_a_mistake_in_small_outputs_of_many_sizes_is_wrong():
    layer = scaled(Entrywise(*ENTRYWISE["sigmoid"]), 1 + 1e-4)
    assert check_gradients(layer, X - 40).verdict == "WRONG"


def test_a_kink_is_counted_and_no_error():
    x = with_entry(X, (2, 1), 0)
    report = check_gradients(ReLU(), x)
    report.require()
    assert report.arrays[0].kinks == 1 and report.arrays[0].worst != (2, 1)
    assert check_gradients(scaled(ReLU(), 2), x).arrays[0].fault == (
        "off by a constant factor: 2 times what it should be")


@pytest.mark.parametrize("sign", [1, -1])
def test_a_kink_where_backward_and_the_central_difference_agree_is_still_a_kink(sign):
    layer = Entrywise(lambda x: sign * np.abs(x), lambda x: sign * np.sign(x))
    assert check_gradients(layer, with_entry(X, (2, 1), 0)).arrays[0].kinks == 1


@pytest.mark.parametrize("scale", [1, 1e-3])
def test_a_kink_does_not_excuse_what_is_much_larger(scale):
    factor = with_entry(np.ones_like(X), (2, 1), 100)
    layer = Entrywise(lambda x: scale * np.abs(x), lambda x: scale * np.where(x > 0, 1, -1))
    layer = scaled(layer, factor)
    report = check_gradients(layer, with_entry(X, (2, 1), 0))
    assert report.verdict == "WRONG" and report.arrays[0].worst == (2, 1)


@pytest.mark.parametrize("x", [1e-7, 1e-12])
def test_near_a_kink_a_wrong_entry_is_judged_by_a_step_that_is_clear_of_it(x):
    factor = with_entry(np.ones_like(X), (2, 1), 1 + 1e-5)
    report = check_gradients(scaled(ReLU(), factor), with_entry(X, (2, 1), x))
    assert report.arrays[0].worst == (2, 1) and report.error == pytest.approx(1e-5, rel=0.01)


def test_a_flat_place_is_no_kink():
    report = check_gradients(Entrywise(*ENTRYWISE["square"]), with_entry(X, (2, 1), 0))
    report.require()
    assert report.arrays[0].kinks == 0


def test_the_edge_of_the_domain_is_said_and_no_error():
    x = with_entry(np.abs(X), (2, 1), 0)
    report = check_gradients(Entrywise(*ENTRYWISE["sqrt"]), x)
    report.require()
    assert report.arrays[0].edges == 1 and "1 of the kinks: the edge of" in str(report)
    for x in (with_entry(x, (0, 0), 0), np.zeros((5, 3))):
        report = check_gradients(Entrywise(*ENTRYWISE["sqrt"]), x)
        assert "entries lie on the edge of the domain" in str(report) and report.error < 1e-8


def test_outside_the_domain_forward_may_also_raise():
    def root(x):
        if (x < 0).any():
            raise ValueError("math domain error")
        return np.sqrt(x)
    layer = Entrywise(root, ENTRYWISE["sqrt"][1])
    check_gradients(layer, np.abs(X)).require()
    assert check_gradients(layer, with_entry(np.abs(X), (2, 1), 0)).arrays[0].edges == 1


def test_a_gradient_that_is_nothing_but_rounding_is_no_error():
    """A shift of the whole row changes nothing: db is 0 but for rounding."""
    class Centred:
        def __init__(self):
            self.b = np.array([0.3])

        def forward(self, x):
            z = np.exp(x + self.b)
            self.y = z / z.sum(axis=1, keepdims=True)
            return self.y

        def backward(self, dy):
            dx = self.y * (dy - (dy * self.y).sum(axis=1, keepdims=True))
            self.db = np.array([dx.sum()])
            return dx
    report = check_gradients(Centred(), X)
    report.require()
    assert [array.kinks for array in report.arrays] == [0, 0]


def test_numbers_of_any_scale_are_judged_alike():
    """Nothing is compared with 1: not even a gradient of 1e-30."""
    for scale in (1e-30, 1e-12, 1e12):
        layer = Entrywise(lambda x: scale * np.tanh(x), lambda x: scale * TANH[1](x))
        check_gradients(layer, X).require()
        factor = with_entry(np.full_like(X, 1 + 1e-4), (2, 1), 2)
        assert check_gradients(scaled(layer, factor), X).arrays[0].fault == (
            "15 of 15 entries differ from the finite difference")


def test_a_loss_with_its_target():
    target = np.random.default_rng(1).standard_normal((5, 3))
    check_gradients(MSE(), X, target).require()
    report = check_gradients(scaled(MSE(), 15), X, target)
    assert report.arrays[0].fault.startswith("15 times too large")


def test_one_number_can_be_checked():
    report = check_gradients(Entrywise(*ENTRYWISE["square"]), np.array(3.0))
    report.require()
    assert report.arrays[0].entries == 1 and report.arrays[0].worst == ()
    for x in (3.0, -3.0):
        wrong = check_gradients(scaled(Entrywise(*ENTRYWISE["square"]), 2), np.array(x))
        assert wrong.arrays[0].fault == "off by a constant factor: 2 times what it should be"


def test_what_is_checked_is_left_as_it_was():
    x, layer = X.copy(), Linear(X[:3].copy(), X[3].copy())
    W, b = layer.W.copy(), layer.b.copy()
    x.flags.writeable = False
    check_gradients(layer, x).require()
    assert np.array_equal(x, X) and np.array_equal(layer.W, W) and np.array_equal(layer.b, b)


def test_no_warning_escapes():
    """pytest turns warnings into errors. log leaves its domain at every larger step."""
    check_gradients(Entrywise(np.log, lambda x: 1 / x), 1e-9 * (1 + np.abs(X))).require()
