"""nn/checker/subject.py: which calls are made, which rules hold, and what is checked."""
import numpy as np
import pytest

from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import Linear
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP
from tests.battery import Embedding, Entrywise, Gate, Levels, Norm, Softmax

X = np.random.default_rng(0).standard_normal((4, 3))
C = np.random.default_rng(1).standard_normal((4, 3))


class Sine:
    def forward(self, x):
        self.x = x
        return np.sin(x)

    def backward(self, dy):
        return dy * np.cos(self.x)


class Scale:
    """y = x W, entry by entry in each row."""

    def __init__(self, dtype=np.float64):
        self.W = np.array([1.0, -2.0, 3.0], dtype)

    def forward(self, x):
        self.x = x
        return x * self.W

    def backward(self, dy):
        self.dW = (dy * self.x).sum(axis=0)
        return dy * self.W


def test_the_calls():
    """On another input first; then on x itself, whose gradients are those of the report."""
    calls = []

    class Spy(Sine):
        def forward(self, x):
            calls.append(("forward", x.copy()))
            return super().forward(x)

        def backward(self, dy):
            calls.append(("backward", dy.copy()))
            return super().backward(dy)
    check_gradients(Spy(), X)
    names = [name for name, _ in calls]
    first = names.index("backward")
    assert np.array_equal(calls[first - 1][1], -0.7 * np.roll(X, 1))
    assert names[first + 1:first + 7] == ["forward", "backward"] * 3
    dy, again, opposite = (calls[first + i][1] for i in (2, 4, 6))
    assert all(np.array_equal(calls[first + i][1], X) for i in (1, 3, 5))
    assert np.array_equal(dy, again) and np.array_equal(opposite, -2 * dy) and dy.std() > 0.5


def test_the_other_input_stays_in_the_domain():
    seen = []

    class Log(Sine):
        def forward(self, x, t):
            self.x, self.t = x, t
            return np.log(x)

        def backward(self, dy):
            seen.append((self.x.copy(), self.t))
            return dy / self.x
    check_gradients(Log(), np.abs(X), 3).require()
    assert np.array_equal(seen[0][0], 0.7 * np.roll(np.abs(X), 1)) and seen[0][1] == 2


def test_levels_stay_where_no_other_is_taken():
    seen = []

    class OnlyThree(Sine):
        def forward(self, x, t):
            if t != 3:
                raise ValueError("another level")
            return super().forward(x)

        def backward(self, dy):
            seen.append(self.x.copy())
            return super().backward(dy)
    check_gradients(OnlyThree(), X, 3).require()
    assert np.array_equal(seen[0], 0.7 * np.roll(X, 1))


class KeepsLevels(Levels):
    """Uses the t of its first forward in backward. It takes no level below 0."""

    __slots__ = ("first",)

    def forward(self, x, t):
        if np.min(t) < 0:
            raise IndexError("a level below 0")
        if not hasattr(self, "first"):
            self.first = t
        return super().forward(x, t)

    def backward(self, dy):
        self.t = self.first
        return super().backward(dy)


@pytest.mark.parametrize("t", [np.array([0, 1, 3, 3]), np.array([1, 1, 1, 1]), [1, 0, 2, 3]])
def test_levels_change_too_so_that_an_old_one_shows(t):
    check_gradients(Levels(np.random.default_rng(0)), X, t).require()
    assert not check_gradients(KeepsLevels(np.random.default_rng(0)), X, t).ok


def test_a_layer_that_takes_no_other_input_is_checked_all_the_same():
    class Only(Sine):
        def forward(self, x, t):
            if not np.allclose(x, X, atol=3):
                raise ValueError("another input")
            return super().forward(x)
    check_gradients(Only(), X, 3).require()


class NotTheSameTwice(Sine):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) + 1e-12 * self.calls


class Dropout(Sine):
    rng = np.random.default_rng(0)

    def forward(self, x):
        self.mask = self.rng.random(x.shape) < 0.5
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class ChangesItsInput(Sine):
    def forward(self, x):
        return np.sin(x, out=x)


class ChangesC(Sine):
    def forward(self, x, c):
        c *= 2
        return super().forward(x)


class ChangesDy(Sine):
    def backward(self, dy):
        dy *= np.cos(self.x)
        return dy


class ClearsX(Sine):
    def backward(self, dy):
        dx = super().backward(dy)
        self.x[:] = 0
        return dx


class Single(Sine):
    def forward(self, x):
        return super().forward(x).astype(np.float32)


class Infinite(Sine):
    def forward(self, x):
        return np.where(x == x.max(), np.inf, super().forward(x))


class PartlyNaN(Sine):
    def forward(self, x):
        return np.where(x > 0, super().forward(x), np.nan)


class Tuple(Sine):
    def backward(self, dy):
        return super().backward(dy), dy[0]


@pytest.mark.parametrize("layer, fault", [
    (NotTheSameTwice(), "forward is not deterministic: the same input gave two different outputs"),
    (Dropout(), "forward is not deterministic: the same input gave two different outputs"),
    (ChangesItsInput(), "forward changes its input"),
    (ChangesDy(), "backward changes the dy that it is given"),
    (ClearsX(), "backward changes the x that forward was given"),
    (Single(), "forward turns float64 into float32"),
    (Infinite(), "forward gives inf in 1 of 12 outputs: no slope to check"),
    (PartlyNaN(), f"forward gives nan in {np.sum(X <= 0)} of 12 outputs: no slope to check"),
    (Tuple(), "backward returns a tuple of 2, but the arguments of forward that need a gradient "
              "are: x")])
def test_a_rule_that_is_broken_is_the_only_verdict(layer, fault):
    report = check_gradients(layer, X)
    assert report.faults == (fault,) and report.arrays == () and report.verdict == "WRONG"


def test_no_argument_may_be_changed():
    assert check_gradients(ChangesC(), X, C).faults == ("forward changes its input",)


class Short(Scale):
    def backward(self, dy):
        dx = super().backward(dy)
        self.dW = self.dW.astype(np.float32)
        return dx


class ShortInPlace(Scale):
    dW = np.zeros(3, np.float32)

    def backward(self, dy):
        self.dW[:] = (dy * self.x).sum(axis=0)
        return dy * self.W


@pytest.mark.parametrize("layer", [Short(), ShortInPlace()])
def test_a_gradient_in_single_precision_is_named(layer):
    assert check_gradients(layer, X).arrays[1].fault.startswith("the gradient is float32")


def test_a_further_argument_is_differentiated():
    report = check_gradients(Gate(), X, C)
    report.require()
    assert [array.name for array in report.arrays] == ["x", "c"]

    class WrongGate(Gate):
        def backward(self, dy):
            dx, dc = super().backward(dy)
            return dx, 1.0001 * dc
    assert [a.name for a in check_gradients(WrongGate(), X, C).arrays if a.fault] == ["c"]


class OnlyDx(Gate):
    def backward(self, dy):
        return super().backward(dy)[0]


class NoneForC(Gate):
    def backward(self, dy):
        return super().backward(dy)[0], None


class Named(OnlyDx):
    constants = ("c",)


@pytest.mark.parametrize("layer", [OnlyDx(), NoneForC()])
def test_an_argument_without_a_gradient_is_a_fault_unless_it_is_a_constant(layer):
    report = check_gradients(layer, X, C)
    assert report.verdict == "WRONG" and report.faults == (
        "c moves the output, but backward returns no gradient for it: return a tuple, "
        'or check with constants=["c"]',)
    check_gradients(OnlyDx(), X, C, constants=["c"]).require()
    check_gradients(OnlyDx(), X, C, constants="c").require()
    check_gradients(Named(), X, C).require()


def test_a_star_argument_is_a_constant_by_its_name():
    class Star(Sine):
        constants = ("given",)

        def forward(self, x, *given):
            return super().forward(x) + sum(given)
    check_gradients(Star(), X, C, C).require()
    Star.constants = ()
    assert [fault.split()[0] for fault in check_gradients(Star(), X, C, C).faults] == [
        "given[0]", "given[1]"]


def test_an_argument_that_does_not_move_the_output_needs_no_gradient():
    class Ignores(Sine):
        def forward(self, x, c):
            return super().forward(x)
    check_gradients(Ignores(), X, C).require()


def test_a_target_is_a_constant_and_the_report_says_so():
    report = check_gradients(MSE(), X, C)
    report.require()
    assert report.notes == ("target: a constant, as backward returns only dx", "no parameters")
    for constants in (["target"], "target"):
        assert check_gradients(MSE(), X, C, constants=constants).notes == ("no parameters",)


def test_a_gradient_for_every_argument_may_come_with_labels_between():
    class Between(Gate):
        def forward(self, x, labels, c):
            return super().forward(x, c) + labels[:, None]

        def backward(self, dy):
            dx, dc = super().backward(dy)
            return dx, None, dc
    report = check_gradients(Between(), X, np.arange(4), C)
    report.require()
    assert [array.name for array in report.arrays] == ["x", "c"]


@pytest.mark.parametrize("given", [None, "sum", True, X > 0, 2.5, [["a"], ["a", "b"]]])
def test_what_is_no_array_of_floats_is_passed_on(given):
    class Takes(Sine):
        def forward(self, x, option):
            assert type(option) is type(given) and np.all(option == given)
            return super().forward(x)
    check_gradients(Takes(), X, given).require()


class EmbeddingWithTuple(Embedding):
    def backward(self, dy):
        return super().backward(dy), dy


class Lookup(Embedding):
    def backward(self, dy):
        pass


@pytest.mark.parametrize("layer, fault", [
    (EmbeddingWithTuple, "backward returns a tuple of 2, but the arguments of forward that need a "
                         "gradient are: none"),
    (Lookup, "W moves the output, but backward leaves no gradient for it: write one, or check with "
             'constants=["W"]')])
def test_without_an_argument_of_floats_there_is_one_fault(layer, fault):
    report = check_gradients(layer(np.random.default_rng(0)), np.array([0, 2, 2]))
    assert report.faults == (fault,)


def test_labels_are_passed_on():
    report = check_gradients(Embedding(np.random.default_rng(0)), np.array([0, 2, 2]))
    report.require()
    assert [array.name for array in report.arrays] == ["W"]
    report = check_gradients(Sine(), np.arange(3))
    assert report.faults == ("there is nothing to check: no argument of floats, and no parameter",)


@pytest.mark.parametrize("x, came", [(X.astype(np.float32), "float32"), (X.tolist(), "list"),
                                     (X.astype(np.longdouble), "float128"), (1.0, "float"),
                                     (X.astype(complex), "complex128")])
def test_other_than_float64_is_refused_with_the_reason(x, came):
    if came == "float128" and x.dtype == np.float64:
        pytest.skip("there is no longer float here")
    with pytest.raises(TypeError, match=f"x must be a float64 array, got {came}: .*too coarse"):
        check_gradients(Sine(), x)
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        with pytest.raises(TypeError, match=f"c must be a float64 array, got {came}"):
            check_gradients(Gate(), X, x)


def test_float64_of_the_other_byte_order_is_float64():
    check_gradients(Sine(), X.astype(">f8")).require()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_x_must_be_finite_and_have_entries(value):
    x = X.copy()
    x[1, 2] = value
    with pytest.raises(ValueError, match=f"x must be finite, got {value}"):
        check_gradients(Sine(), x)
    with pytest.raises(ValueError, match=r"x must have entries, got shape \(0, 3\)"):
        check_gradients(Sine(), np.zeros((0, 3)))


def test_a_network_in_single_precision_is_told_how_to_be_made():
    for network in (MLP((3, 2), np.random.default_rng(0)), Scale(np.float32)):
        with pytest.raises(TypeError, match="W must be a float64 array, got float32.*dtype="):
            check_gradients(network, X)


def test_an_exception_of_the_layer_is_its_own():
    class Odd(Sine):
        t, dt, table = 2.0, 0.5, np.ones(3, np.float32)

        def forward(self, x):
            raise RuntimeError("no")
    with pytest.raises(RuntimeError, match="no"):
        check_gradients(Odd(), X)


def test_a_parameter_that_cannot_be_moved_is_named():
    layer = Scale()
    layer.W.flags.writeable = False
    with pytest.raises(ValueError, match="W must be writeable, .* got a read-only array"):
        check_gradients(layer, X)

    class Plain(Scale):
        def __init__(self):
            self.W = 2.0

        def backward(self, dy):
            self.dW = np.sum(dy * self.x)
            return dy * self.W
    with pytest.raises(TypeError, match="W must be a float64 array, got float"):
        check_gradients(Plain(), X)


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_what_is_no_layer_is_named(method):
    methods = {"forward", "backward"} - {method}
    half = type("Half", (), {name: lambda self, x: x for name in methods})
    with pytest.raises(TypeError, match=f"layer must have a method {method}; Half has none"):
        check_gradients(half(), X)
    with pytest.raises(TypeError, match=r"must be an instance, got the class Sine: write Sine\("):
        check_gradients(Sine, X)


def test_forward_must_return_an_array():
    layer = Entrywise(lambda x: (x, x), np.ones_like)
    with pytest.raises(TypeError, match="forward must return an array or a number, got tuple"):
        check_gradients(layer, X)


class Unwritten(Scale):
    def backward(self, dy):
        return dy * self.W


class Faint(Unwritten):
    def forward(self, x):
        return 1e-20 * super().forward(x)

    def backward(self, dy):
        return 1e-20 * super().backward(dy)


def test_an_array_that_moves_the_output_needs_a_gradient():
    report = check_gradients(Unwritten(), X)
    assert report.verdict == "WRONG" and report.notes == () and report.faults == (
        'W moves the output, but backward leaves no gradient for it: write one, or check with '
        'constants=["W"]',)
    check_gradients(Unwritten(), X, constants=["W"]).require()
    for layer, x in [(Faint(), X), (Unwritten(), np.abs(X)), (Unwritten(), -np.abs(X))]:
        assert check_gradients(layer, x).faults == report.faults
    layer = Unwritten()
    layer.dW = np.ones(3)               # nobody writes it
    assert check_gradients(layer, X).faults == report.faults
    layer.W.flags.writeable = False     # a constant, for nobody can train it
    check_gradients(layer, X).require()


def test_a_parameter_moves_whatever_its_value_is():
    """Also 0.41, where 0.7 W + 0.123 = W."""
    for value in (0.41, 0, -1, 1e9, 1e-20):
        layer, unwritten = Scale(), Unwritten()
        layer.W[:] = unwritten.W[:] = value
        assert [array.name for array in check_gradients(layer, X).arrays] == ["x", "W"]
        assert check_gradients(unwritten, X).faults[0].startswith("W moves the output")


@pytest.mark.parametrize("f", [lambda x: 0 * x, lambda x: x[:, :0]])
def test_an_array_does_not_move_an_output_that_stays_0_or_has_no_entries(f):
    layer = Entrywise(f, np.zeros_like)
    layer.table, layer.backward = np.ones(3), lambda dy: np.zeros_like(X)
    report = check_gradients(layer, X)
    report.require()
    assert report.error == 0


def test_an_array_that_moves_nothing_but_rounding_needs_no_gradient():
    class Shifted(Softmax):
        def __init__(self):
            self.b = np.array([0.3])

        def forward(self, x):
            return -super().forward(x + self.b)

        def backward(self, dy):
            return super().backward(-dy)
    check_gradients(Shifted(), 10 * X).require()


def test_a_constant_is_named_by_the_layer_that_holds_it():
    inner = Unwritten()
    inner.constants = ("W",)

    class Outer(Sine):
        def __init__(self, inner):
            self.inner = inner

        def forward(self, x):
            return super().forward(self.inner.forward(x))

        def backward(self, dy):
            return self.inner.backward(super().backward(dy))
    check_gradients(Outer(inner), X).require()
    assert check_gradients(Outer(Unwritten()), X).faults[0].startswith("inner W moves the output")


def test_what_forward_overwrites_is_no_parameter():
    class Buffer(Sine):
        def __init__(self):
            self.x, self.dx = np.zeros((4, 3)), np.zeros((4, 3))

        def forward(self, x):
            self.x[:] = x
            return np.sin(self.x)

        def backward(self, dy):
            self.dx[:] = dy * np.cos(self.x)
            return self.dx
    class History(Sine):
        means = np.zeros(0)

        def forward(self, x):
            self.means = np.append(self.means, x.mean())
            return super().forward(x)
    for layer in (Buffer(), History()):
        report = check_gradients(layer, X)
        report.require()
        assert [array.name for array in report.arrays] == ["x"]
        assert report.notes == ("no parameters",)


@pytest.mark.parametrize("factor", [1, 1.0001])
def test_a_parameter_that_forward_puts_in_a_new_array_is_still_one(factor):
    class Rebinds(Scale):
        def forward(self, x):
            self.W = self.W.copy()
            return super().forward(x)

        def backward(self, dy):
            dx = super().backward(dy)
            self.dW *= factor
            return dx
    report = check_gradients(Rebinds(), X)
    assert [array.name for array in report.arrays] == ["x", "W"] and report.ok is (factor == 1)


def test_what_only_looks_like_a_gradient_is_none():
    layer = Sine()
    layer.type, layer.dtype, layer.im, layer.dim = "sine", np.float64, np.ones(3), 3
    layer.t, layer.dt, layer.ata, layer.data = 1.0, 0.1, np.ones(2), np.ones(2)
    report = check_gradients(layer, X)
    report.require()
    assert [array.name for array in report.arrays] == ["x"]


def test_a_parameter_without_entries_is_listed():
    report = check_gradients(Linear(np.zeros((3, 0)), np.zeros(0)), X)
    report.require()
    assert [(a.name, a.entries, a.error) for a in report.arrays[1:]] == [("W", 0, 0), ("b", 0, 0)]


def test_a_backward_that_is_off_by_1e_8_itself_is_right():
    """At 1e8 the numbers have 8 digits left behind the point."""
    wide = Norm(np.random.default_rng(0), 8, axis=1)
    x = 1e8 + np.random.default_rng(0).standard_normal((2, 8))
    check_gradients(wide, x).require()
    check_gradients(wide, -x).require()
