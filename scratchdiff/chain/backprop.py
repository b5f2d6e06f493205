"""Links of lesson 1: the reference, every layer, the whole network, Adam."""
from itertools import product, repeat

import numpy as np

from scratchdiff import reference
from scratchdiff.chain.layers import LAYERS, layer_reports, numbers, small_mlp
from scratchdiff.chain.link import ROUNDING, Measured, distance, in_a_line, worst
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

KINDS = list(product(ACTIVATIONS, SKIP_AND_GAIN))   # every activation, every meaning of the output
EVEN, UNEVEN = (1,) * 5, (0.5, 2, 1, 0, 3)          # weights of five examples


def reference_gradients():
    """The first link: nothing before it but finite differences."""
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
    """Every layer, by the gradient checker: a line for each, or the tables of those that are wrong.

    A layer that raises does not hide the others.
    """
    figure, lines, wrong = 0.0, [], []
    for name in LAYERS:
        try:
            for title, report in layer_reports(name):
                figure = max(figure, report.error if report.ok else np.inf)
                entries = sum(array.entries for array in report.arrays)
                lines.append(f"{title}: ok, {entries} entries, error {report.error:.0e}")
                if not report.ok:
                    wrong.append(str(report).replace(report.title, title, 1))
        except Exception as error:
            wrong.append(f"{name}: WRONG\n  {in_a_line(error)}")
            figure = np.inf
    return Measured(figure, tables="\n".join(wrong or lines))


def network_is_reference():
    """From noisy points to the gradients, each stage; then single layers.

    Twice in a row, the second time with weights and other points, so that a layer which keeps
    anything of an earlier batch is found. The noisy points are the reference's: those of
    `add_noise` are the claim of a later link.
    """
    schedule = Schedule.linear()
    misses = {}
    for predicts in SKIP_AND_GAIN:
        misses[f"skip and gain of a denoiser that predicts {predicts}"] = distance(
            SKIP_AND_GAIN[predicts](np.array([0.8]), np.array([0.6]), 0),
            reference.skip_and_gain(predicts, 0.8 ** 2))
    for (activation, predicts), multiples in product(KINDS, [(), (2, 0.5)]):
        mlp = small_mlp(activation, 3 + 4 * len(multiples))
        network = Network([Waves(2, multiples), *mlp.layers]) if multiples else mlp
        denoiser, mse = Denoiser(network, schedule, predicts), MSE()
        for seed, weights in ((3, EVEN), (2, UNEVEN)):
            kind = (f"{activation} that predicts {predicts}" + " with waves" * bool(multiples)
                    + " and a weighted loss" * (weights is UNEVEN))
            theirs = ReferenceLoss(activation, predicts, mlp.widths, weights, multiples, seed)
            xt, t, eps, weight = map(np.array, zip(*theirs.batch))
            loss = mse.forward(denoiser.forward(xt, t), eps, weight[:, None])
            denoiser.backward(mse.backward())
            misses[f"[x_t, t / T], the denoiser's inputs, {kind}"] = distance(
                denoiser.network_inputs(xt, t), np.column_stack([xt, t / schedule.T]))
            misses[f"the loss, {kind}"] = distance(loss, theirs.forward(network.params))
            place = parameter_name(network, np.abs(network.grads - theirs.gradient).argmax())
            misses[f"{place}, {kind}"] = distance(network.grads, theirs.gradient)
    return first({**misses, **twin_misses()})


def twin_misses():
    """{place: by how much a layer misses its twin}, for single layers that the reference has."""
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


def first(misses):
    """The Measured for misses of stages in order: the first that misses is named.

    What follows rests on it, and may well miss by more.
    """
    place = next((place for place, miss in misses.items() if not miss <= ROUNDING), None)
    return Measured(worst(misses).figure, f"they first differ at {place}")


def parameter_name(network, index):
    """Entry `index` of the flat vector as a person knows it: "layers[2].W[0, 3]"."""
    for layer, name in network.named_parameters():
        array = getattr(layer, name)
        if index < array.size:
            entry = ", ".join(map(str, np.unravel_index(index, array.shape)))
            return f"layers[{network.layers.index(layer)}].{name}[{entry}]"
        index -= array.size


def adam_is_reference():
    """Twenty steps on the same gradients, of all sizes and signs; then three steps of training."""
    rng = np.random.default_rng(0)
    params, grads = rng.standard_normal(50), np.zeros(50)
    adam = Adam(params, grads)
    theirs, m, v = params.tolist(), [0.0] * 50, [0.0] * 50
    misses = {}
    for k in range(1, 21):
        grads[:] = rng.standard_normal(50) * 10.0 ** rng.integers(-6, 3, 50)
        adam.step(0.1 / k)
        reference.adam_step(theirs, grads.tolist(), m, v, k, 0.1 / k)
        for name, mine, other in [("m", adam.m, m), ("v", adam.v, v), ("params", params, theirs)]:
            place = np.abs(mine - other).argmax()
            misses[f"{name}[{place}] after step {k}"] = distance(mine, other)
    return first({**misses, **training_misses()})


def training_misses():
    """{place: by how much `train` misses what the reference does}, on one batch again and again."""
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
        reference.adam_step(theirs, twin.gradient, m, v, k + 1, lr)
        misses[f"the parameters after training step {k}"] = distance(network.params, theirs)
    return misses


def rates_fall_with_width():
    """Of a wide network: where d_in is above 32, W learns at 32 / d_in of the rate. b does not."""
    network = MLP((3, 64, 40, 32, 2), np.random.default_rng(0), dtype=np.float64)
    wanted = [factor for d_in, d_out in zip(network.widths, network.widths[1:])
              for factor in [min(1, 32 / d_in)] * d_in * d_out + [1] * d_out]
    misses = np.abs(rates(network) - wanted)
    return Measured(misses.max(), parameter_name(network, misses.argmax()))


def adam_step_length():
    """No twin: while the gradient stays the same, each step has length lr, whatever its scale.

    Then m_hat is the gradient g and v_hat its square, so a step is lr g / (|g| + eps). The smallest
    g here is 1e-2, a million times Adam's eps.
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
