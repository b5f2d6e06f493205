"""The denoiser: a network that looks at a noisy point and guesses the noise in it."""
import numpy as np

from scratchdiff.nn.expect import checked, chosen, expect, expect_levels
from scratchdiff.nn.free import ONE, ZERO


@checked
class Denoiser:
    """A guess eps_hat at the noise in x_t, from a network F that sees the columns [x_t, t / T].

        eps_hat = skip_t x_t + gain_t F(x_t, t)

    `predicts` chooses skip and gain, and with them what F has to learn:

    "eps"   skip_t = 0, gain_t = 1. F predicts the noise (Ho et al. 2020, section 3.2).
    "v"     skip_t = sqrt(1 - alpha_bar_t), gain_t = sqrt(alpha_bar_t). F predicts v, a correction
            to x_t (Salimans & Ho 2022, appendix D).

    Why guess the noise, and not the clean point? Each leads to the other: with a and s from below,
    x0_hat = (x_t - s eps_hat) / a. But a mistake e in eps_hat is a mistake (s/a) e in x0_hat. So
    the loss asks for a sharp x0_hat where there is little noise (s/a = 0.01), and forgives a
    blurred one where there is a lot (s/a = 3.5).

    Why "v"? Where there is a lot of noise, x_t is nearly all noise, so x_t itself is a good guess
    before the network has learned anything: at level 49, eps_hat = 0.96 x_t + 0.27 F, and the
    factor 0.27 shrinks the mistakes of F. Where there is little noise, nearly the whole guess is
    up to F, as with "eps": at level 0, eps_hat = 0.01 x_t + 0.99995 F.

    What is v? Let a = sqrt(alpha_bar_t) and s = sqrt(1 - alpha_bar_t). Since a^2 + s^2 = 1, they
    are the cosine and sine of an angle, and
        x_t = a x_0 + s eps
        v   = a eps - s x_0
    turns the pair (x_0, eps) clockwise by that angle. Turning it back gives eps = s x_t + a v,
    which is the formula above with skip = s and gain = a.

    Backward, with deps for dL/deps_hat. F also depends on x_t, so x_t reaches eps_hat in two ways:
        dL/dF   = gain_t deps                              ->  dF  = gain * deps
        dL/dx_t = skip_t deps + (what comes through F)     ->  dxt = skip * deps + dinputs[:, :d]
    Time is a label, and so is a prompt: they get no gradient.

    Anything called as denoiser(x_t, t) -> eps_hat can take this one's place: the perfect denoiser
    (measure/exact.py), or one that a prompt steers (beyond/guidance.py).

    Parameters
    ----------
    network : Network with d + 1 + columns inputs and d outputs
    schedule : Schedule
    predicts : "eps" or "v"
    d : int, the number of coordinates of a point
    columns : int, the inputs of the network that a prompt fills (beyond/prompts.py)
    """

    constants = ("times", "signals", "noises", "c")         # for gradcheck.py: no gradient
    inputs = None       # an array for the network's inputs, or None: a new one in every call

    def __init__(self, network, schedule, predicts="eps", d=2, columns=0):
        self.skip_and_gain = chosen("predicts", predicts, SKIP_AND_GAIN)
        self.network, self.schedule, self.predicts = network, schedule, predicts
        self.d, self.columns = d, columns
        self.dtype = network.params.dtype
        self.times = (np.arange(schedule.T) / schedule.T).astype(self.dtype)            # (T,)
        self.signals = np.sqrt(schedule.alpha_bars)[:, None].astype(self.dtype)         # (T, 1)
        self.noises = np.sqrt(1 - schedule.alpha_bars)[:, None].astype(self.dtype)      # (T, 1)

    def forward(self, xt, t, c=None):
        """xt (n, d), t an int or (n,) ints -> eps_hat (n, d).

        c (n, columns) are prompts. None means no prompt, which is the same as zeros. Raises
        TypeError or ValueError for an argument of a wrong type or shape, or a level that is not
        there.
        """
        expect("xt", xt, ("n", self.d), self.dtype)
        t = expect_levels(t, xt.shape[:-1], self.schedule.T)
        self.skip, self.gain = self.skip_and_gain(self.signals, self.noises, t)
        F = self.network.forward(self.network_inputs(xt, t, c))
        expect("the network's output", F, xt.shape)
        return self.skip * xt + self.gain * F

    def backward(self, deps):
        """deps (n, d) -> dxt (n, d); writes the network's gradients.

        Training does not need dxt. beyond/density.py does.
        """
        dinputs = self.network.backward(self.gain * deps)
        return self.skip * deps + dinputs[:, :self.d]

    def network_inputs(self, xt, t, c=None):
        """The columns [x_t, t / T, c], (n, d + 1 + columns)."""
        n, d = xt.shape
        inputs = self.inputs
        if inputs is None:
            inputs = np.empty((n, d + 1 + self.columns), self.dtype)
        inputs[:, :d] = xt
        inputs[:, d] = self.times.take(t)
        if c is not None:
            expect("c", c, (n, self.columns), self.dtype)
        if self.columns:
            inputs[:, d + 1:] = 0 if c is None else c
        return inputs

    def __call__(self, xt, t, c=None):
        return self.forward(xt, t, c)


# skip_t and gain_t, for each thing that F may predict. signals and noises are the denoiser's
# tables of sqrt(alpha_bar_t) and sqrt(1 - alpha_bar_t).

def eps_skip_and_gain(signals, noises, t):
    return ZERO, ONE                                            # 0 and 1, but free: nn/free.py


def v_skip_and_gain(signals, noises, t):
    return noises.take(t, axis=0), signals.take(t, axis=0)      # noises[t], signals[t], but faster


SKIP_AND_GAIN = {"eps": eps_skip_and_gain, "v": v_skip_and_gain}

