"""The noise schedule: how much of a point is left, and how much noise is in it, at each of T levels."""
import numpy as np

from scratchdiff.nn.expect import expect_floats, expect_shape


class Schedule:
    """T noise levels, from t = 0, the least noisy, to t = T - 1, the noisiest (Ho et al. 2020, section 2).

    One step of noise shrinks a point by sqrt(1 - beta_t) and adds noise of variance beta_t. All the steps up to
    level t together shrink it by sqrt(alpha_bar_t) and add noise of variance 1 - alpha_bar_t, where
        alpha_t = 1 - beta_t,    alpha_bar_t = alpha_0 alpha_1 ... alpha_t
    (Of the noise's variance before step t, alpha_t is left: alpha_t (1 - alpha_bar_{t-1}) + beta_t = 1 - alpha_bar_t.)

    x_0 always means the clean point, and never the point at level 0, which has one step of noise in it already: the
    papers count levels from 1, we from 0. So a step back from level 0 leads to x_0, and alpha_bar_{-1} is 1.

    The noisiest level should be nearly pure noise, for that is where the way back begins. With the tutorial's betas
    0.27 of a point is still left there, sqrt(alpha_bar_49). What it costs to neglect that is in the perfect
    denoiser's radius.

    Parameters
    ----------
    betas : sequence of T floats
        Each above 0 and below 1; anything else raises ValueError.

    Attributes
    ----------
    T : int
    betas, alphas, alpha_bars : (T,) float64
    """

    def __init__(self, betas):
        betas = np.array(betas, dtype=np.float64)
        if betas.ndim != 1 or not len(betas) or not np.all((0 < betas) & (betas < 1)):
            raise ValueError(f"betas must be a row of numbers above 0 and below 1, got {betas}")
        self.T = len(betas)
        self.betas = betas
        self.alphas = 1 - betas
        self.alpha_bars = np.cumprod(self.alphas)

    @classmethod
    def linear(cls, T=50, first=1e-4, last=0.1):
        """Betas evenly spaced from `first` to `last`; those of the PyTorch tutorial unless given."""
        return cls(np.linspace(first, last, T))

    def levels(self, t, shape):
        """`t` as an index into the schedule's tables: an int, or an array of n ints, each from 0 to T - 1.

        Raises TypeError for anything but whole numbers, ValueError for a wrong shape or a level that is not there.
        """
        t = np.asarray(t)
        if t.dtype.kind not in "iu":
            raise TypeError(f"t must be an int or an array of ints, got {t.dtype}")
        if t.shape not in [(), shape]:
            raise ValueError(f"t must be one int or have shape {shape}, one for each point, got {t.shape}")
        if t.size and (t.min() < 0 or t.max() >= self.T):
            raise ValueError(f"t must be from 0 to {self.T - 1}, got {t.min()} to {t.max()}")
        return t

    def add_noise(self, x0, t, eps):
        """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps: all the steps up to t at once (eq. 4).

        x0, eps (..., d) floats, t an int or (...) ints -> x_t (..., d), of the dtype of x0.
        """
        expect_floats("x0", x0)
        expect_shape("eps", eps, x0.shape)
        t = self.levels(t, x0.shape[:-1])
        signal = np.sqrt(self.alpha_bars).astype(x0.dtype)[t]               # (n,), or () for one t
        noise = np.sqrt(1 - self.alpha_bars).astype(x0.dtype)[t]
        return signal[..., None] * x0 + noise[..., None] * eps

    def variance(self, t, kind="posterior"):
        """sigma_t^2, the variance of the noise that the reverse step at level t adds back.

        "beta"       beta_t, what the forward step added
        "posterior"  beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), the variance of x_{t-1} when x_t and x_0 are
                     both known (eq. 7); always less

        The second: given the whole noise, of variance V = 1 - alpha_bar_t, the part that step t put in still varies
        by beta_t (1 - beta_t / V), and V - beta_t = alpha_t (1 - alpha_bar_{t-1}). Undoing the shrinking divides by
        alpha_t.

        At t = 0 it is 0 for both: the last step ends on the point itself (algorithm 2).
        """
        if kind not in ("beta", "posterior"):
            raise ValueError(f'the variance must be "beta" or "posterior", got {kind!r}')
        if not 0 <= t < self.T:         # not by `levels`: for one int, at every step of a walk, that costs too much
            raise ValueError(f"t must be from 0 to {self.T - 1}, got {t}")
        if t == 0:
            return 0.0
        if kind == "beta":
            return float(self.betas[t])
        return float(self.betas[t] * (1 - self.alpha_bars[t - 1]) / (1 - self.alpha_bars[t]))
