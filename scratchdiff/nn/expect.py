"""The guards: what a layer says when it is called with the wrong thing.

NumPy stretches arrays until they fit each other, so a wrong shape can go unnoticed. Here are the
checks, once for all layers, so that the layers stay as short as on a slide. You can skip this file.
"""
from functools import wraps

import numpy as np


def checked(layer):
    """Class decorator for a layer: check what its forward and its backward are given.

    forward wants floats. backward wants forward to have run first, and a dy of the shape of
    forward's output. Raises TypeError, RuntimeError and ValueError.
    """
    forward, backward = layer.forward, layer.backward
    # What the two call their first argument: "x", "dy", ...
    x_name, dy_name = (method.__code__.co_varnames[1] for method in (forward, backward))
    layer.y_shape = None                # of the output, once there is one; () for a loss

    @wraps(forward)
    def checked_forward(self, x, *rest, **named):
        if type(x) is not np.ndarray or x.dtype.kind != "f":        # faster than a call
            expect(x_name, x)
        y = forward(self, x, *rest, **named)
        self.y_shape = getattr(y, "shape", ())
        return y

    @wraps(backward)
    def checked_backward(self, dy=1.0):             # a loss needs no dy
        shape = self.y_shape
        if shape is None:
            raise RuntimeError(f"{layer.__name__}.backward was called before forward: "
                               "it needs what forward keeps")
        if shape:
            expect(dy_name, dy, shape)
        return backward(self, dy)

    layer.forward, layer.backward = checked_forward, checked_backward
    return layer


def expect(name, array, shape=None, dtype=None):
    """Raise unless `array` is a NumPy array of floats, of this shape and this dtype.

    A word in `shape` stands for any size: expect("x", x, ("n", 3)). Raises TypeError for the type
    and ValueError for the shape. Both name the array, what was wanted and what was given.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        came = type(array).__name__
        if isinstance(array, np.ndarray):
            came = f"an array of {array.dtype}"
        raise TypeError(f"{name} must be a NumPy array of floats, got {came}")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} must be {dtype}, as the parameters are, got {array.dtype}")
    came = array.shape
    if shape is None or came == shape or len(came) == 2 and ("n", came[1]) == shape:
        return                          # a short cut for the usual cases
    fits = len(came) == len(shape)
    for n, want in zip(came, shape):
        fits = fits and (n == want or type(want) is str)
    if not fits:
        wanted = ", ".join(map(str, shape)) + "," * (len(shape) == 1)
        raise ValueError(f"{name} must have shape ({wanted}), got {came}")


def expect_pair(name, array, other_name, other):
    """Raise unless both are arrays of floats of one shape, with at least one entry."""
    expect(name, array)
    expect(other_name, other, array.shape)
    if not array.size:
        raise ValueError(f"{name} must have at least one entry, got shape {array.shape}")


def row_weights(name, weight, array):
    """`weight` with the dtype of `array`: one number, or (n, 1) for its n rows, else ValueError."""
    if type(weight) is float:
        return weight                   # the usual case
    weight = np.asarray(weight, array.dtype)
    if weight.shape not in ((), (len(array), 1)):
        raise ValueError(f"{name} must be one number or have shape ({len(array)}, 1), "
                         f"got {weight.shape}")
    return weight


def expect_positive(name, number, shape=()):
    """Raise ValueError unless `number`, or each entry of an array of that shape, is above 0.

    Infinity is refused too.
    """
    if type(number) is float and 0 < number < np.inf:
        return                          # the usual case, at every step of Adam
    if np.shape(number) not in ((), shape):
        raise ValueError(f"{name} must be one number or have shape {shape}, got {np.shape(number)}")
    if not (np.min(number) > 0 and np.max(number) < np.inf):
        raise ValueError(f"{name} must be a number above 0, got {number}")


def expect_levels(t, shape, T):
    """`t` as an index into a schedule's tables: an int from 0 to T - 1, or an array of them.

    TypeError for anything but whole numbers. ValueError for an array of another shape than
    `shape`, or a level that does not exist.
    """
    if type(t) is int and 0 <= t < T:   # the usual case, at every step of a sampler
        return t
    t = np.asarray(t)
    if t.dtype.kind not in "iu":
        raise TypeError(f"t must be an int or an array of ints, got {t.dtype}")
    if t.shape not in ((), shape):
        raise ValueError(f"t must be one int or have shape {shape}, one for each point, "
                         f"got {t.shape}")
    if t.size and (t.min() < 0 or t.max() >= T):
        raise ValueError(f"t must be from 0 to {T - 1}, got {t.min()} to {t.max()}")
    return t


def fractions(name, numbers):
    """The numbers as a float64 array, each above 0 and below 1; ValueError for anything else."""
    numbers = np.array(numbers, np.float64)
    if numbers.ndim != 1 or not len(numbers) or not np.all((0 < numbers) & (numbers < 1)):
        raise ValueError(f"{name} must be a row of numbers above 0 and below 1, got {numbers}")
    return numbers


def chosen(name, choice, table):
    """table[choice]; ValueError, with all the names in the table, if there is none."""
    if choice not in table:
        names = " or ".join(f'"{known}"' for known in table)
        raise ValueError(f"{name} must be {names}, got {choice!r}")
    return table[choice]
