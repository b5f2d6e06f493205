"""nn/checker/parameters.py: parameters and their gradients are found wherever people keep them."""
import numpy as np
import pytest

from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import Linear, ReLU
from scratchdiff.nn.network import MLP, Network
from scratchdiff.nn.checker.parameters import held
from tests.battery import Entrywise, Parameter, Row, dense

X = np.random.default_rng(0).standard_normal((4, 3))


def weight():
    return np.random.default_rng(1).standard_normal((3, 2))


class Keeps:
    """y = x W. Where W and its gradient are is what the layers below differ in."""

    factor = 1.0

    def forward(self, x):
        self.x = x
        return x @ self.get()

    def backward(self, dy):
        self.put(self.factor * self.x.T @ dy)
        return dy @ self.get().T


class InAttributes(Keeps):
    def __init__(self, name):
        self.W, self.name = weight(), name

    def get(self):
        return self.W

    def put(self, gradient):
        setattr(self, self.name, gradient)


class InDicts(Keeps):
    def __init__(self, params="params", grads="grads", key="W"):
        self.names = params, grads, key
        setattr(self, params, {"W": weight()})

    def get(self):
        return getattr(self, self.names[0])["W"]

    def put(self, gradient):
        setattr(self, self.names[1], {self.names[2]: gradient})


class InLists(Keeps):
    def __init__(self):
        self.parameters = [weight()]

    def get(self):
        return self.parameters[0]

    def put(self, gradient):
        self.grads = [gradient]


class InNestedDicts(InDicts):
    def __init__(self):
        self.params, self.grads = {"first": {"W": weight()}}, {"first": {}}

    def get(self):
        return self.params["first"]["W"]

    def put(self, gradient):
        self.grads["first"]["W"] = gradient


class InADictOfGradients(InAttributes):
    def put(self, gradient):
        self.grads = {"W": gradient}


class InAnObject(Keeps):
    def __init__(self):
        self.weight = Parameter(weight())

    def get(self):
        return self.weight.value

    def put(self, gradient):
        self.weight.grad = gradient


class Data:
    __slots__ = "data", "grad"


class InSlots(Keeps):
    __slots__ = "W", "x"

    def __init__(self):
        self.W = Data()
        self.W.data = weight()

    def get(self):
        return self.W.data

    def put(self, gradient):
        self.W.grad = gradient


class InTheClass(InAttributes):
    W = weight()

    def __init__(self):
        self.name = "dW"


class InTheClassesDict(InDicts):
    params, grads, names = {"W": weight()}, {}, ("params", "grads", "W")

    def __init__(self):
        pass


class InTheClassesObject(InAnObject):
    weight = Parameter(weight())

    def __init__(self):
        pass


class InPrivate(Keeps):
    def __init__(self):
        self._W = weight()

    def get(self):
        return self._W

    def put(self, gradient):
        self._dW = gradient


class InProperties(Keeps):
    parameters = ("W",)

    def __init__(self):
        self.flat, self.its_gradient = weight().ravel(), np.zeros(6)

    W = property(lambda self: self.flat.reshape(3, 2))
    dW = property(lambda self: self.its_gradient.reshape(3, 2))

    def get(self):
        return self.W

    def put(self, gradient):
        self.dW[:] = gradient


PLACES = {
    "dW": (lambda: InAttributes("dW"), "W"), "grad_W": (lambda: InAttributes("grad_W"), "W"),
    "W_grad": (lambda: InAttributes("W_grad"), "W"), "d_W": (lambda: InAttributes("d_W"), "W"),
    "dL_dW": (lambda: InAttributes("dL_dW"), "W"), "gradW": (lambda: InAttributes("gradW"), "W"),
    "dicts": (InDicts, "params W"), "lists": (InLists, "parameters 0"),
    "dicts with dW": (lambda: InDicts("parameters", "gradients", "dW"), "parameters W"),
    "dicts of another name": (lambda: InDicts("net", "grad_net"), "net W"),
    "nested dicts": (InNestedDicts, "params first W"),
    "dict of gradients": (lambda: InADictOfGradients(""), "W"), "object": (InAnObject, "weight"),
    "slots": (InSlots, "W"), "class": (InTheClass, "W"), "properties": (InProperties, "W"),
    "a dict of the class": (InTheClassesDict, "params W"), "private": (InPrivate, "_W"),
    "an object of the class": (InTheClassesObject, "weight"),
    "list of layers": (lambda: Row(ReLU(), InAttributes("dW")), "1 InAttributes.W"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_parameter_is_found_and_its_mistake_too(place, monkeypatch):
    make, name = PLACES[place]
    report = check_gradients(make(), X)
    report.require()
    assert [array.name for array in report.arrays] == ["x", name]
    monkeypatch.setattr(Keeps, "factor", 1.0001)
    report = check_gradients(make(), X)
    assert report.verdict == "WRONG" and [a.name for a in report.arrays if a.fault] == [name]


class Outer:
    """Layers in an attribute, a list and a dict in a dict."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.first, self.rest = dense(rng, 3, 3), [ReLU(), dense(rng, 3, 3)]
        self.last = {"a": {"b": dense(rng, 3, 2)}}

    def layers(self):
        return [self.first, *self.rest, self.last["a"]["b"]]

    def forward(self, x):
        for layer in self.layers():
            x = layer.forward(x)
        return x

    def backward(self, dy):
        for layer in reversed(self.layers()):
            dy = layer.backward(dy)
        return dy


def test_parameters_are_found_in_layers_within_layers():
    report = check_gradients(Outer(), X)
    report.require()
    assert [array.name for array in report.arrays] == [
        "x", "first W", "first b", "1 Linear.W", "1 Linear.b", "last b Linear.W", "last b Linear.b"]


def test_a_circle_of_layers_ends():
    a, b = InAttributes("dW"), ReLU()
    a.friend, b.friend = b, a
    report = check_gradients(a, X)
    report.require()
    assert [array.name for array in report.arrays] == ["x", "W"]


def test_a_layer_that_is_used_twice_is_listed_once():
    layer = dense(np.random.default_rng(0), 3, 3)
    assert [place.name for place in held(Row(layer, layer))] == [
        "0 Linear.W", "0 Linear.b", "0 Linear.dW", "0 Linear.db"]


@pytest.mark.parametrize("transposed", [False, True])
def test_the_gradients_of_a_shared_array_are_added(transposed):
    rng = np.random.default_rng(0)
    first, second = dense(rng, 3, 3), dense(rng, 3, 3)
    second.W = first.W.T if transposed else first.W
    row = Row(first, Entrywise(np.sin, np.cos), second)
    report = check_gradients(row, X)
    report.require()
    assert [array.name for array in report.arrays] == [
        "x", "0 Linear.W", "0 Linear.b", "2 Linear.b"]
    assert report.notes == ("2 Linear.W shares memory with 0 Linear.W: their gradients are added",)
    right = second.backward
    second.backward = lambda dy: (right(dy), second.dW.fill(0))[0]
    assert [a.name for a in check_gradients(row, X).arrays if a.fault] == ["0 Linear.W"]


def test_a_gradient_that_misses_the_flat_vector():
    """The layer alone is right. But in a network dW is a view, and a new dW is not seen there."""
    class NewArray(Linear):
        def backward(self, dy):
            self.dW = np.zeros_like(self.W)
            return super().backward(dy)

    layers = [NewArray(np.ones((3, 4)), np.ones(4)), Linear(np.ones((4, 2)), np.ones(2))]
    assert check_gradients(layers[0], X).ok
    report = check_gradients(Network(layers), X)
    assert report.faults == ("params holds 0 NewArray.W, but its gradient lacks that of 0 "
                             "NewArray.W: write the gradient in place, as in self.dW[:] = ...",)



def test_a_flat_vector_is_seen_through_its_views():
    network = MLP((3, 4, 2), np.random.default_rng(0), dtype=np.float64)
    report = check_gradients(network, X)
    assert [array.name for array in report.arrays] == [
        "x", "0 Linear.W", "0 Linear.b", "2 Linear.W", "2 Linear.b"] and report.notes == ()
    network.theta = network.params      # another name for the same numbers is no orphan
    check_gradients(network, X).require()


def test_a_flat_vector_that_holds_more_than_its_views_is_checked_itself():
    class WithBias(Keeps):
        """W is a view of the first six parameters; the last two are the bias."""

        def __init__(self):
            rng = np.random.default_rng(1)
            self.params, self.grads = rng.standard_normal(8), np.zeros(8)
            self.W, self.dW = self.params[:6].reshape(3, 2), self.grads[:6].reshape(3, 2)

        def forward(self, x):
            self.x = x
            return x @ self.W + self.params[6:]

        def backward(self, dy):
            self.dW[:], self.grads[6:] = self.x.T @ dy, self.factor * dy.sum(axis=0)
            return dy @ self.W.T
    check_gradients(WithBias(), X).require()
    WithBias.factor = 1.0001
    assert [a.name for a in check_gradients(WithBias(), X).arrays if a.fault] == ["params"]


def test_a_method_called_parameters_names_none():
    class WithMethod(InAttributes):
        def parameters(self):
            return [self.W]
    assert [place.name for place in held(WithMethod("dW"))] == ["factor", "W"]


def test_what_is_not_opened():
    class Odd(InAttributes):
        def __init__(self):
            super().__init__("dW")
            self.module, self.function, self.kind = np, np.sin, Linear
            self.rng = np.random.default_rng()
            self.text, self.nothing, self.words = "text", None, {1: 2, "a": None}
    assert [place.name for place in held(Odd())] == ["factor", "W"]
