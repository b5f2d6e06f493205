"""chain/latent.py: planted faults turn its links red. The other links: test_faults.py."""
from copy import deepcopy

import numpy as np
import pytest

from scratchdiff.beyond.latent import clock
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import say
from scratchdiff.chain import latent
from scratchdiff.chain.backprop import layer_gradients
from scratchdiff.chain.latent import (HOURS, clocks_are_read, hours_are_painted,
                                      standard_code_is_the_code, trained_hours)
from scratchdiff.diffusion.denoiser import Denoiser
from tests.planted import MEASURES, first_red, require_red

# name: (the link that turns red, what is named under it, [(in what, right, wrong), ...])
GRADIENTS = {
    "the prompt's columns get a gradient": (layer_gradients, "Denoiser: WRONG",
        [(Denoiser, "dinputs[:, :self.d]", "dinputs[:, :-1]")]),
    "a decoder that starts at the encoder's end": (layer_gradients, "Autoencoder: WRONG",
        [(Autoencoder, "[*self.encoder, *self.decoder]", "[*self.encoder, *self.encoder[-1:]]")]),
}

CLOCK = {
    "read a minute early": (clocks_are_read, "minutes past twelve",
        [(clock.read, "draw(np.arange(MINUTES))", "draw(1 + np.arange(MINUTES))")]),
    "the distance without |d|^2": (clocks_are_read, "minutes past twelve",
        [(clock.read, "np.sum(drawings ** 2, axis=1) - 2", "-2")]),
    "no hour hand": (clocks_are_read, "minutes past twelve",
        [(clock.draw, "hand(times / 720, *HOUR)", "0.0")]),
}

LATENT = {
    "the code's scale without its square root": (standard_code_is_the_code, "the mean square",
        [(Autoencoder, "np.sqrt(np.mean((codes - center) ** 2))",
          "np.mean((codes - center) ** 2)")]),
    "the decoder does not know the new scale": (standard_code_is_the_code, "the pictures",
        [(Autoencoder, "out_of.W *= scale", "pass")]),
    "the decoder's bias after its weights": (standard_code_is_the_code, "the pictures",
        [(Autoencoder, "out_of.b += center @ out_of.W\n        out_of.W *= scale",
          "out_of.W *= scale\n        out_of.b += center @ out_of.W")]),
    "the encoder's bias is not scaled": (standard_code_is_the_code, "of the code",
        [(Autoencoder, "into.b /= scale", "pass")]),
    "a walk without its prompt": (hours_are_painted, "worst at ",
        [(LatentDiffusion, "Guided(self.denoiser, self", "Guided(self.denoiser, 0 * self")]),
    "captions of other pictures": (hours_are_painted, "worst at ",
        [(LatentDiffusion, "prompts[some]", "prompts[some[::-1]]")]),
}


@pytest.fixture(scope="module", autouse=True)
def trained_without_a_fault():
    trained_hours()


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_fault_in_a_gradient(name, monkeypatch, capsys):
    require_red(GRADIENTS[name], layer_gradients, monkeypatch, capsys)


def trained_further():
    """The small clock after 40 more steps."""
    model, captions = deepcopy(trained_hours()), [say(hour) for hour in HOURS]
    for _ in model.train(clock.draw(HOURS), captions, np.random.default_rng(0), 40):
        pass
    return model


@pytest.mark.parametrize("name", CLOCK)
def test_a_fault_in_the_clock(name, monkeypatch, capsys):
    require_red(CLOCK[name], clocks_are_read, monkeypatch, capsys)


@pytest.mark.parametrize("name", LATENT)
def test_a_fault_in_latent_diffusion(name, monkeypatch, capsys):
    """The link before these is about drawing and reading, not about what learns."""
    if "captions" in name:              # this one is seen only in training
        monkeypatch.setattr(latent, "trained_hours", trained_further)
    require_red(LATENT[name], standard_code_is_the_code, monkeypatch, capsys)


def test_to_train_further_without_a_fault_breaks_no_link(monkeypatch, capsys):
    monkeypatch.setattr(latent, "trained_hours", trained_further)
    assert first_red(hours_are_painted, capsys)[0] is None


def test_every_link_about_the_clock_can_turn_red():
    ours = {measure for measure in MEASURES if measure.__module__ == latent.__name__}
    assert ours == {measure for table in (CLOCK, LATENT) for measure, _, _ in table.values()}
