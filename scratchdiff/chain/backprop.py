"""Links of lesson 1: the reference, every layer, the whole network, Adam."""
from itertools import product, repeat

import numpy as np

from scratchdiff import reference
from scratchdiff.chain.blame import in_a_line
from scratchdiff.chain.layers import LAYERS, layer_reports, numbers, small_mlp
from scratchdiff.chain.link import ROUNDING, Measured, distance, first, worst
from scratchdiff.chain.twins import TWINS, ReferenceLoss
from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN, Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.diffusion.training import train
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import ACTIVATIONS
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP, Network
from scratchdiff.nn.rates import rates
from scratchdiff.nn.waves import Waves

KINDS = list(product(ACTIVATIONS, SKIP_AND_GAIN))   # [(activation, what it predicts), ...]
EVEN, UNEVEN = (1,) * 5, (0.5, 2, 1, 0, 3)          # weights of five examples in the loss


def reference_gradients():
    """The first link, which rests on nothing but finite differences.

    It checks the gradient of the reference's whole loss, then the reference's single layers.
    """
    misses = {}
    for activation, predicts in KINDS:
        network = small_mlp(activation)
        loss = ReferenceLoss(activation, predicts, network.widths, UNEVEN)
        report = check_gradients(loss, network.params.copy())
        title = f"reference.py with {activation} that predicts {predicts}"
        if not report.ok:
            place = parameter_name(network, report.arrays[0].worst[0])
            return Measured(np.inf, f"{title}: worst at {place}", str(report))
        misses[title] = report.error
    for name, twin in TWINS.items():
        layer, x = LAYERS[name]()[name]
        report = check_gradients(twin(layer), x)
        if not report.ok:
            return Measured(np.inf, f"reference.py: {name}", str(report))
        misses[f"reference.py: {name}"] = report.error
    return worst(misses)


def layer_gradients():
    """Every layer, by the gradient checker: a line for each, or the tables of the wrong ones.

    A layer that raises counts as wrong, and the other layers are still checked.
    """
    figure, lines, wrong = 0.0, [], []
    for name in LAYERS:
        try:
            for title, report in layer_reports(name):
                if report.ok:
                    figure = max(figure, report.error)
                    entries = sum(array.entries for array in report.arrays)
                    lines.append(f"{title}: ok, {entries} entries, error {report.error:.0e}")
                else:
                    figure = np.inf
                    wrong.append(str(report).replace(report.title, title, 1))
        except Exception as error:
            wrong.append(f"{name}: WRONG\n  {in_a_line(error)}")
            figure = np.inf
    return Measured(figure, tables="\n".join(wrong or lines))


def network_is_reference():
    """Every stage from noisy points to gradients, against the reference. Then single layers.

    Each network sees two batches in a row, with different points and weights. So a layer that
    keeps something of its first batch is wrong on the second.
    """
    misses = {}
    for predicts in SKIP_AND_GAIN:
        misses[f"skip and gain of a denoiser that predicts {predicts}"] = distance(
            SKIP_AND_GAIN[predicts](np.array([0.8]), np.array([0.6]), 0),
            reference.skip_and_gain(predicts, 0.8 ** 2))
    for (activation, predicts), multiples in product(KINDS, [(), (2, 0.5)]):
        misses.update(two_batches(activation, predicts, multiples))
    return first({**misses, **layer_misses()}, ROUNDING)


def two_batches(activation, predicts, multiples):
    """{stage: its distance from the reference} for two batches. No waves if `multiples` is empty.

    The noisy points are the reference's, because a later link checks those of `add_noise`.
    """
    schedule = Schedule.linear()
    mlp = small_mlp(activation, 3 + 4 * len(multiples))
    network = Network([Waves(2, multiples), *mlp.layers]) if multiples else mlp
    denoiser, mse = Denoiser(network, schedule, predicts), MSE()
    waves = " with waves" if multiples else ""
    misses = {}
    for weighted, weights, seed in [("", EVEN, 3), (" and a weighted loss", UNEVEN, 2)]:
        kind = f"{activation} that predicts {predicts}{waves}{weighted}"
        theirs = ReferenceLoss(activation, predicts, mlp.widths, weights, multiples, seed)
        xt, t, eps, weight = map(np.array, zip(*theirs.batch))
        loss = mse.forward(denoiser.forward(xt, t), eps, weight[:, None])
        denoiser.backward(mse.backward())
        misses[f"[x_t, t / T], the denoiser's inputs, {kind}"] = distance(
            denoiser.network_inputs(xt, t), np.column_stack([xt, t / schedule.T]))
        misses[f"the loss, {kind}"] = distance(loss, theirs.forward(network.params))
        gradient = theirs.gradient()
        place = parameter_name(network, np.abs(network.grads - gradient).argmax())
        misses[f"{place}, {kind}"] = distance(network.grads, gradient)
    return misses


def layer_misses():
    """{place: its distance from the reference}, for each layer that has a twin in twins.py."""
    misses = {}
    for name, twin in TWINS.items():
        layer, x = LAYERS[name]()[name]
        theirs = twin(layer)
        y = layer.forward(x)
        misses[f"{name}.forward"] = distance(y, theirs.forward(x))
        dy = numbers(*y.shape, seed=3)
        misses[f"{name}.backward, dx"] = distance(layer.backward(dy), theirs.backward(dy))
        for parameter in theirs.parameters:
            misses[f"{name}.backward, d{parameter}"] = distance(
                getattr(layer, f"d{parameter}"), getattr(theirs, f"d{parameter}"))
    return misses


def parameter_name(network, index):
    """What a reader calls entry `index` of the flat vector: layers[2].W[0, 3], say."""
    for layer, name in network.named_parameters():
        array = getattr(layer, name)
        if index < array.size:
            entry = ", ".join(map(str, np.unravel_index(index, array.shape)))
            return f"layers[{network.layers.index(layer)}].{name}[{entry}]"
        index -= array.size


def adam_is_reference():
    """Twenty steps of Adam on random gradients, then three steps of training.

    The sizes of the random gradients range from 1e-6 to 100.
    """
    rng = np.random.default_rng(0)
    params, grads = rng.standard_normal(50), np.zeros(50)
    adam = Adam(params, grads)
    theirs, m, v = params.tolist(), [0.0] * 50, [0.0] * 50
    misses = {}
    for k in range(1, 21):
        grads[:] = rng.standard_normal(50) * 10.0 ** rng.integers(-6, 3, 50)
        adam.step(0.1 / k)
        reference.adam_step(theirs, grads.tolist(), m, v, k, 0.1 / k)
        for name, a, b in [("m", adam.m, m), ("v", adam.v, v), ("params", params, theirs)]:
            place = np.abs(a - b).argmax()
            misses[f"{name}[{place}] after step {k}"] = distance(a, b)
    return first({**misses, **training_misses()}, ROUNDING)


def training_misses():
    """{stage: the distance of `train` from the reference}, on the same batch in each step."""
    network = small_mlp("silu")
    denoiser, adam = Denoiser(network, Schedule.linear(), "v"), Adam(network.params, network.grads)
    twin = ReferenceLoss("silu", "v", network.widths, UNEVEN)
    xt, t, eps, weight = map(np.array, zip(*twin.batch))
    theirs = network.params.tolist()
    m, v = [0.0] * len(theirs), [0.0] * len(theirs)
    misses = {}
    batches, lr = repeat((xt, t, eps)), 1e-3
    for k, loss in train(denoiser, adam, batches, 3, lambda k: lr, lambda t: weight[:, None]):
        misses[f"the loss of training step {k}"] = distance(loss, twin.forward(np.array(theirs)))
        reference.adam_step(theirs, twin.gradient(), m, v, k + 1, lr)
        misses[f"the parameters after training step {k}"] = distance(network.params, theirs)
    return misses


def rates_fall_with_width():
    """A W with d_in > 32 inputs learns at 32 / d_in of the rate. Everything else learns at 1."""
    network = MLP((3, 64, 40, 32, 2), np.random.default_rng(0), dtype=np.float64)
    wanted = []
    for d_in, d_out in zip(network.widths, network.widths[1:]):
        wanted += [min(1, 32 / d_in)] * (d_in * d_out)          # W
        wanted += [1] * d_out                                   # b
    misses = np.abs(rates(network) - wanted)
    return Measured(misses.max(), parameter_name(network, misses.argmax()))


def adam_step_length():
    """While a gradient g stays the same, each step has length lr, whatever the scale of g.

    Then m_hat = g and v_hat = g^2, so a step is lr g / (|g| + eps). The smallest |g| here is 1e-2,
    which is a million times Adam's eps.

    If Adam and the reference shared a mistake, the link above would not notice. This link would.
    """
    grads = np.array([1e-2, -1e-2, 1.0, -30.0, 1e3])
    params = np.zeros(5)
    adam = Adam(params, grads)
    misses = {}
    for k in range(1, 6):
        before = params.copy()
        adam.step(0.01)
        miss = np.abs((before - params) / (0.01 * np.sign(grads)) - 1)
        misses[f"step {k}, gradient {grads[miss.argmax()]:g}"] = miss.max()
    return worst(misses)
