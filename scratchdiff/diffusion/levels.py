"""Which noise levels training draws, and how much each one counts in the loss."""
import numpy as np


class LowLevels:
    """Draw levels with little noise more often, and let each such draw count for less.

    With s_t = sqrt(1 - alpha_bar_t), the size of the noise at level t,

        probability_t  is proportional to  s_t^(-1/2)       how often level t is drawn
        weight_t       is proportional to  s_t^(1/4)        how much the level counts in the loss

    The exponents come from measurements. Level 0 is drawn 6.1 times as often as with even draws,
    and each draw counts 0.42. Level 49 is drawn 0.6 times as often, and each draw counts 1.3.

    Why more often? The last step back decides how sharp the points are: what the denoiser gets
    wrong at level 0 stays in the result. Level 0 is also the hardest to learn. Its noise has the
    size 0.01. So a point 0.01 outside the circle needs the guess 1, and a point 0.01 inside needs
    the guess -1.

    Why let each draw count for less? The share of a level in the loss is the product of the two,
    s_t^(-1/4). If each draw counted the same, the share would be s_t^(-1/2), and the network would
    neglect the high levels: now and then a point would end far from all others. Drawing a level
    twice as often at half the weight leaves its share as it is. And it about halves the variance of
    its part of the gradient, which then has twice as many terms, each with a quarter of the
    variance. This is importance sampling (Nichol & Dhariwal 2021, section 3.3).

    The shares add up to 1, so the loss is a weighted mean over the levels. The lowest possible loss
    is the same weighted mean of the lowest loss at each level (measure/exact.py).

    Attributes: probabilities, weights, shares, (T,) float64 each.
    """

    def __init__(self, schedule):
        noise = np.sqrt(1 - schedule.alpha_bars)
        self.probabilities = noise ** -0.5 / np.sum(noise ** -0.5)
        self.shares = noise ** -0.25 / np.sum(noise ** -0.25)
        self.weights = self.shares / self.probabilities

    def draw(self, shape, rng):
        """Random levels, an array of ints of this shape."""
        return rng.choice(len(self.probabilities), size=shape, p=self.probabilities)

    def weight(self, t):
        """What each of the levels t (n,) counts in the loss, (n, 1)."""
        return self.weights.take(t)[:, None]                    # weights[t], but faster


class EvenLevels:
    """Draw every level equally often, and let each count the same: Ho et al. 2020, algorithm 1."""

    def __init__(self, schedule):
        self.T = schedule.T
        self.shares = np.full(self.T, 1 / self.T)

    def draw(self, shape, rng):
        return rng.integers(self.T, size=shape)

    def weight(self, t):
        return 1.0


LEVELS = {"even": EvenLevels, "low": LowLevels}
