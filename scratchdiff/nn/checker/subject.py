"""The layer under check: how it is called, and the rules that it has to keep.

forward and backward run on another input first, as in a training loop. So it shows if a layer keeps
something of an earlier input. Then they run on the input itself: once, again, and with -2 dy.
"""
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from scratchdiff.nn.checker.parameters import (
    add_shared, declared, held, is_floats, is_left_out, is_view, without_views)

SEED = 9        # of dy. x often has seed 0, and if dy were x, dW = x.T @ x would hide a missing .T


class Broken(Exception):
    """A rule is broken, so the numbers mean nothing and the check ends."""


class Claims(NamedTuple):
    """What backward says about one array. A field is None if backward says nothing."""

    gradient: np.ndarray                # dL/d(array), right after another input
    again: np.ndarray                   # the same, from a second call
    opposite: np.ndarray                # the same for -2 dy
    earlier: np.ndarray                 # the same for the other input


class Entry(NamedTuple):
    """One number that L may depend on: an entry of an argument or of a parameter."""

    f: Callable                         # value -> dy * y (outputs,), with the value in this place
    x: float                            # the value in this place
    claim: float                        # dL/dx according to backward
    least: float                        # a hundredth of the largest claim of the array


@dataclass(eq=False)
class Argument:
    """An array of floats among the arguments of forward, in a copy whose entries may be moved."""

    name: str
    position: int
    value: np.ndarray

    def array(self):
        return self.value


class Subject:
    """A layer, with the arguments of its forward.

    `claims` runs the layer, and sets y and dy. It fills two lists of str: `faults` says what is
    wrong with the layer as a whole, and `notes` what else a reader should know.
    """

    def __init__(self, layer, values, constants):
        expect_layer(layer)
        self.constants = {constants} if isinstance(constants, str) else {*constants}
        named = self.constants | {*declared(layer, "constants")}
        self.layer, self.values, self.arguments = layer, list(values), []
        self.held, self.faults, self.notes = [], [], []
        self.y = self.dy = None
        for i, name in enumerate(argument_names(layer, len(values))):
            if not {name, name.split("[")[0]} & named and needs_gradient(name, values[i]):
                self.values[i] = np.array(values[i], np.float64)
                self.arguments.append(Argument(name, i, self.values[i]))

    def claims(self):
        """{place of an array: Claims} for every array that can be checked.

        If the layer breaks a rule, this is a fault, and there are no claims.
        """
        try:
            return self.all_claims()
        except Broken as fault:
            self.faults.append(str(fault))
            return {}

    def all_claims(self):
        earlier = self.run_earlier()
        self.y, self.dy, first = self.run(self.values)
        twice, _, again = self.run(self.values)
        if self.y.tobytes() != twice.tobytes():
            raise Broken("forward is not deterministic: the same input gave two different outputs")
        _, _, opposite = self.run(self.values, -2)
        places = self.arguments_to_check(first) + self.parameters(first, opposite)
        if not places and not self.faults:
            self.faults.append("there is nothing to check: no argument of floats, and no parameter")
        runs = first, again, opposite, earlier
        return {place: Claims(*(run.get(place) for run in runs)) for place in places}

    def entries(self, place, claims):
        """Yield an Entry for each number of an array; none if its gradient cannot be compared."""
        gradient, array = claims.gradient, place.array()
        if gradient is None or not is_fit(gradient, array):
            return
        least = np.abs(gradient[np.isfinite(gradient)]).max(initial=0) / 100
        for index in np.ndindex(array.shape):
            x = place.array()[index]

            @cache                      # because the check asks for the same value again
            def f(value, index=index, x=x):
                y = self.y if value == x else self.output_with(place, index, value)
                return (self.dy * y).ravel()    # (outputs,)
            yield Entry(f, x, gradient[index], least)

    def run_earlier(self):
        """The gradients for the first other input that forward takes."""
        for factor, step in ((-0.7, 1), (0.7, 1), (0.7, 0)):    # more and more likely to fit
            values = [other(value, factor, step) for value in self.values]
            try:
                fits = np.isfinite(self.layer.forward(*copies(values))).all()
            except Exception:
                continue
            if fits:
                return self.run(values)[2]
        return {}

    def run(self, values, factor=1.0):
        """(y, dy, {place: gradient}) of a forward, and a backward for a random dy times factor."""
        given = copies(values)
        try:
            y = self.layer.forward(*given)
        except Exception:
            for place in held(self.layer):      # perhaps because a parameter is float32
                if is_floats(place.array()) and place.gradient() is not None:
                    expect_parameter(place)
            raise
        y = output(y)
        if differ(given, values):
            raise Broken("forward changes its input")
        dy = factor * np.random.default_rng(SEED).standard_normal(y.shape)
        sent = dy.copy()
        returned = self.layer.backward(sent)
        if differ([sent], [dy]):
            raise Broken("backward changes the dy that it is given")
        if differ(given, values):
            raise Broken("backward changes the x that forward was given")
        self.held = self.held or held(self.layer)
        return y, dy, {**self.returned(returned), **written(self.held)}

    def returned(self, gradients):
        """{argument: gradient} of what backward returns: one array, or a tuple of one for each."""
        if not isinstance(gradients, tuple):
            return dict(zip(self.arguments, [as_array(gradients)]))
        if len(gradients) == len(self.values):
            gradients = [gradients[argument.position] for argument in self.arguments]
        if len(gradients) != len(self.arguments):
            names = ", ".join(argument.name for argument in self.arguments) or "none"
            raise Broken(f"backward returns a tuple of {len(gradients)}, but the arguments of "
                         f"forward that need a gradient are: {names}")
        return dict(zip(self.arguments, map(as_array, gradients)))

    def arguments_to_check(self, claims):
        """All arguments, except those after the first for which backward returns no gradient."""
        silent = [argument for argument in self.arguments[1:] if claims.get(argument) is None]
        for argument in silent:
            if self.y.shape == ():
                self.notes.append(f"{argument.name}: a constant, as backward returns only dx")
            elif self.moves(argument):
                self.faults.append(f"{argument.name} moves the output, but backward returns no "
                                   f"gradient for it: return a tuple, {or_constant(argument)}")
        return [argument for argument in self.arguments if argument not in silent]

    def parameters(self, claims, opposite):
        """The arrays that the layer holds and that have a gradient, each part of memory once."""
        found, orphans = [], []
        for place in self.held:
            array, claim = place.array(), claims.get(place)
            if claim is not None and claim.any() and np.array_equal(claim, opposite.get(place)):
                claim = None            # backward does not write it: a step `dt` beside a time `t`
            candidate = claim is not None or is_floats(array) and array.flags.writeable
            if place.constant or place.name in self.constants or not candidate:
                continue
            if claim is not None:
                expect_parameter(place)
            moves = self.moves(place)
            if moves is not None and claim is not None:
                found.append(place)
            elif moves:
                orphans.append(place)
        kept, shared = without_views(found)
        for place, twins in shared:
            lost = [twin.name for twin in twins if is_left_out(twin, place)]
            self.faults += [f"{place.name} holds {name}, but its gradient lacks that of {name}: "
                            "write the gradient in place, as in self.dW[:] = ..." for name in lost]
            if not lost:
                names = ", ".join(twin.name for twin in twins)
                self.notes.append(f"{place.name} shares memory with {names}: "
                                  "their gradients are added")
        self.faults += [f"{place.name} moves the output, but backward leaves no gradient for it: "
                        f"write one, {or_constant(place)}"
                        for place in orphans if not is_view(place, kept)]
        if not kept and not self.faults:
            self.notes.append("no parameters")
        return kept

    def moves(self, place):
        """Whether the output moves with the array at `place`; None if forward overwrites it."""
        array = place.array()
        before = array.copy()
        array[...] = before + (1 + np.abs(before)) / 10     # another value, whatever it was
        try:
            change = np.abs(self.layer.forward(*copies(self.values)) - self.y).max(initial=0)
        except Exception:
            change = np.inf
        now = place.array()
        if np.shape(now) != before.shape or before.size and np.array_equal(now, before):
            return None
        now[...] = before
        return not change <= 1e-12 * np.abs(self.y).max(initial=0)

    def output_with(self, place, index, value):
        """The output with `value` at `index` of the array at `place`; nan outside the domain."""
        array = place.array()
        before = array.copy()
        array[index] = value
        try:
            return np.array(self.layer.forward(*copies(self.values)))
        except (ArithmeticError, ValueError):
            return np.full(self.y.shape, np.nan)
        finally:
            place.array()[...] = before


def output(y):
    """A copy of what forward returned, as an array."""
    if not isinstance(y, (np.ndarray, int, float, np.number)):
        raise TypeError(f"forward must return an array or a number, got {type(y).__name__}")
    y = np.array(y)
    if y.dtype != np.float64:
        raise Broken(f"forward turns float64 into {y.dtype}")
    odd = y[~np.isfinite(y)]
    if odd.size:
        raise Broken(f"forward gives {odd[0]} in {odd.size} of {y.size} outputs: no slope to check")
    return y


def or_constant(place):
    return f'or check with constants=["{place.name}"]'


def written(places):
    """{place: a copy of the gradient that backward left}; shared arrays have their sum."""
    left = {place: place.gradient() for place in places}
    left = {place: np.asarray(gradient) for place, gradient in left.items() if gradient is not None}
    fit = [place for place, gradient in left.items() if is_fit(gradient, place.array())]
    added = add_shared([place.array() for place in fit], [left[place] for place in fit])
    return {**{place: left[place].copy() for place in left}, **dict(zip(fit, added))}


def is_fit(gradient, array):
    """Whether a gradient can be compared with finite differences, entry by entry."""
    return is_floats(array) and gradient.shape == array.shape and gradient.dtype == np.float64


def as_array(value):
    try:
        return None if value is None else np.array(value)
    except ValueError:                  # a ragged list
        return np.array(None)


def copies(values):
    return [value.copy() if isinstance(value, np.ndarray) else value for value in values]


def differ(values, others):
    return any(isinstance(value, np.ndarray) and value.tobytes() != other.tobytes()
               for value, other in zip(values, others))


def other(value, factor, step):
    """Something to pass instead of `value`: other floats, or the next level or label."""
    if is_floats(value):
        return factor * np.roll(value, 1)
    labels = as_array(value)
    if labels is not None and labels.dtype.kind in "iu":
        return np.where(labels > 0, labels - step, labels + step)[()]
    return value


def argument_names(layer, count):
    """"x", and then the names that forward gives to its other arguments."""
    names = []
    for parameter in inspect.signature(layer.forward).parameters.values():
        starred = parameter.kind == parameter.VAR_POSITIONAL
        names += [f"{parameter.name}[{i}]" for i in range(count)] if starred else [parameter.name]
    return ["x", *names[1:count]]


def needs_gradient(name, value):
    """Whether an argument is an array of floats. Raises if it is one, and unfit."""
    whole = isinstance(value, np.ndarray) and value.dtype.kind in "iub"     # labels, or a mask
    if is_floats(value) or name == "x" and not whole:
        expect_float64(name, value, f"give np.array({name}, np.float64)")
        if not value.size:
            raise ValueError(f"{name} must have entries, got shape {value.shape}")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} must be finite, got {value[~np.isfinite(value)][0]}")
    return is_floats(value)


def expect_tolerance(tolerance):
    if type(tolerance) not in (int, float) or not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be a number above 0 and below 1, got {tolerance!r}")


def expect_layer(layer):
    if isinstance(layer, type):
        name = layer.__name__
        raise TypeError(f"layer must be an instance, got the class {name}: write {name}(...)")
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(f"layer must have a method {method}; {type(layer).__name__} has none")


def expect_parameter(place):
    expect_float64(place.name, place.array(), "make the layer with dtype=np.float64")
    if not place.array().flags.writeable:
        raise ValueError(f"{place.name} must be writeable, as the check moves its entries; "
                         "got a read-only array")


def expect_float64(name, array, advice):
    if not is_floats(array) or array.dtype.itemsize != 8:
        came = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"{name} must be a float64 array, got {came}: shorter floats are too coarse"
                        f" for finite differences; {advice}")
