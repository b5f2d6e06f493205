"""Links of lesson 3, for the clock: it is read right, its code, and a small clock."""
from functools import cache

import numpy as np

from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import draw, minutes_off, read
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import say
from scratchdiff.beyond.prompts import Vocabulary
from scratchdiff.chain.link import Measured, distance, worst

HOURS = np.arange(0, 720, 60)           # minutes


def clocks_are_read():
    """Draw times that lie 0.4 minutes from a whole one: the nearest drawing is the nearest minute.

    The figure is the largest distance between the time drawn and the time read.
    """
    times = np.add.outer(np.arange(720), [-0.4, 0.0, 0.4]).ravel()
    off = minutes_off(read(draw(times))[0], times)
    return Measured(off.max(), f"{times[off.argmax()]:g} minutes past twelve")


def standard_code_is_the_code():
    """No twin: a standardised code has mean 0 and mean square 1, and the pictures stay the same."""
    autoencoder = Autoencoder(np.random.default_rng(0), (256, 16, 3), np.float64)
    autoencoder.network.params += 0.1       # biases of 0 would hide a forgotten one
    pictures = draw(np.arange(0, 720, 10)).astype(np.float64)
    before = autoencoder.network.forward(pictures)
    autoencoder.standardise(pictures)
    codes = autoencoder.encode(pictures)
    return worst({
        "the mean of the code": np.abs(codes.mean(axis=0)).max(),
        "the mean square of the code": abs(np.mean(codes ** 2) - 1),
        "the pictures": distance(autoencoder.decode(codes), before),
    })


@cache
def trained_hours():
    """A small clock that knows the twelve full hours: much less to learn than all times."""
    rng, pictures, captions = np.random.default_rng(0), draw(HOURS), [say(hour) for hour in HOURS]
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(captions), rng, hidden=(64, 64))
    for _ in model.autoencoder.train(pictures, rng, 200):
        pass
    model.autoencoder.standardise(pictures)
    for _ in model.train(pictures, captions, rng, 400):
        pass
    return model


def hours_are_painted():
    """Each hour ten times: how far the pictures are from the drawings of the hours asked for."""
    hours = np.repeat(HOURS, 10)
    pictures = trained_hours().paint([say(hour) for hour in hours], np.random.default_rng(1))
    misses = np.sqrt(np.mean((pictures - draw(hours)) ** 2, axis=1))
    return Measured(np.sqrt(np.mean(misses ** 2)), f"worst at {say(hours[misses.argmax()])}")
