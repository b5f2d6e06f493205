"""The layers whose gradients are checked: one row of a table for each, in `check` and in the tests.

Give every new layer that has derivatives a row here. `python -m scratchdiff check`,
`check --layer NAME` and tests/test_gradients.py then compare its gradients with finite differences.
"""
from functools import partial

import numpy as np

from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN, Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.nn.gradcheck import check_gradients
from scratchdiff.nn.layers import ACTIVATIONS, Linear
from scratchdiff.nn.lora import LoRA
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import MLP
from scratchdiff.nn.waves import Waves

# Weights of shape 3 x 6, 6 x 6 and 6 x 2. A wrong transpose does not fit the oblong ones. In the
# square one it does fit, and only the numbers tell.
WIDTHS = (3, 6, 6, 2)


def small_mlp(activation, d_in=3):
    """A small network in float64. No bias is 0, because a 0 would hide a forgotten bias."""
    rng = np.random.default_rng(1)
    mlp = MLP((d_in, *WIDTHS[1:]), rng, ACTIVATIONS[activation], np.float64)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape)
    return mlp


def clean_points(n=5, seed=2):
    """Points of the circle, levels and noise, in float64: x0 (n, 2), t (n,), eps (n, 2)."""
    rng = np.random.default_rng(seed)
    return SHAPES["circle"].draw(n, rng), rng.integers(50, size=n), rng.standard_normal((n, 2))


def numbers(*shape, seed=0):
    """Random numbers in float64."""
    return np.random.default_rng(seed).standard_normal(shape)


def linear():
    return {"Linear": (Linear(numbers(3, 4), numbers(4, seed=1)), numbers(5, 3, seed=2))}


def activation(layer):
    return {layer.__name__: (layer(), numbers(5, 3))}


def lora():
    layer = LoRA(numbers(4, 6), numbers(6, seed=1), numbers(4, 2, seed=2), numbers(2, 6, seed=3),
                 alpha=3)
    return {"LoRA": (layer, numbers(5, 4, seed=4))}


def waves():
    return {"Waves": (Waves(2, (2, 0.5)), numbers(5, 3))}


def losses():
    guess, target, weight = numbers(5, 3), numbers(5, 3, seed=1), numbers(5, 1, seed=2) ** 2
    return {"MSE": (MSE(), guess, target),
            "MSE with weights": (MSE(), guess, target, weight)}


def mlps():
    return {f"MLP with {ACTIVATIONS[name].__name__}": (small_mlp(name), numbers(5, 3))
            for name in ACTIVATIONS}


def denoisers():
    x0, t, eps = clean_points()
    schedule = Schedule.linear()
    xt = schedule.add_noise(x0, t, eps)
    made = {}
    for predicts in SKIP_AND_GAIN:
        denoiser = Denoiser(small_mlp("silu"), schedule, predicts)
        made[f"Denoiser that predicts {predicts}"] = denoiser, xt, t
    return {**made, "Denoiser with a prompt": prompted_denoiser()}


def prompted_denoiser():
    """A small denoiser with three columns for a prompt, and the arguments of its forward."""
    x0, t, eps = clean_points()
    schedule, c = Schedule.linear(), (numbers(5, 3, seed=3) > 0).astype(float)
    denoiser = Denoiser(small_mlp("silu", 6), schedule, "v", columns=3)
    return denoiser, schedule.add_noise(x0, t, eps), t, c


def autoencoders():
    autoencoder = Autoencoder(np.random.default_rng(0), (5, 4, 3), np.float64)
    autoencoder.network.params += 0.1       # no bias is 0, as in small_mlp
    return {"Autoencoder": (autoencoder.network, numbers(6, 5))}


# the NAME in --layer NAME: a function that makes {title: (layer, the arguments of its forward)}
LAYERS = {
    "Linear": linear,
    **{layer.__name__: partial(activation, layer) for layer in ACTIVATIONS.values()},
    "LoRA": lora,
    "Waves": waves,
    "MSE": losses,
    "MLP": mlps,
    "Denoiser": denoisers,
    "Autoencoder": autoencoders,
}


def layer_reports(name):
    """Yield (title, the gradient checker's report) for each layer in the row of that name."""
    for title, (layer, *arguments) in LAYERS[name]().items():
        yield title, check_gradients(layer, *arguments)
