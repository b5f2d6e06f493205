"""nn/expect.py: the guards, tested once, here. Other files test only what is special to them."""
import numpy as np
import pytest

from scratchdiff.nn.expect import (checked, chosen, expect, expect_levels, expect_pair,
                                   expect_positive, fractions)


@checked
class Double:
    """A layer that is as simple as can be."""

    def forward(self, x, factor=2.0):
        """Docstrings survive."""
        self.factor = factor
        return factor * x

    def backward(self, dy):
        return self.factor * dy


@checked
class Total:
    """A loss: its output is one number. Its arguments have names other than x and dy."""

    def forward(self, guess):
        self.shape = guess.shape
        return float(guess.sum())

    def backward(self, dloss=1.0):
        return np.full(self.shape, dloss)


def after_forward(n=4, d=3):
    layer = Double()
    layer.forward(np.ones((n, d)))
    return layer


def test_right_use_passes_through():
    layer, x = Double(), np.ones((4, 3))
    assert (layer.forward(x) == 2 * x).all()
    assert (layer.forward(x, factor=7.0) == 7 * x).all(), "further arguments reach forward"
    assert (layer.forward(x, 5.0) == 5 * x).all()
    assert (layer.backward(x) == 5 * x).all()
    assert Double.forward.__name__ == "forward"
    assert Double.forward.__doc__ == "Docstrings survive."


@pytest.mark.parametrize("x, got", [
    (np.ones((4, 3), np.int64), "an array of int64"),
    (np.ones((4, 3), bool), "an array of bool"),
    (np.ones((4, 3), complex), "an array of complex128"),
    ([[1.0, 2.0, 3.0]], "list"),
    (1.0, "float"),
    (None, "NoneType"),
])
def test_forward_wants_floats(x, got):
    with pytest.raises(TypeError, match=f"^x must be a NumPy array of floats, got {got}$"):
        Double().forward(x)


def test_backward_wants_forward_first():
    with pytest.raises(RuntimeError, match="Double.backward was called before forward: it needs"):
        Double().backward(np.ones((4, 3)))


@pytest.mark.parametrize("shape", [(5, 7), (3, 4), (1, 3), (4, 1), (3,), (1,), (), (1, 4, 3)])
def test_backward_wants_a_dy_of_the_shape_of_y(shape):
    """NumPy would stretch most of these to (4, 3)."""
    got = str(shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"^dy must have shape \(4, 3\), got {got}$"):
        after_forward().backward(np.ones(shape))


def test_backward_goes_by_the_last_forward():
    layer = after_forward(4)
    layer.forward(np.ones((2, 3)))
    layer.backward(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"dy must have shape \(2, 3\), got \(4, 3\)"):
        layer.backward(np.ones((4, 3)))


@pytest.mark.parametrize("dy", [np.ones((4, 3), int), [[1.0] * 3] * 4, 1.0])
def test_backward_wants_floats(dy):
    with pytest.raises(TypeError, match="^dy must be a NumPy array of floats, got"):
        after_forward().backward(dy)


def test_a_layer_needs_its_dy():
    with pytest.raises(TypeError, match="dy must be a NumPy array of floats, got float"):
        after_forward().backward()


def test_an_empty_batch_is_checked_too():
    layer = after_forward(n=0)
    assert layer.backward(np.ones((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match=r"dy must have shape \(0, 3\), got \(1, 3\)"):
        layer.backward(np.ones((1, 3)))


def test_a_loss_takes_a_number_and_messages_use_its_own_names():
    total = Total()
    with pytest.raises(RuntimeError, match="Total.backward was called before forward"):
        total.backward()
    with pytest.raises(TypeError, match="^guess must be a NumPy array of floats, got list$"):
        total.forward([1.0])
    assert total.forward(np.ones((2, 2))) == 4.0
    assert total.backward().tolist() == [[1, 1], [1, 1]], "dloss is 1 by default"
    assert total.backward(3.0).tolist() == [[3, 3], [3, 3]]


def test_each_layer_has_its_own_memory():
    first, second = after_forward(4), Double()
    second.forward(np.ones((2, 3)))
    first.backward(np.ones((4, 3)))
    with pytest.raises(RuntimeError, match="before forward"):
        Double().backward(np.ones((4, 3)))


@pytest.mark.parametrize("shape", [None, (4, 3), ("n", 3), ("n", "d"), (4, "d")])
def test_expect_takes_what_fits(shape):
    assert expect("x", np.ones((4, 3)), shape) is None
    assert expect("x", np.ones((4, 3), np.float32), shape, np.float32) is None


@pytest.mark.parametrize("array, shape, message", [
    (np.ones((4, 3)), ("n", 2), r"x must have shape \(n, 2\), got \(4, 3\)"),
    (np.ones((4, 3)), (5, "d"), r"x must have shape \(5, d\), got \(4, 3\)"),
    (np.ones((4, 3)), ("n",), r"x must have shape \(n,\), got \(4, 3\)"),
    (np.ones(3), ("n", "d"), r"x must have shape \(n, d\), got \(3,\)"),
    (np.ones(3), (2,), r"x must have shape \(2,\), got \(3,\)"),
    (np.ones((1, 4, 3)), ("n", 3), r"x must have shape \(n, 3\), got \(1, 4, 3\)"),
    (np.ones(()), ("n",), r"x must have shape \(n,\), got \(\)"),
])
def test_expect_names_a_wrong_shape(array, shape, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        expect("x", array, shape)


def test_expect_names_a_wrong_dtype():
    with pytest.raises(TypeError, match="^x must be float64, as the parameters are, got float32$"):
        expect("x", np.ones(3, np.float32), dtype=np.dtype(np.float64))


@pytest.mark.parametrize("t", [0, 49, np.int64(7), np.array(7), np.arange(3), np.ones(3, "u1")])
def test_levels_are_one_or_one_for_each_point(t):
    assert np.array_equal(expect_levels(t, (3,), 50), t)


def test_no_points_need_no_levels():
    assert expect_levels(np.zeros(0, int), (0,), 50).shape == (0,)


@pytest.mark.parametrize("t, got", [
    (-1, "-1 to -1"), (50, "50 to 50"), (np.int64(-1), "-1 to -1"),
    (np.array([0, 1, 50]), "0 to 50"), (np.array([0, -1, 3]), "-1 to 3"),
])
def test_a_level_that_does_not_exist_is_named(t, got):
    with pytest.raises(ValueError, match=f"^t must be from 0 to 49, got {got}$"):
        expect_levels(t, (3,), 50)


@pytest.mark.parametrize("t, got", [(0.5, "float64"), (np.ones(3), "float64"), (True, "bool"),
                                    (None, "object"), ("1", "<U1")])
def test_levels_are_whole_numbers(t, got):
    with pytest.raises(TypeError, match=f"^t must be an int or an array of ints, got {got}$"):
        expect_levels(t, (3,), 50)


@pytest.mark.parametrize("shape", [(2,), (1,), (3, 1), (1, 3)])
def test_levels_of_another_shape_are_named(shape):
    with pytest.raises(ValueError, match=r"^t must be one int or have shape \(3,\), one for each "
                                         "point, got"):
        expect_levels(np.zeros(shape, int), (3,), 50)


def test_a_pair_has_one_shape_and_at_least_one_entry():
    a, b = np.ones((3, 2)), np.ones((3, 2), np.float32)
    assert expect_pair("a", a, "b", b) is None
    with pytest.raises(ValueError, match=r"^b must have shape \(3, 2\), got \(1, 2\)$"):
        expect_pair("a", a, "b", b[:1])
    with pytest.raises(ValueError, match=r"^a must have at least one entry, got shape \(0, 2\)$"):
        expect_pair("a", a[:0], "b", b[:0])
    with pytest.raises(TypeError, match="^a must be a NumPy array of floats, got list$"):
        expect_pair("a", a.tolist(), "b", b)
    with pytest.raises(TypeError, match="^b must be a NumPy array of floats, got an array of int"):
        expect_pair("a", a, "b", b.astype(int))


@pytest.mark.parametrize("number", [0.1, 1, 1e300, 5e-324, np.float32(2), np.array([0.1, 3])])
def test_a_positive_number_passes(number):
    assert expect_positive("lr", number, (2,)) is None


def test_numbers_of_another_shape_are_named():
    lr = r"^lr must be one number or have shape "
    with pytest.raises(ValueError, match=lr + r"\(2,\), got \(3,\)$"):
        expect_positive("lr", np.ones(3), (2,))
    with pytest.raises(ValueError, match=lr + r"\(\), got \(1,\)$"):
        expect_positive("lr", np.ones(1))


@pytest.mark.parametrize("number", [
    0, 0.0, -0.1, -1, np.nan, np.inf, -np.inf, np.float32(0), np.array([0.1, 0]),
    np.array([np.nan, 1]), np.array([1, np.inf]),
])
def test_a_number_that_is_not_positive_is_named(number):
    with pytest.raises(ValueError, match="^lr must be a number above 0, got "):
        expect_positive("lr", number, (2,))


def test_fractions_are_a_row_of_numbers_between_0_and_1():
    given = [0.5, 0.25]
    row = fractions("betas", given)
    assert row.dtype == np.float64 and row.tolist() == given
    row = np.array(given)
    assert not np.shares_memory(fractions("betas", row), row), "a copy"


@pytest.mark.parametrize("betas", [[], [[0.1]], 0.1, [0.0, 0.1], [0.1, 1.0], [-0.1], [np.nan]])
def test_other_numbers_are_no_fractions(betas):
    message = "^betas must be a row of numbers above 0 and below 1, got "
    with pytest.raises(ValueError, match=message):
        fractions("betas", betas)


def test_a_choice_is_one_of_the_names():
    table = {"red": 1, "blue": 2}
    assert chosen("colour", "red", table) == 1
    for wrong in ("green", None):
        message = f"^colour must be \"red\" or \"blue\", got {wrong!r}$"
        with pytest.raises(ValueError, match=message):
            chosen("colour", wrong, table)
