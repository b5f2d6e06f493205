"""nn/gradcheck.py: it passes what is right, finds what is wrong, and says in which way."""
import numpy as np
import pytest

from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.verdict import ArrayReport, Report
from scratchdiff.nn.layers import Linear, ReLU
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP

X = np.random.default_rng(0).standard_normal((5, 3))


class Tanh:
    """A reader's own layer: y = tanh(x), dx = dy (1 - y^2)."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y ** 2)


class Dense:
    """A reader's own layer with parameters, which makes new gradient arrays at each call. Square, for transposes."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.W, self.b = rng.standard_normal((3, 3)), rng.standard_normal(3)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW, self.db = self.x.T @ dy, dy.sum(axis=0)
        self.dx = dy @ self.W.T         # beside self.x: yet x is no parameter, for forward replaces it
        return self.dx


class Square:
    def forward(self, x):
        self.x = x
        return x ** 2

    def backward(self, dy):
        return 2 * dy * self.x


def with_backward(layer, change):
    """The layer, its backward replaced by change(layer, dy, what the right backward returns)."""
    right = layer.backward
    layer.backward = lambda dy: change(layer, dy, right(dy))
    return layer


def faults(report):
    return {array.name: array.fault for array in report.arrays if array.fault}


@pytest.mark.parametrize("layer", [Tanh(), Dense()])
def test_right_layers_pass(layer):
    report = check_gradients(layer, X)
    report.require()
    assert report.ok and report.error <= 1e-8


def test_every_entry_of_every_array_is_checked():
    report = check_gradients(Dense(), X)
    assert [(a.name, a.shape, a.entries, a.kinks) for a in report.arrays] == [
        ("x", (5, 3), 15, 0), ("W", (3, 3), 9, 0), ("b", (3,), 3, 0)]
    mlp = MLP((3, 4, 2), np.random.default_rng(0), dtype=np.float64)
    assert [(a.name, a.entries) for a in check_gradients(mlp, X).arrays] == [
        ("x", 15), ("0 Linear.W", 12), ("0 Linear.b", 4), ("2 Linear.W", 8), ("2 Linear.b", 2)]


@pytest.mark.parametrize("index", [(0, 0), (4, 2), (2, 1)])
def test_one_wrong_entry_is_found_and_named(index):
    def change(layer, dy, dx):
        dx[index] *= 1 + 1e-6
        return dx
    array = check_gradients(with_backward(Tanh(), change), X).arrays[0]
    assert array.worst == index and array.fault == "1 of 15 entries differ from the finite difference"
    assert array.error == pytest.approx(1e-6, rel=0.01)
    assert array.backprop == pytest.approx(array.difference * (1 + 1e-6), rel=1e-8)


TANH_FAULTS = {
    "the sign is flipped": lambda layer, dy, dx: -dx,
    "all zero: is it computed, and written to the right place?": lambda layer, dy, dx: 0 * dx,
    "off by a constant factor: 2 times what it should be": lambda layer, dy, dx: 2 * dx,
    "off by a constant factor: 3 times what it should be": lambda layer, dy, dx: 3 * dx,
    "15 of 15 entries differ from the finite difference": lambda layer, dy, dx: dy * (1 - layer.y),
    "backward does not scale with dy: twice the dy must give twice the gradient": lambda layer, dy, dx: 1 - layer.y ** 2,
    "5 times too small: averaged over 5 entries or rows where it should be summed?": lambda layer, dy, dx: dx / 5,
    "15 times too large: summed over 15 entries or rows where it should be averaged?": lambda layer, dy, dx: dx * 15,
    "the gradient is float32 of shape (5, 3), it must be float64 of shape (5, 3) like the array itself":
        lambda layer, dy, dx: dx.astype(np.float32),
    "the gradient is float64 of shape (3, 5), it must be float64 of shape (5, 3) like the array itself; is it transposed?":
        lambda layer, dy, dx: dx.T,
    "the gradient is float64 of shape (15,), it must be float64 of shape (5, 3) like the array itself":
        lambda layer, dy, dx: dx.ravel(),
    "the gradient is no array: does backward return it?":
        lambda layer, dy, dx: None,
}


@pytest.mark.parametrize("fault", TANH_FAULTS)
def test_wrong_in_a_recognisable_way(fault):
    report = check_gradients(with_backward(Tanh(), TANH_FAULTS[fault]), X)
    assert not report.ok and faults(report) == {"x": fault}
    array = report.arrays[0]
    assert (array.entries, array.kinks) == ((0, 0) if "the gradient is" in fault else (15, 0)), "what cannot be compared is not"


def _transposed(layer, dy, dx):
    layer.dW = layer.dW.T.copy()
    return dx


def _averaged(layer, dy, dx):
    layer.db = dy.mean(axis=0)
    return dx


def _forgotten(layer, dy, dx):
    layer.db = np.zeros(3)
    return dx


def test_the_array_that_is_wrong_is_named():
    assert faults(check_gradients(with_backward(Dense(), _transposed), X)) == {"W": "transposed"}
    assert faults(check_gradients(with_backward(Dense(), _forgotten), X)) == {
        "b": "all zero: is it computed, and written to the right place?"}
    assert faults(check_gradients(with_backward(Dense(), _averaged), X)) == {
        "b": "5 times too small: averaged over 5 entries or rows where it should be summed?"}
    assert list(faults(check_gradients(with_backward(Dense(), lambda layer, dy, dx: dy @ layer.W), X))) == ["x"]


def test_a_square_gradient_that_is_wrong_in_no_particular_way_is_not_called_transposed():
    def change(layer, dy, dx):
        layer.dW = layer.dW * (1 + np.arange(9).reshape(3, 3))
        layer.db = layer.db * (1 + 1e-6 * np.arange(3))
        return dx
    assert faults(check_gradients(with_backward(Dense(), change), X)) == {
        "W": "8 of 9 entries differ from the finite difference", "b": "2 of 3 entries differ from the finite difference"}


def test_a_constant_factor_is_seen_among_zeros():
    assert faults(check_gradients(with_backward(ReLU(), lambda layer, dy, dx: 2 * dx), X)) == {
        "x": "off by a constant factor: 2 times what it should be"}


PILES = "a second call of backward gives another gradient: does it add to the first instead of replacing it?"


@pytest.mark.parametrize("scale", [1, 1e-12])
def test_a_gradient_that_piles_up_is_named(scale):
    class Piling(Dense):
        def __init__(self):
            super().__init__()
            self.dW, self.db = np.zeros((3, 3)), np.zeros(3)

        def forward(self, x):
            return scale * super().forward(x)

        def backward(self, dy):
            self.dW += scale * self.x.T @ dy
            self.db[:] = scale * dy.sum(axis=0)
            return scale * dy @ self.W.T
    assert faults(check_gradients(Piling(), X)) == {"W": PILES}


def test_a_gradient_that_drifts_a_little_is_named():
    calls = iter(range(10))
    assert faults(check_gradients(with_backward(Tanh(), lambda layer, dy, dx: dx * (1 + 1e-8 * next(calls))), X)) == {"x": PILES}


def test_a_gradient_that_hardly_scales_with_dy_is_named():
    layer = with_backward(Tanh(), lambda layer, dy, dx: dx * (1 + 1e-8 * np.abs(dy)))
    assert faults(check_gradients(layer, X)) == {
        "x": "backward does not scale with dy: twice the dy must give twice the gradient"}


def test_parameters_are_found_in_layers_within_layers():
    class Outer:
        def __init__(self):
            self.inner, self.parts = Dense(), [Tanh(), Dense()]

        def forward(self, x):
            for layer in [self.inner, *self.parts]:
                x = layer.forward(x)
            return x

        def backward(self, dy):
            for layer in [*self.parts[::-1], self.inner]:
                dy = layer.backward(dy)
            return dy
    report = check_gradients(Outer(), X)
    report.require()
    assert [array.name for array in report.arrays] == ["x", "inner W", "inner b", "1 Dense.W", "1 Dense.b"]


def test_a_parameter_that_is_no_array_is_refused_and_not_left_out():
    class Scale:
        def __init__(self):
            self.w = 2.0

        def forward(self, x):
            self.x = x
            return x * self.w

        def backward(self, dy):
            self.dw = np.sum(dy * self.x)
            return dy * self.w
    with pytest.raises(TypeError, match="w must be a float64 array, got float"):
        check_gradients(Scale(), X)


class NotTheSameTwice(Tanh):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + 1e-12 * self.calls


class ChangesItsInput(Tanh):
    def forward(self, x):
        np.tanh(x, out=x)
        self.y = x.copy()
        return x


class ChangesDy(Tanh):
    def backward(self, dy):
        dy *= 1 - self.y ** 2
        return dy


class Single(Tanh):
    def forward(self, x):
        return super().forward(x).astype(np.float32)


@pytest.mark.parametrize("layer, fault", [
    (NotTheSameTwice(), "forward is not deterministic: the same input gave two different outputs"),
    (ChangesItsInput(), "forward changes its input"), (ChangesDy(), "backward changes the dy that it is given"),
    (Single(), "forward turns float64 into float32")])
def test_what_is_wrong_with_the_layer_as_a_whole(layer, fault):
    report = check_gradients(layer, X)
    assert fault in report.faults and not report.ok
    assert f"  WRONG: {fault}" in str(report).splitlines()[1:3], "before the table, whose numbers it may have spoilt"


def test_a_kink_is_no_error():
    x = X.copy()
    x[2, 1] = 0
    report = check_gradients(ReLU(), x)
    report.require()
    assert report.arrays[0].kinks == 1


def test_a_kink_at_which_backprop_and_the_central_difference_agree_is_still_a_kink():
    class Abs:
        def forward(self, x):
            self.sign = np.sign(x)
            return np.abs(x)

        def backward(self, dy):
            return dy * self.sign
    x = X.copy()
    x[2, 1] = 0
    assert check_gradients(Abs(), x).arrays[0].kinks == 1


def test_near_a_kink_a_smaller_step_finds_the_derivative():
    x = X.copy()
    x[2, 1] = 1e-7                      # much less than the first step, 6e-6; more than the last, 2e-8
    report = check_gradients(ReLU(), x)
    report.require()
    assert report.arrays[0].kinks == 0


def test_near_a_kink_of_little_weight_a_smaller_step_finds_the_derivative():
    class Bent:
        """y = 2000 x + max(x - 1e-7, 0): the corner changes the slope by less than a thousandth."""

        def forward(self, x):
            self.x = x
            return 2000 * x + np.maximum(x - 1e-7, 0)

        def backward(self, dy):
            return dy * (2000 + (self.x > 1e-7))
    x = X.copy()
    x[2, 1] = 0
    check_gradients(Bent(), x).require()


def test_near_a_kink_a_wrong_entry_is_judged_by_the_step_that_is_clear_of_it():
    x = X.copy()
    x[2, 1] = 1e-7

    def change(layer, dy, dx):
        dx[2, 1] *= 1 + 1e-5
        return dx
    array = check_gradients(with_backward(ReLU(), change), x).arrays[0]
    assert array.worst == (2, 1) and array.error == pytest.approx(1e-5, rel=0.01)
    assert array.difference == pytest.approx(array.backprop / (1 + 1e-5), rel=1e-7)


def test_a_flat_place_is_no_kink():
    x = X.copy()
    x[2, 1] = 0
    report = check_gradients(Square(), x)
    report.require()
    assert report.arrays[0].kinks == 0


@pytest.mark.parametrize("entries, kinks, ok", [(15, 3, False), (20, 2, True), (20, 3, False), (29, 3, False), (5, 1, True),
                                                (5, 2, False), (3, 1, True)])
def test_too_many_kinks_are_an_error(entries, kinks, ok):
    """More than one, and more than a tenth."""
    x = np.arange(1.0, entries + 1).reshape(1, entries)
    x[0, :kinks] = 0
    said = {} if ok else {"x": f"{kinks} of {entries} entries lie on a kink: check at another, random input"}
    assert faults(check_gradients(ReLU(), x)) == said


def test_a_wrong_mask_is_no_kink():
    report = check_gradients(with_backward(ReLU(), lambda layer, dy, dx: dy * (1 - layer.on)), X)
    assert report.arrays[0].kinks == 0 and "entries differ" in report.arrays[0].fault


@pytest.mark.filterwarnings("ignore:invalid value")
def test_nan_is_wrong():
    array = check_gradients(with_backward(Tanh(), lambda layer, dy, dx: dx * np.nan), X).arrays[0]
    assert array.fault == "15 of 15 entries differ from the finite difference" and array.error == np.inf


def test_gradients_that_cancel_are_not_judged_by_their_rounding():
    class Centred:
        """The mean of each row is taken out, so a shift of the row changes nothing: the gradient of b is 0 to rounding."""

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
    assert [array.kinks for array in report.arrays] == [0, 0], "nor is the noise of rounding a kink"


def test_a_loss_with_its_target():
    target = np.random.default_rng(1).standard_normal((5, 3))
    check_gradients(MSE(), X, target).require()
    report = check_gradients(with_backward(MSE(), lambda mse, dloss, dx: dx * 15), X, target)
    assert faults(report) == {"x": "15 times too large: summed over 15 entries or rows where it should be averaged?"}


@pytest.mark.parametrize("x, came", [(X.astype(np.float32), "float32"), (X.astype(int), "int64"), (X.tolist(), "list")])
def test_other_than_float64_is_refused_with_the_reason(x, came):
    with pytest.raises(TypeError, match=f"x must be a float64 array, got {came}: .*rounding"):
        check_gradients(Tanh(), x)


def test_parameters_in_single_precision_are_refused():
    class Scale:
        def __init__(self):
            self.w = np.ones(3, np.float32)

        def forward(self, x):
            self.x = x
            return x * self.w

        def backward(self, dy):
            self.dw = (dy * self.x).sum(axis=0)
            return dy * self.w
    with pytest.raises(TypeError, match="w must be a float64 array, got float32"):
        check_gradients(Scale(), X)
    with pytest.raises(TypeError, match="x must be float32, as the parameters are, got float64"):
        check_gradients(MLP((3, 2), np.random.default_rng(0)), X)


def test_of_one_number_and_of_none():
    report = check_gradients(Square(), np.array(3.0))
    report.require()
    assert report.arrays[0].entries == 1 and report.arrays[0].backprop == pytest.approx(report.arrays[0].difference)
    with pytest.raises(ValueError, match=r"x must have entries, got shape \(0, 3\)"):
        check_gradients(Tanh(), np.zeros((0, 3)))


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_a_missing_method_is_named(method):
    layer = type("Half", (), {name: lambda self, x: x for name in {"forward", "backward"} - {method}})()
    with pytest.raises(TypeError, match=f"layer must have a method {method}; Half has none"):
        check_gradients(layer, X)


def test_what_is_checked_is_left_as_it_was():
    x, layer = X.copy(), Linear(np.random.default_rng(1).standard_normal((3, 2)), np.zeros(2))
    W, b = layer.W.copy(), layer.b.copy()
    x.flags.writeable = False
    check_gradients(layer, x).require()
    assert np.array_equal(x, X) and np.array_equal(layer.W, W) and np.array_equal(layer.b, b)


def test_the_table():
    report = check_gradients(with_backward(Dense(), _transposed), X)
    lines = str(report).splitlines()
    assert lines[0] == "Dense: WRONG"
    assert lines[1].split() == ["array", "shape", "entries", "kinks", "error", "worst", "at", "backprop", "difference"]
    assert [line.split()[:4] for line in lines[2:4]] == [["x", "5x3", "15", "0"], ["W", "3x3", "9", "0"]]
    assert lines[4] == "  WRONG: transposed" and lines[3].split()[5] == ",".join(map(str, report.arrays[1].worst))
    with pytest.raises(AssertionError, match="Dense: WRONG"):
        report.require()
    widest = ArrayReport("mlp 10 Linear.W", (128, 128), 16384, 16384, 1e-10, (127, 127), -1e-10, -1e-10, "")
    assert max(map(len, [*lines, *str(Report("MLP", (widest,), ())).splitlines()])) <= 80


def test_the_error_of_a_report_is_its_largest():
    rng = np.random.default_rng(0)
    report = check_gradients(Linear(rng.standard_normal((3, 4)), rng.standard_normal(4)), rng.standard_normal((5, 3)))
    assert [array.name for array in report.arrays] == ["x", "W", "b"]
    assert report.error == max(array.error for array in report.arrays) > min(array.error for array in report.arrays)
