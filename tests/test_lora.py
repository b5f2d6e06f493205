"""nn/lora.py and chain/lora.py: derivatives, what LoRA starts from and merges into; its faults."""
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from scratchdiff import reference
from scratchdiff.chain import backprop
from scratchdiff.chain.backprop import (layer_gradients, network_is_reference,
                                        reference_gradients)
from scratchdiff.chain.lora import (merged_is_the_same, new_adapters_change_nothing,
                                    training_keeps_the_base)
from scratchdiff.fast import blocks
from scratchdiff.fast.inference import Inference
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import Linear, SiLU
from scratchdiff.nn.lora import LoRA, adapted, merged
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP, Network
from scratchdiff.nn.waves import Waves
from tests import quality_lora
from tests.planted import MEASURES, look_at_less, only_layers, require_red


def layer(d_in=4, d_out=6, r=2, alpha=3.0):
    rng = np.random.default_rng(0)
    return LoRA(rng.standard_normal((d_in, d_out)), rng.standard_normal(d_out),
                rng.standard_normal((d_in, r)), rng.standard_normal((r, d_out)), alpha)


def network():
    return MLP((3, 8, 8, 2), np.random.default_rng(0), SiLU, np.float64)


def x(n=5, d=4):
    return np.random.default_rng(1).standard_normal((n, d))


@pytest.mark.parametrize("shape", [(4, 6, 2), (6, 4, 1), (3, 3, 3), (1, 1, 1)])
def test_every_gradient(shape):
    report = check_gradients(layer(*shape), x(d=shape[0]))
    assert [array.name for array in report.arrays][:3] == ["x", "A", "B"]
    assert all(array.fault == "" for array in report.arrays)


def test_the_reference_gives_the_same_numbers():
    lora, dy = layer(), np.random.default_rng(2).standard_normal((5, 6))
    y, dx = lora.forward(x()), lora.backward(dy)
    W, b, A, B = (array.tolist() for array in (lora.W, lora.b, lora.A, lora.B))
    dA, dB = np.zeros_like(lora.A), np.zeros_like(lora.B)
    for i, row in enumerate(x().tolist()):
        theirs = [reference.lora_neuron(row, W, b, A, B, 1.5, j) for j in range(6)]
        assert np.allclose(y[i], theirs, rtol=0, atol=1e-13)        # alpha / r = 3 / 2
        its_dA, its_dB, its_dx = reference.lora_backward(row, W, A, B, 1.5, dy[i].tolist())
        assert np.allclose(dx[i], its_dx, rtol=0, atol=1e-13)
        dA, dB = dA + its_dA, dB + its_dB
    assert np.allclose(lora.dA, dA, rtol=0, atol=1e-12)
    assert np.allclose(lora.dB, dB, rtol=0, atol=1e-12)


def test_merged_is_the_same_function():
    lora = layer()
    merged = lora.merged()
    assert type(merged) is Linear
    assert np.allclose(merged.forward(x()), lora.forward(x()), rtol=0, atol=1e-13)


def test_an_adapted_network_begins_as_the_one_that_it_adapts():
    old = network()
    new = adapted(old, 2, np.random.default_rng(3))
    assert np.array_equal(new.forward(x(d=3)), old.forward(x(d=3)))
    assert [type(part) for part in new.layers] == [LoRA, SiLU, LoRA, SiLU, LoRA]
    assert len(new.params) == (3 + 8) * 2 + (8 + 8) * 2 + (8 + 2) * 2, "A and B only"


def test_a_new_correction_has_small_random_A_and_no_B():
    big = MLP((400, 300, 2), np.random.default_rng(0))
    first = adapted(big, 100, np.random.default_rng(1)).layers[0]
    assert not first.B.any() and abs(first.A.mean()) < 0.001, "the standard error is 0.00025"
    assert first.A.var() == pytest.approx(1 / 400, rel=0.03), "7 standard errors"
    assert np.abs(first.A).max() <= np.sqrt(3 / 400)


def test_training_moves_the_adapters_and_nothing_else():
    old = network()
    before = old.params.copy()
    new = adapted(old, 2, np.random.default_rng(3))
    frozen = [(part.W.copy(), part.b.copy()) for part in new.layers if isinstance(part, LoRA)]
    adam, mse, target = Adam(new.params, new.grads), MSE(), np.ones((5, 2))
    losses = []
    for _ in range(50):
        losses.append(mse.forward(new.forward(x(d=3)), target))
        new.backward(mse.backward())
        adam.step(0.02)
    assert losses[-1] < 0.1 * losses[0]
    assert np.array_equal(old.params, before), "the base is untouched, bit for bit"
    for part, (W, b) in zip((part for part in new.layers if isinstance(part, LoRA)), frozen):
        assert np.array_equal(part.W, W) and np.array_equal(part.b, b)


def test_inference_runs_merged_and_a_copy_works():
    new = adapted(network(), 2, np.random.default_rng(3))
    new.params[:] = np.random.default_rng(4).standard_normal(len(new.params))
    assert np.allclose(Inference(new, 5).forward(x(d=3)), new.forward(x(d=3)), rtol=0, atol=1e-12)
    twin = deepcopy(new)
    twin.params[:] = 0
    assert np.allclose(twin.forward(x(d=3)), network().forward(x(d=3)), rtol=0, atol=1e-13)


def test_a_merged_network_has_no_adapters_and_computes_the_same():
    new = adapted(Network([Waves(2, (2,)), *MLP((7, 8, 8, 2), np.random.default_rng(0), SiLU,
                                                np.float64).layers]), 2, np.random.default_rng(3))
    new.params[:] = np.random.default_rng(4).standard_normal(len(new.params))
    plain = merged(new)
    assert [type(part) for part in plain.layers] == [Waves, Linear, SiLU, Linear, SiLU, Linear]
    assert np.allclose(plain.forward(x(d=3)), new.forward(x(d=3)), rtol=0, atol=1e-12)
    before = new.params.copy()
    plain.params[:] = 0
    assert np.array_equal(new.params, before), "it is a copy"


def test_merging_a_network_without_adapters_copies_it():
    old = network()
    plain = merged(old)
    assert np.array_equal(plain.params, old.params)
    plain.params[:] = 0
    assert old.params.any() and old.layers[0].W.any()


def test_the_rank_of_a_small_layer_is_its_smaller_side():
    new = adapted(network(), 5, np.random.default_rng(0))
    assert [part.A.shape[1] for part in new.layers if isinstance(part, LoRA)] == [3, 5, 2]
    assert all(part.c == 1 for part in new.layers if isinstance(part, LoRA)), "alpha = r"


@pytest.mark.parametrize("r", [0, -1, 9])
def test_a_rank_that_no_layer_has_is_named(r):
    with pytest.raises(ValueError, match=f"r must be from 1 to 8, .* got {r}"):
        adapted(network(), r, np.random.default_rng(0))


def test_misuse_is_named():
    W, b = np.ones((3, 2)), np.ones(2)
    with pytest.raises(ValueError, match=r"W must have shape \(d_in, d_out\), got \(3,\)"):
        LoRA(W[:, 0], b, np.ones((3, 1)), np.ones((1, 2)), 1)
    with pytest.raises(ValueError, match=r"b must have shape \(2,\), got \(3,\)"):
        LoRA(W, np.ones(3), np.ones((3, 1)), np.ones((1, 2)), 1)
    with pytest.raises(ValueError, match=r"A must have shape \(3, r\), got \(2, 1\)"):
        LoRA(W, b, np.ones((2, 1)), np.ones((1, 2)), 1)
    with pytest.raises(ValueError, match=r"B must have shape \(1, 2\), got \(2, 2\)"):
        LoRA(W, b, np.ones((3, 1)), np.ones((2, 2)), 1)
    with pytest.raises(ValueError, match=r"x must have shape \(n, 3\), got \(5, 2\)"):
        LoRA(W, b, np.ones((3, 1)), np.ones((1, 2)), 1).forward(np.ones((5, 2)))
    with pytest.raises(TypeError, match="x must be float64, as the parameters are, got float32"):
        LoRA(W, b, np.ones((3, 1)), np.ones((1, 2)), 1).forward(np.ones((5, 3), np.float32))
    with pytest.raises(RuntimeError, match="LoRA.backward was called before forward"):
        layer().backward(np.ones((5, 6)))
    with pytest.raises(ValueError, match=r"dy must have shape \(5, 6\), got \(1, 6\)"):
        lora = layer()
        lora.forward(x())
        lora.backward(np.ones((1, 6)))
    assert isinstance(adapted(network(), 1, np.random.default_rng(0)), Network)


def test_the_table_by_hand(capsys, monkeypatch):
    monkeypatch.setattr(quality_lora, "HELD_OUT", 20)
    monkeypatch.setattr(blocks, "BLOCK", 20)
    monkeypatch.setattr(quality_lora, "step_ratios", lambda ranks: dict.fromkeys(ranks, 1.0))
    old = replace(quality_lora.DEFAULT, steps=5)
    data = {"30 own points": quality_lora.DATA["30 own points"]}
    quality_lora.main(data, steps=(1, 2), seeds=[0], old=old)
    heading, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(quality_lora.RANKS)
    assert {len(row) for row in rows} == {len(heading)}
    assert [row.split()[-4] for row in rows] == ["325", "650", "1197", "2221", "4418", "4418"]


# Planted faults. Each turns a link about LoRA red, and the output says where.

FAULTS = {      # name: (the link that turns red, what is named under it, [(in what, right, wrong)])
    "B is random, too": (new_adapters_change_nothing, "with new adapters",
        [(adapted, "np.zeros((rank, d_out), W.dtype)", "rng.random((rank, d_out))")]),
    "the bias is forgotten": (new_adapters_change_nothing, "with new adapters",
        [(adapted, "layer.W.copy(), layer.b.copy()", "layer.W.copy(), 0 * layer.b")]),
    "merged without c": (merged_is_the_same, "merged",
        [(LoRA, "self.W + self.c * (self.A @ self.B)", "self.W + self.A @ self.B")]),
    "merged without b": (merged_is_the_same, "merged",
        [(LoRA, "self.b.copy())", "0 * self.b)")]),
    "a merged network leaves out A and B": (merged_is_the_same, "the network, merged",
        [(merged, "layer.merged() if", "Linear(layer.W, layer.b) if")]),
    "sampling leaves out A and B": (merged_is_the_same, "the network, as sampling runs it",
        [(Inference, "layer.merged() if", "Linear(layer.W, layer.b) if")]),
    "A and B both start at 0": (training_keeps_the_base, "never moved",
        [(adapted, "A = rng.uniform(-1, 1, (d_in, rank))", "A = np.zeros((d_in, rank))")]),
}

LEARNS = {      # other links see these, too
    "W learns": (training_keeps_the_base, "W of LoRA number",
        [(LoRA, "self.dA[:] = self.x.T @ dh ",
          "self.W -= 0.01 * (self.x.T @ dy); self.dA[:] = self.x.T @ dh ")]),
    "b learns": (training_keeps_the_base, "b of LoRA number",
        [(LoRA, "self.dA[:] = self.x.T @ dh ",
          "self.b -= 0.01 * dy.sum(axis=0); self.dA[:] = self.x.T @ dh ")]),
    "the weights are not copied": (training_keeps_the_base, "the network that was adapted",
        [(adapted, "layer.W.copy(), layer.b.copy()", "layer.W, layer.b"),
         (LoRA, "self.dA[:] = self.x.T @ dh ",
          "self.W -= 0.01 * (self.x.T @ dy); self.dA[:] = self.x.T @ dh ")]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_lora(name, monkeypatch, capsys):
    require_red(FAULTS[name], new_adapters_change_nothing, monkeypatch, capsys)


# name: (the link of lesson 1 that turns red, what is named under it, [(in what, right, wrong)])
LAYER = {
    "the reference's dA without c": (reference_gradients, "reference.py: LoRA",
        [(reference.lora_backward, "dh = [c * sum(", "dh = [sum(")]),
    "dA without c": (layer_gradients, "LoRA: WRONG", [(LoRA, "dh = self.c * (dy", "dh = (dy")]),
    "dB without c": (layer_gradients, "LoRA: WRONG",
        [(LoRA, "self.dB[:] = self.c * (self.h.T @ dy)", "self.dB[:] = self.h.T @ dy")]),
    "c is alpha": (network_is_reference, "LoRA.forward",
        [(LoRA, "float(alpha / A.shape[1])", "float(alpha)")]),
    "the reference's h with A transposed": (reference_gradients, "reference.py: LoRA",
        [(reference.lora_neuron, "x[k] * A[k][q]", "x[k] * A[q][k % len(B)]")]),
}


@pytest.mark.parametrize("name", LAYER)
def test_a_fault_in_the_layer(name, monkeypatch, capsys):
    look_at_less(monkeypatch)
    only_layers(monkeypatch, {"LoRA"})
    monkeypatch.setattr(backprop, "KINDS", [("relu", "eps")])
    start = LAYER[name][0]
    require_red(LAYER[name], start, monkeypatch, capsys)


@pytest.mark.parametrize("name", LEARNS)
def test_a_frozen_weight_that_learns(name, monkeypatch, capsys):
    require_red(LEARNS[name], training_keeps_the_base, monkeypatch, capsys)


def test_every_link_about_lora_can_turn_red():
    ours = {measure for measure in MEASURES if measure.__module__ == "scratchdiff.chain.lora"}
    assert ours == {measure for measure, _, _ in FAULTS.values()}
