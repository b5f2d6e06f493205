"""Guidance: how hard a prompt steers (Ho & Salimans 2022, "Classifier-free diffusion guidance")."""
import numpy as np


class Guided:
    """(x_t, t) -> eps_hat: a denoiser that knows prompts, with one prompt built in.

        eps_hat = (1 + w) eps_hat(x_t, t, prompt) - w eps_hat(x_t, t, no prompt)          (eq. 6)

    w = 0 is the denoiser with the prompt, w = -1 the one without. With w > 0 we go on in the
    direction from "without" to "with", beyond it. What does that mean? A guess at the noise is a
    score, up to its sign and scale (measure/exact.py), and by Bayes' rule
        grad log p(prompt | x_t) = grad log p(x_t | prompt) - grad log p(x_t)
    So the formula adds w times the slope of log p(prompt | x_t): points move to where the prompt is
    more obviously true. Each step climbs p(x_t | prompt) p(prompt | x_t)^w.

    It helps where classes touch. Of the worst quarter of the circle, 1 % of the points lie beyond
    an edge at w = 0, and none at w = 1. But it costs two things.

    It reduces variety. Where classes do not touch, every point already fits its prompt, so there
    guidance does nothing else. How far the points of one label are spread, in units of real points
    (the perfect denoiser's in brackets; tests/quality_prompts.py):
        w                       0             1             2             4
        moons              1.00 (1.00)   0.89 (0.90)   0.82 (0.82)   0.74 (0.75)
        quarters           0.98 (0.98)   0.77 (0.79)   0.68 (0.71)   0.59 (0.64)
        eight gaussians    0.85 (0.84)   0.76 (0.77)   0.75 (0.76)   0.73 (0.75)
    (At w = 0 the gaussians are too narrow already. The walk causes that, not the network.)

    And it multiplies the errors of both guesses, by 1 + w and by w, away from the points that were
    learned. At w = 4 the spread of one of our gaussians is off by 17 %; with a network that sees
    waves (nn/waves.py) it was 48 %. With a perfect denoiser the clock of latent/ stays right at
    w = 8. With our network it is right at 1, and at 4 about one clock in six is wrong.

    Parameters
    ----------
    denoiser : anything called as denoiser(x_t, t, c) -> eps_hat
    prompt : (columns,) for all points, or (n, columns), one for each of n points; Vocabulary.rows
    w : float, the guidance scale. (Stable Diffusion counts from 1: its 7.5 is our 6.5.)
    """

    def __init__(self, denoiser, prompt, w=1.0):
        if not np.isfinite(w):
            raise ValueError(f"w must be a finite number, got {w}")
        self.denoiser, self.prompt, self.w = denoiser, prompt, w

    @property
    def schedule(self):
        return self.denoiser.schedule

    def __call__(self, xt, t):
        c = np.broadcast_to(self.prompt, (len(xt), self.prompt.shape[-1])).astype(xt.dtype)
        if self.w == 0:
            return self.denoiser(xt, t, c)
        without = self.denoiser(xt, t, np.zeros_like(c))
        if self.w == -1:
            return without
        return (1 + self.w) * self.denoiser(xt, t, c) - self.w * without
