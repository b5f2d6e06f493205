"""Links of lesson 3 about clocks: reading a clock, the code of its picture, a small clock model."""
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
    """Draw clocks up to 0.4 minutes before and after each whole minute, and read them.

    `read` returns whole minutes. So the right answer is up to 0.4 minutes off, and a wrong answer
    at least 0.6.
    """
    times = np.add.outer(np.arange(720), [-0.4, 0.0, 0.4]).ravel()
    off = minutes_off(read(draw(times))[0], times)
    return Measured(off.max(), f"{times[off.argmax()]:g} minutes past twelve")


def standard_code_is_the_code():
    """A standardised code has mean 0 and mean square 1, and decodes to the same pictures."""
    autoencoder = Autoencoder(np.random.default_rng(0), (256, 16, 3), np.float64)
    autoencoder.network.params += 0.1       # a bias of 0 would hide a forgotten bias
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
    """A small model of the twelve full hours, which take much less training than all times."""
    rng = np.random.default_rng(0)
    pictures, captions = draw(HOURS), [say(hour) for hour in HOURS]
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(captions), rng, hidden=(64, 64))
    for _ in model.autoencoder.train(pictures, rng, 200):
        pass
    model.autoencoder.standardise(pictures)
    for _ in model.train(pictures, captions, rng, 400):
        pass
    return model


def hours_are_painted():
    """The root mean square difference between painted hours, ten of each, and drawn ones."""
    hours = np.repeat(HOURS, 10)
    pictures = trained_hours().paint([say(hour) for hour in hours], np.random.default_rng(1))
    misses = np.sqrt(np.mean((pictures - draw(hours)) ** 2, axis=1))
    return Measured(np.sqrt(np.mean(misses ** 2)), f"worst at {say(hours[misses.argmax()])}")
