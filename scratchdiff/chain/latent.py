"""Links of lesson 3, for the clock: it is read right, its code, guidance, and a small clock."""
from functools import cache

import numpy as np

from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import draw, minutes_off, read
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import say
from scratchdiff.beyond.prompts import Vocabulary
from scratchdiff.chain.link import Measured, distance, worst
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.exact import ExactDenoiser

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


def guidance_is_a_slope():
    """No twin: a guided guess is the slope of log p(x_t | prompt) + w log p(prompt | x_t).

    The perfect denoisers of two clouds, apart and together, know both densities. The slope is
    measured by differences, and -1 / sqrt(1 - alpha_bar_t) times the guess is a slope. With w = 0
    and with w = -1 the guess must be that of a single denoiser, bit for bit.
    """
    schedule, centers = Schedule.linear(), np.array([[1.0, 0.5], [-0.5, -1.0]])
    one, both = (ExactDenoiser(schedule, cloud, width=0.5) for cloud in (centers[:1], centers))
    prompt, rng = np.ones(1), np.random.default_rng(0)

    def denoiser(xt, t, c):
        return one(xt, t) if c.all() else both(xt, t)

    misses = {}
    for t in (0, 20, 49):
        xt = schedule.add_noise(rng.standard_normal((9, 2)), t, rng.standard_normal((9, 2)))
        for w, alone in [(0.0, one), (-1.0, both)]:
            same = np.array_equal(Guided(denoiser, prompt, w)(xt, t), alone(xt, t))
            misses[f"level {t}, w = {w:g}, which is one denoiser alone"] = 0.0 if same else np.inf
        for w in (1.0, 3.0):
            def log_p(x):
                prompted, none = one.log_density(x, t), both.log_density(x, t)
                return prompted + w * (prompted - none)     # Bayes' rule, but for a constant
            h = 1e-4
            slopes = np.stack([log_p(xt + step) - log_p(xt - step) for step in h * np.eye(2)],
                              axis=1) / (2 * h)
            noise = np.sqrt(1 - schedule.alpha_bars[t])
            misses[f"level {t}, w = {w:g}"] = distance(
                -Guided(denoiser, prompt, w)(xt, t) / noise, slopes)
    return worst(misses)


@cache
def trained_hours():
    """A small clock that knows the twelve full hours: much less to learn than all times."""
    rng, pictures, captions = np.random.default_rng(0), draw(HOURS), [say(hour) for hour in HOURS]
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(captions), rng, hidden=(64, 64))
    for _ in model.autoencoder.train(pictures, rng, 200):
        pass
    for _ in model.train(pictures, captions, rng, 400):
        pass
    return model


def hours_are_painted():
    """Each hour ten times: how far the pictures are from the drawings of the hours asked for."""
    hours = np.repeat(HOURS, 10)
    pictures = trained_hours().paint([say(hour) for hour in hours], np.random.default_rng(1))
    misses = np.sqrt(np.mean((pictures - draw(hours)) ** 2, axis=1))
    return Measured(np.sqrt(np.mean(misses ** 2)), f"worst at {say(hours[misses.argmax()])}")
