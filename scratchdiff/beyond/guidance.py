"""Guidance: make a prompt steer harder (Ho & Salimans 2022, on classifier-free guidance)."""
import numpy as np


class Guided:
    """(x_t, t) -> eps_hat: a denoiser that knows prompts, with one prompt built in.

        eps_hat = (1 + w) eps_hat(x_t, t, prompt) - w eps_hat(x_t, t, no prompt)          (eq. 6)

    w = 0 gives the guess with the prompt, and w = -1 the guess without. With w > 0 we overshoot: we
    go past the guess with the prompt, in the direction that leads there from the guess without. If
    the guess is 0.8 with the prompt and 0.5 without, w = 1 makes 2 * 0.8 - 0.5 = 1.1.

    What does that mean? Let s = sqrt(1 - alpha_bar_t). Without a prompt, the perfect guess at the
    noise is -s times the score, grad log p(x_t) (measure/exact.py). With a prompt, the perfect
    guess is -s grad log p(x_t | prompt). Bayes' rule says
        p(prompt | x_t) = p(x_t | prompt) p(prompt) / p(x_t)
    Take the log, and then the slope with respect to x_t. p(prompt) does not depend on x_t, so
        grad log p(prompt | x_t) = grad log p(x_t | prompt) - grad log p(x_t)
    Eq. 6 adds w times the difference of the two guesses to the guess with the prompt. Therefore
        eps_hat = -s (grad log p(x_t | prompt) + w grad log p(prompt | x_t))
    A step subtracts a multiple of eps_hat, so it moves the point along the sum in the brackets:
    uphill on p(x_t | prompt) p(prompt | x_t)^w, to where the prompt is more obviously true.

    Guidance helps where the points of two prompts touch, because fewer points cross the border. But
    guidance has two costs. It reduces variety, even where every point fits its prompt already. And
    it multiplies the errors of the two guesses, by 1 + w and by w, so points stray from the points
    that were learned.

    Measured (tests/quality_prompts.py). Ask for each quarter of the circle. At w = 0, 0.5 % of the
    points of the worst quarter lie beyond its ends. At w = 1 none do. The table has the spread of
    the points of a prompt (the root mean square distance from their mean), divided by the spread of
    real points. The numbers in brackets are the perfect denoiser's.
        w                       0             1             2             4
        moons              1.00 (1.00)   0.90 (0.90)   0.83 (0.83)   0.75 (0.76)
        quarters           0.99 (0.99)   0.80 (0.80)   0.72 (0.73)   0.64 (0.66)
        eight gaussians    0.92 (0.92)   0.85 (0.86)   0.84 (0.85)   0.83 (0.84)
    At w = 0 the gaussians are too narrow already, because of the walk: the perfect denoiser's are
    as narrow. At w = 4 the worst of the eight gaussians has a spread that differs from the perfect
    denoiser's by 9 %. With waves (nn/waves.py) this difference was 46 %, so the recipe for prompts
    has no waves. The clock of latent/ is always right at w = 1, and at w = 4 about one clock in six
    is wrong. With a perfect denoiser the clock is right even at w = 8.

    Parameters
    ----------
    denoiser : anything called as denoiser(x_t, t, c) -> eps_hat
    prompt : a row of Vocabulary.rows for all points, (columns,), or a row for each, (n, columns)
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
            return self.denoiser(xt, t, c)                  # exactly, by one call instead of two
        without = self.denoiser(xt, t, np.zeros_like(c))
        if self.w == -1:
            return without                                  # likewise
        return (1 + self.w) * self.denoiser(xt, t, c) - self.w * without
