"""Which arrays does a layer hold, and where does backward leave their gradients?

A layer of this project names its parameters, parameters = ("W", "b"), and the gradient of W is dW.
Layers by other people are checked too, so the search knows other habits:

    self.W              beside self.dW, self.grad_W, self.W_grad or self.grads["W"]; also self._W
    self.params["W"]    beside self.grads["W"] or self.grads["dW"]; also lists
    weight.value        beside weight.grad, in an object of any class; also weight.data
    layers in layers    in attributes, lists and dicts, to any depth, also in a circle
"""
from types import MemberDescriptorType

import numpy as np

BOXES = dict, list, tuple
GRADIENTS = "grad", "grads", "gradients"
COMMON = "value", "data", "params", "parameters", "weights", "theta"     # beside one of GRADIENTS


class Held:
    """An array that a layer holds. `trail` leads from the layer to it by (holder, key) pairs."""

    def __init__(self, trail, name):
        self.trail, self.name = trail, name
        self.constant = any(key in declared(holder, "constants") for holder, key in trail)

    def array(self):
        """The array as it is now, because forward may have replaced it."""
        holder, key = self.trail[-1]
        if isinstance(holder, BOXES):
            return contents(holder).get(key)
        return getattr(holder, key, None)

    def gradient(self):
        """The gradient that backward left for the array, or None."""
        found = (value for value in self.candidates() if isinstance(value, (np.ndarray, float)))
        return next(found, None)

    def candidates(self):
        """Everything in a place for its gradient: beside the array, or beside a box around it."""
        for depth in reversed(range(len(self.trail))):
            holder, key = self.trail[depth]
            inside, rest = contents(holder), [key for _, key in self.trail[depth + 1:]]
            for twin in (inside[name] for name in gradient_names(key) if name in inside):
                if not rest:
                    yield twin
                else:
                    for inner in rest[:-1]:
                        twin = contents(twin).get(inner)
                    yield from map(contents(twin).get, (rest[-1], *gradient_names(rest[-1])))
            yield from (contents(inside[box]).get(key) for box in GRADIENTS if box in inside)


def held(layer):
    """Every Held in `layer`, in the order of its attributes: arrays of floats, and plain floats."""
    seen = {}                           # keeps the objects alive, so that no id is used again

    def walk(holder, trail, name, outer):
        if id(holder) in seen:
            return
        seen[id(holder)] = holder
        for key, value in contents(holder).items():
            here, inner = (*trail, (holder, key)), f"{name}{key} "
            if is_floats(value) or isinstance(value, float):
                boxed = key in ("value", "data") and "grad" in contents(holder)
                yield Held(here, (name if boxed else inner).rstrip(" ."))
            elif isinstance(holder, BOXES) and not isinstance(value, BOXES):
                yield from walk(value, here, f"{outer}{key} {type(value).__name__}.", outer)
            else:
                yield from walk(value, here, inner, name)
    return list(walk(layer, (), "", ""))


def contents(holder):
    """What an object, a dict or a list holds: {attribute or key or index: value}."""
    if isinstance(holder, dict):
        return dict(holder)
    if isinstance(holder, BOXES):
        return dict(enumerate(holder))
    if type(holder).__module__.split(".")[0] in ("builtins", "numpy"):
        return {}
    names = declared(holder, "parameters")
    names += [f"d{name}" for name in names]
    for kind in type(holder).__mro__[:-1]:      # __slots__ and class attributes
        names += [name for name, value in vars(kind).items() if not name.startswith("__")
                  and (isinstance(value, MemberDescriptorType) or not hasattr(value, "__get__"))]
    found = {name: getattr(holder, name) for name in names if hasattr(holder, name)}
    return {**found, **getattr(holder, "__dict__", {})}


def declared(holder, attribute):
    """The names in an attribute like parameters = ("W", "b"); none if it holds something else."""
    names = getattr(holder, attribute, ())
    names = names if isinstance(names, (*BOXES, set)) else ()
    return [name for name in names if isinstance(name, str)]


def gradient_names(key):
    """The names that the gradient of an array called `key` may have."""
    if not isinstance(key, str):
        return ()
    names = f"d{key}", f"d_{key}", f"dL_d{key}", f"grad_{key}", f"grad{key}", f"{key}_grad"
    if key.startswith("_"):             # _W beside _dW
        names += tuple(f"_{name}" for name in gradient_names(key[1:]))
    return names + GRADIENTS * (key in COMMON)


def is_floats(value):
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def addresses(array):
    """Where in memory each entry lies. Views of one array have some addresses in common."""
    spots = np.array(array.ctypes.data)
    for n, stride in zip(array.shape, array.strides):
        spots = np.add.outer(spots, stride * np.arange(n))
    return spots


def places(arrays):
    return {spot for array in arrays for spot in addresses(np.asarray(array)).ravel().tolist()}


def is_view(one, others):
    """Whether each entry of the array is also an entry of one of `others`, a list of Held."""
    return places([one.array()]) <= places(other.array() for other in others)


def without_views(found):
    """(found without mere views, [(a Held, those that share its memory)]).

    Small arrays come first. So a layer's W is kept, and the flat vector that holds W is a mere
    view. An array in two layers is shared instead, because each layer has a gradient for it.
    """
    kept, shared = [], []
    for one in sorted(found, key=lambda one: one.array().size):
        twins = [other for other in kept if places([one.array()]) & places([other.array()])]
        if twins and not places([one.gradient()]) <= places(other.gradient() for other in twins):
            shared.append((one, twins))
        if not twins or not is_view(one, twins):
            kept.append(one)
    return [one for one in found if one in kept], shared


def is_left_out(part, whole):
    """Whether `part` is a view of the array `whole`, whose gradient lacks the gradient of `part`.

    This happens if backward makes a new dW, where a network has made dW a view of its flat vector.
    """
    if not is_view(part, [whole]) or is_view(whole, [part]):
        return False
    gradient = np.asarray(whole.gradient())
    spots = np.isin(addresses(whole.array()), addresses(part.array()))
    return gradient.shape == spots.shape and not np.isin(part.gradient(), gradient[spots]).all()


def add_shared(arrays, gradients):
    """The gradients, where each entry is the sum of all that was left for its place in memory.

    Two layers may share an array, and each leaves a gradient. The gradient of the array is their
    sum. A gradient that is found twice, in a flat vector and in a layer's view, counts once.
    """
    if not arrays:
        return []
    here = np.concatenate([addresses(array).ravel() for array in arrays])
    there = np.concatenate([addresses(gradient).ravel() for gradient in gradients])
    values = np.concatenate([gradient.ravel() for gradient in gradients])
    _, once = np.unique(np.stack([here, there]), axis=1, return_index=True)
    spots, which = np.unique(here[once], return_inverse=True)
    sums = np.bincount(which, values[once], len(spots)).astype(float)    # also of none
    return [sums[np.searchsorted(spots, addresses(array))] for array in arrays]
