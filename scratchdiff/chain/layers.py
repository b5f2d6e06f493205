"""The layers whose gradients are checked: each one row of a table, for `check` and for the tests.

A new layer with derivatives gets a row here. It is then held against finite differences by
`python -m scratchdiff check`, by `check --layer NAME`, and by tests/test_gradients.py.
"""
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

WIDTHS = (3, 6, 6, 2)   # oblong and square: a missing or extra transpose shows in one of them


def small_mlp(activation, d_in=3):
    """A small network in float64. Its biases are not 0, since 0 would hide a forgotten bias."""
    rng = np.random.default_rng(1)
    mlp = MLP((d_in, *WIDTHS[1:]), rng, ACTIVATIONS[activation], np.float64)
    mlp.params += 0.1 * rng.standard_normal(mlp.params.shape)
    return mlp


def clean_points(n=5, seed=2):
    """Points of the circle, levels and noise, in float64: x0 (n, 2), t (n,), eps (n, 2)."""
    rng = np.random.default_rng(seed)
    return SHAPES["circle"].draw(n, rng), rng.integers(50, size=n), rng.standard_normal((n, 2))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def denoisers():
    x0, t, eps = clean_points()
    schedule = Schedule.linear()
    xt = schedule.add_noise(x0, t, eps)
    made = {predicts: Denoiser(small_mlp("silu"), schedule, predicts) for predicts in SKIP_AND_GAIN}
    return {**{f"Denoiser that predicts {predicts}": (made[predicts], xt, t) for predicts in made},
            "Denoiser with a prompt": prompted_denoiser()}


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


# name: () -> {title: (layer, the arguments of its forward)}
LAYERS = {
    "Linear": lambda: {"Linear": (Linear(numbers(3, 4), numbers(4, seed=1)),
                                  numbers(5, 3, seed=2))},
    **{layer.__name__: lambda layer=layer: {layer.__name__: (layer(), numbers(5, 3))}
       for layer in ACTIVATIONS.values()},
    "LoRA": lambda: {"LoRA": (LoRA(numbers(4, 6), numbers(6, seed=1), numbers(4, 2, seed=2),
                                   numbers(2, 6, seed=3), alpha=3), numbers(5, 4, seed=4))},
    "Waves": lambda: {"Waves": (Waves(2, (2, 0.5)), numbers(5, 3))},
    "MSE": lambda: {"MSE": (MSE(), numbers(5, 3), numbers(5, 3, seed=1)),
                    "MSE with weights": (MSE(), numbers(5, 3), numbers(5, 3, seed=1),
                                         numbers(5, 1, seed=2) ** 2)},
    "MLP": lambda: {f"MLP with {ACTIVATIONS[name].__name__}": (small_mlp(name), numbers(5, 3))
                    for name in ACTIVATIONS},
    "Denoiser": denoisers,
    "Autoencoder": autoencoders,
}


def layer_reports(name):
    """Yield (title, the gradient checker's report) for each kind of the layer of that name."""
    for title, (layer, *arguments) in LAYERS[name]().items():
        yield title, check_gradients(layer, *arguments)
