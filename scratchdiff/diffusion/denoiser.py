"""The denoiser: a network that looks at a noisy point and guesses the noise in it."""
import numpy as np

from scratchdiff.nn.expect import expect_forward_first, expect_rows
from scratchdiff.fast.inference import Inference


class Denoiser:
    """(x_t, t) -> eps_hat, by a network F on the columns of [x_t, t / T].

    What F has to say is chosen by `predicts`:

    "eps"   eps_hat = F(x_t, t): the noise itself, as in Ho et al. 2020, section 3.2.
    "v"     eps_hat = sqrt(1 - alpha_bar_t) x_t + sqrt(alpha_bar_t) F(x_t, t), so that F need not repeat what x_t
            already says (Salimans & Ho 2022, appendix D). If x_t were pure noise, it would be eps, and the first term
            all of the answer; F adds what is missing, v = sqrt(alpha_bar_t) eps - sqrt(1 - alpha_bar_t) x_0. With a for
            alpha_bar_t: (sqrt(1-a) sqrt(a) x_0 + (1-a) eps) + (a eps - sqrt(a) sqrt(1-a) x_0) = eps.

    Backward, with deps for dL/deps_hat. For "eps" it is the network's backward pass, without its last column: the
    slope for t / T, which nobody needs. For "v", eps_hat = skip_t x_t + gain_t F, where F too depends on x_t. So the
    network's backward is given dF, returns its dx, and
        dL/dF   = gain_t deps                                       ->  dF  = gain * deps
        dL/dx_t = skip_t deps + (what reaches x_t through F)        ->  dxt = skip * deps + dx

    The trained denoiser and the exact one of `exact.py` are called alike: denoiser(x_t, t).

    Parameters
    ----------
    mlp : MLP
        d + 1 inputs, d outputs, for points with d coordinates.
    schedule : Schedule
    predicts : "eps" or "v"
    """

    def __init__(self, mlp, schedule, predicts="eps"):
        if predicts not in ("eps", "v"):
            raise ValueError(f'predicts must be "eps" or "v", got {predicts!r}')
        if mlp.widths[0] != mlp.widths[-1] + 1:
            raise ValueError("mlp must have one input more than outputs (the point's coordinates, and the time), "
                             f"got {mlp.widths[0]} inputs and {mlp.widths[-1]} outputs")
        self.mlp = mlp
        self.schedule = schedule
        self.predicts = predicts
        self.skip = np.sqrt(1 - schedule.alpha_bars)[:, None].astype(mlp.params.dtype)      # (T, 1)
        self.gain = np.sqrt(schedule.alpha_bars)[:, None].astype(mlp.params.dtype)
        self.times = (np.arange(schedule.T) / schedule.T).astype(mlp.params.dtype)          # (T,)
        self.t = None

    @property
    def d(self):
        """The number of coordinates of a point."""
        return self.mlp.widths[-1]

    def forward(self, xt, t):
        """xt (n, d), t an int or (n,) ints -> eps_hat (n, d), and keeps what backward needs.

        Raises TypeError or ValueError if xt or t is of the wrong kind or shape, or a level is not there.
        """
        expect_rows("xt", xt, self.d, self.mlp.params.dtype)
        self.t = t = self.schedule.levels(t, xt.shape[:-1])
        inputs = np.empty((len(xt), self.d + 1), xt.dtype)
        self.show(inputs, xt, t)
        return self.combine(xt, t, self.mlp.forward(inputs))

    __call__ = forward

    def backward(self, deps):
        """deps (n, d) -> dxt (n, d); writes the network's gradients. (t is a label: it has no gradient.)"""
        expect_forward_first(self, self.t)
        if self.predicts == "eps":
            return self.mlp.backward(deps)[:, :-1]
        return self.skip[self.t] * deps + self.mlp.backward(self.gain[self.t] * deps)[:, :-1]

    def inference(self, n):
        """The same function for n points at a time and no backward pass, faster: see nn/inference.py."""
        network = Inference(self.mlp, n)

        def denoise(xt, t):
            expect_rows("xt", xt, self.d, self.mlp.params.dtype)
            self.show(network.x, xt, t)
            return self.combine(xt, t, network())
        return denoise

    def show(self, inputs, xt, t):
        """Write what the network is shown, [x_t, t / T], to `inputs` (n, d + 1)."""
        inputs[:, :-1] = xt
        inputs[:, -1] = self.times[t]

    def combine(self, xt, t, F):
        """eps_hat from what the network says."""
        return F if self.predicts == "eps" else self.skip[t] * xt + self.gain[t] * F
