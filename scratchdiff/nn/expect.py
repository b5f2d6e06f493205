"""What the layers say when they are called with the wrong thing."""
import numpy as np


def expect_floats(name, array):
    """Raise TypeError unless `array` is a NumPy array of floating-point numbers."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        came = f"an array of {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be a NumPy array of floats, got {came}")


def expect_rows(name, array, width, dtype):
    """Raise unless `array` is (n, width) of `dtype`: TypeError for the type, ValueError for the shape."""
    expect_floats(name, array)
    if array.dtype != dtype:
        raise TypeError(f"{name} must be {dtype}, as the parameters are, got {array.dtype}")
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(f"{name} must have shape (n, {width}), got {array.shape}")


def expect_shape(name, array, shape):
    """Raise unless `array` is an array of floats of exactly this shape."""
    expect_floats(name, array)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")


def expect_forward_first(layer, kept):
    """Raise RuntimeError if `kept`, what forward leaves behind for backward, is not there yet."""
    if kept is None:
        raise RuntimeError(f"{type(layer).__name__}.backward was called before forward: "
                           "it needs what forward keeps")
