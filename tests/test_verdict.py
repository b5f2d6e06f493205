"""nn/checker/verdict.py: the table, and what is wrong in words that help to find it."""
import numpy as np
import pytest

from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.checker.verdict import ArrayReport, Report
from tests.battery import ENTRYWISE, Entrywise, Offset

X = np.random.default_rng(0).standard_normal((5, 3))


class Tanh:
    """A reader's layer: y = tanh(x), dx = dy (1 - y^2)."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y ** 2)


class Dense:
    """A reader's layer with parameters, square, so that a transpose fits."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.W, self.b = rng.standard_normal((3, 3)), rng.standard_normal(3)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW, self.db = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.W.T


def changed(layer, change):
    """The layer, its backward replaced by change(layer, dy, what the right backward returns)."""
    right = layer.backward
    layer.backward = lambda dy: change(layer, dy, right(dy))
    return layer


def faults(report):
    return {array.name: array.fault for array in report.arrays if array.fault}


TANH_FAULTS = {
    "the sign is flipped": lambda layer, dy, dx: -dx,
    "all zero: is it computed, and written to the right place?": lambda layer, dy, dx: 0 * dx,
    "off by a constant factor: 2 times what it should be": lambda layer, dy, dx: 2 * dx,
    "off by a constant factor: 1.0001 times what it should be": lambda layer, dy, dx: 1.0001 * dx,
    "15 of 15 entries differ from the finite difference": lambda layer, dy, dx: dy * (1 - layer.y),
    "15 of 15 entries are nan or infinite": lambda layer, dy, dx: dx * np.nan,
    "1 of 15 entries are nan or infinite":
        lambda layer, dy, dx: np.where(np.arange(15).reshape(5, 3) == 7, np.nan, dx),
    "3 of 15 entries differ from the finite difference":
        lambda layer, dy, dx: dx * (np.arange(5)[:, None] > 0),
    "backward does not scale with dy: -2 times the dy must give -2 times the gradient":
        lambda layer, dy, dx: dx * np.sign(dy),
    "5 times too small: averaged over 5 entries or rows where it should be summed?":
        lambda layer, dy, dx: dx / 5,
    "3 times too large: summed over 3 entries or rows where it should be averaged?":
        lambda layer, dy, dx: 3 * dx,
    "the gradient is float32 of shape (5, 3), it must be float64 of shape (5, 3) like the array "
    "itself": lambda layer, dy, dx: dx.astype(np.float32),
    "the gradient is float64 of shape (3, 5), it must be float64 of shape (5, 3) like the array "
    "itself; is it transposed?": lambda layer, dy, dx: dx.T,
    "the gradient is float64 of shape (15,), it must be float64 of shape (5, 3) like the array "
    "itself": lambda layer, dy, dx: dx.ravel(),
    "there is no gradient: backward must return it": lambda layer, dy, dx: None,
    "the gradient is not an array of floats: what does backward return?":
        lambda layer, dy, dx: [[1.0], [1.0, 2.0]],
}


@pytest.mark.parametrize("fault", TANH_FAULTS)
def test_wrong_in_a_recognisable_way(fault):
    report = check_gradients(changed(Tanh(), TANH_FAULTS[fault]), X)
    assert report.verdict == "WRONG" and not report.ok and faults(report) == {"x": fault}
    compared = 0 if fault.startswith(("the gradient is", "there is no")) else 15
    array = report.arrays[0]
    assert (array.entries, array.kinks, array.edges) == (compared, 0, 0)
    assert array.error == np.inf if compared == 0 or "nan" in fault else 1e-5 < array.error < 10


def test_a_sum_over_two_is_named_and_one_over_none_is_not():
    class Takes(Tanh):
        def forward(self, x, labels):
            return super().forward(x)
    layer = changed(Takes(), lambda layer, dy, dx: 2 * dx)
    assert faults(check_gradients(layer, X[:2], np.zeros(0, int))) == {
        "x": "2 times too large: summed over 2 entries or rows where it should be averaged?"}


def test_an_error_is_relative_to_the_larger_of_the_two():
    for factor in (2, 0.5):
        report = check_gradients(changed(Tanh(), lambda layer, dy, dx: factor * dx), X)
        assert report.error == pytest.approx(0.5, rel=1e-6)


def test_the_array_that_is_wrong_is_named():
    def transposed(layer, dy, dx):
        layer.dW = layer.dW.T.copy()
        return dx

    def averaged(layer, dy, dx):
        layer.db = dy.mean(axis=0)
        return dx

    def forgotten(layer, dy, dx):
        layer.db = np.zeros(3)
        return dx
    assert faults(check_gradients(changed(Dense(), transposed), X)) == {"W": "transposed"}
    assert faults(check_gradients(changed(Dense(), forgotten), X)) == {
        "b": "all zero: is it computed, and written to the right place?"}
    assert faults(check_gradients(changed(Dense(), averaged), X)) == {
        "b": "5 times too small: averaged over 5 entries or rows where it should be summed?"}
    wrong_dx = changed(Dense(), lambda layer, dy, dx: dy @ layer.W)
    assert list(faults(check_gradients(wrong_dx, X))) == ["x"]


def test_a_square_gradient_is_not_called_transposed_if_it_is_wrong_in_another_way():
    def change(layer, dy, dx):
        layer.dW = layer.dW * (1 + np.arange(9).reshape(3, 3))
        return dx
    fault = faults(check_gradients(changed(Dense(), change), X))["W"]
    assert fault == "8 of 9 entries differ from the finite difference"


def test_a_gradient_that_is_its_own_transpose_is_not_called_transposed():
    layer = changed(Tanh(), lambda layer, dy, dx: dx * np.array([1, 1 + 1e-6, 1]))
    assert faults(check_gradients(layer, X[0])) == {
        "x": "1 of 3 entries differ from the finite difference"}


@pytest.mark.parametrize("calls, fault", [
    (2, "a second call of backward gives no gradient"),
    (3, "backward does not scale with dy: -2 times the dy must give -2 times the gradient")])
def test_a_later_call_that_gives_nothing_is_named(calls, fault):
    rest = iter(range(calls))
    layer = changed(Tanh(), lambda layer, dy, dx: None if next(rest, None) is None else dx)
    assert faults(check_gradients(layer, X)) == {"x": fault}


PILES = ("a second call of backward gives another gradient: "
         "does it add to the first instead of replacing it?")
ANOTHER = "; it does not change with the input, as only a linear layer's may"


@pytest.mark.parametrize("scale", [1, 1e-12])
def test_a_gradient_that_piles_up_is_named(scale):
    class Piling(Dense):
        dW = np.zeros((3, 3))

        def forward(self, x):
            return scale * super().forward(x)

        def backward(self, dy):
            dW = self.dW
            dx = super().backward(scale * dy)
            self.dW = dW + self.dW
            return dx
    assert faults(check_gradients(Piling(), X)) == {"W": PILES}


def test_a_gradient_that_drifts_a_little_is_named():
    calls = iter(range(10))
    drifting = changed(Tanh(), lambda layer, dy, dx: dx * (1 + 1e-8 * next(calls)))
    assert faults(check_gradients(drifting, X)) == {"x": PILES}


def test_rounding_may_depend_on_dy():
    layer = changed(Tanh(), lambda layer, dy, dx: np.sign(dx) * np.exp(np.log(np.abs(dx))))
    check_gradients(layer, X).require()


def test_a_gradient_that_hardly_scales_with_dy_is_named():
    layer = changed(Tanh(), lambda layer, dy, dx: dx * (1 + 1e-8 * np.abs(dy)))
    assert faults(check_gradients(layer, X))["x"].startswith("backward does not scale with dy")


class KeepsTheFirst(Tanh):
    """Uses the y of its first forward for ever."""

    def forward(self, x):
        if not hasattr(self, "y"):
            self.y = np.tanh(x)
        return np.tanh(x)


class KeepsTheLast(Tanh):
    """Uses the y of the forward before."""

    last = None

    def forward(self, x):
        y = np.tanh(x)
        self.y, self.last = y if self.last is None else self.last, y
        return y


class KeepsOneOfTheLast(KeepsTheLast):
    """Uses one y of the forward before. All numbers are small."""

    def __init__(self, which):
        self.which = which

    def forward(self, x):
        y = super().forward(x)
        self.y = np.where(np.arange(x.size).reshape(x.shape) == self.which, self.y, y)
        return 1e-6 * y

    def backward(self, dy):
        return 1e-6 * super().backward(dy)


def test_what_is_kept_of_an_earlier_input_is_named():
    fault = faults(check_gradients(KeepsTheFirst(), X))["x"]
    assert fault == "15 of 15 entries differ from the finite difference" + ANOTHER
    for layer in (KeepsTheLast(), *map(KeepsOneOfTheLast, range(5))):
        assert faults(check_gradients(layer, X)) == {
            "x": "right only if the input before was the same: is something kept from earlier?"}


@pytest.mark.parametrize("entries, kinks, ok", [
    (15, 3, False), (20, 2, True), (20, 3, False), (29, 3, False), (5, 1, True), (5, 2, False),
    (2, 1, True), (1, 1, False)])
def test_with_too_many_kinks_one_cannot_tell(entries, kinks, ok):
    """More than one and more than a tenth; or all that there are."""
    x = np.arange(1.0, entries + 1).reshape(1, entries)
    x[0, :kinks] = 0
    report = check_gradients(Entrywise(np.abs, np.sign), x)
    assert report.verdict == ("ok" if ok else "cannot tell")
    assert ok or report.arrays[0].fault == (
        f"cannot tell: {kinks} of {entries} entries lie on a kink: check at another, random input")


def test_one_wrong_array_is_wrong_whatever_the_others_are():
    doubt = Offset(Dense(), 1e17)
    assert check_gradients(doubt, X).verdict == "cannot tell"
    changed(doubt.layer, lambda layer, dy, dx: dx[:1])
    assert check_gradients(doubt, X).verdict == "WRONG"


@pytest.mark.parametrize("constant, said", [
    (1e12, "the output, up to 1e+12, is too large to resolve less than 2.1 % of a slope; "
           "take the constant out of it"),
    (1e13, "the output, up to 1e+13, is too large to resolve less than 21 % of a slope; "
           "take the constant out of it"),
    (-1e17, "the output, up to 1e+17, is too large to resolve any slope; "
           "take the constant out of it")])
def test_why_one_cannot_tell(constant, said):
    report = check_gradients(Offset(Entrywise(*ENTRYWISE["sine"]), constant), X)
    assert faults(report) == {"x": f"cannot tell: {said}"}
    assert report.error > 0 and report.arrays[0].worst


@pytest.mark.parametrize("factor, verdict", [(1, "cannot tell"), (2, "WRONG"), (0, "cannot tell")])
def test_a_function_that_rounds_within(factor, verdict):
    """x + 1e10 - 1e10 moves in stairs of 2e-6: by small steps not at all."""
    layer = Entrywise(lambda x: 1e6 * (x + 1e10 - 1e10), lambda x: factor * np.full_like(x, 1e6))
    report = check_gradients(layer, X)
    assert report.verdict == verdict
    if factor == 1:
        assert faults(report) == {"x": "cannot tell: rounding is too coarse to resolve any slope; "
                                       "check at another input"}


def test_the_table():
    report = check_gradients(changed(Dense(), lambda layer, dy, dx: 2 * dx), X)
    lines = str(report).splitlines()
    assert lines[0] == "Dense: WRONG"
    assert lines[1].split() == ["array", "shape", "entries", "kinks", "error", "worst", "at",
                                "backprop", "difference"]
    assert [line.split()[:4] for line in (lines[2], *lines[4:])] == [
        ["x", "5x3", "15", "0"], ["W", "3x3", "9", "0"], ["b", "3", "3", "0"]]
    assert lines[2].split()[5] == ",".join(map(str, report.arrays[0].worst))
    assert lines[3] == "  WRONG: off by a constant factor: 2 times what it should be"
    assert "np." not in repr(report)    # plain numbers, no np.float64(0.5)
    with pytest.raises(AssertionError, match="Dense: WRONG"):
        report.require()


def test_the_table_of_a_doubt_and_the_notes():
    lines = str(check_gradients(Offset(Tanh(), 1e17), X)).splitlines()
    assert lines[0] == "Offset: cannot tell" and lines[3].startswith("  cannot tell: the output")
    assert lines[-1] == "  no parameters"
    assert str(Report("Loss", (), ("all is lost",))) == "Loss: WRONG\n  WRONG: all is lost"


@pytest.mark.parametrize("name", ["mlp 10 Linear.W", "denoiser network 10 Linear.W"])
def test_the_table_fits_80_columns_and_can_be_indented(name):
    row = ArrayReport(name, (128, 128), 16384, 16384, 1e-10, (127, 127), -1e-10, -1e-10, "so " * 60)
    lines = str(Report("MLP", (row,), ("because " * 20,), ("by the way " * 10,))).splitlines()
    assert max(map(len, lines)) == 78 and any("10 Linear.W 128x128" in line for line in lines)
    said = [line for line in lines if "because" in line]
    assert said[0].startswith("  WRONG: because") and said[1].startswith("    because")


@pytest.mark.parametrize("name, shape, shown", [
    ("layer 1 kernel1", (4,), "layer 1 kernel1"), ("layer 10 kernel1", (4,), "...r 10 kernel1"),
    ("layer 1 kernel1", (16, 16, 3, 3), "... 1 kernel1"),
    ("layer 1 kernel1", (128, 128, 10, 10), "...rnel1"),
    ("kernel10", (128, 128, 10, 10), "kernel10")])
def test_a_name_that_does_not_fit_loses_its_beginning(name, shape, shown):
    row = ArrayReport(name, shape, 1, 0, 0.0, tuple(n - 1 for n in shape), 1.0, 1.0, "")
    line = str(Report("Layer", (row,))).splitlines()[2]
    assert line.startswith(f"{shown} {'x'.join(map(str, shape))} ") and len(line) <= 80


def test_the_error_of_a_report_is_its_largest():
    report = check_gradients(Dense(), X)
    errors = [array.error for array in report.arrays]
    assert report.error == max(errors) > min(errors)
    assert Report("Loss", (), ("all is lost",)).error == np.inf
