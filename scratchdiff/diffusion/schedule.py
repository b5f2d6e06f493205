"""The noise schedule: how much of a point is left, and how much noise is in it, at each level."""
import numpy as np

from scratchdiff.nn.expect import chosen, expect_levels, expect_pair, fractions


class Schedule:
    """T noise levels, from t = 0, the least noisy, to t = T - 1 (Ho et al. 2020, section 2).

    One step of noise shrinks a point by sqrt(1 - beta_t) and adds noise of variance beta_t. All
    steps up to level t shrink it by sqrt(alpha_bar_t) and add noise of variance 1 - alpha_bar_t:
        alpha_t = 1 - beta_t,    alpha_bar_t = alpha_0 alpha_1 ... alpha_t
    Why 1 - alpha_bar_t? If the variance was 1 - alpha_bar_{t-1} before step t, the step multiplies
    that by alpha_t and adds beta_t: alpha_t (1 - alpha_bar_{t-1}) + beta_t = 1 - alpha_bar_t.

    x_0 is always the clean point. It is not the point at level 0, which already has one step of
    noise in it: the papers count levels from 1, we count from 0. So a step back from level 0 leads
    to x_0, and alpha_bar_{-1} is 1.

    The walk back begins with pure noise, so the noisiest level should be nearly that. With the
    tutorial's betas it is 0.27 x_0 + 0.96 eps.

    Parameters
    ----------
    betas : sequence of T floats, each above 0 and below 1; anything else raises ValueError

    Attributes
    ----------
    T : int
    betas, alphas, alpha_bars : (T,) float64
    """

    def __init__(self, betas):
        self.betas = fractions("betas", betas)
        self.T = len(self.betas)
        self.alphas = 1 - self.betas
        self.alpha_bars = np.cumprod(self.alphas)

    @classmethod
    def linear(cls, T=50, first=1e-4, last=0.1):
        """Betas evenly spaced from `first` to `last`. The defaults are the PyTorch tutorial's."""
        return cls(np.linspace(first, last, T))

    @classmethod
    def of_alpha_bars(cls, alpha_bars):
        """The schedule with these alpha_bars, falling: alpha_t = alpha_bar_t / alpha_bar_{t-1}."""
        return cls(1 - alpha_bars / np.append(1.0, alpha_bars[:-1]))

    def add_noise(self, x0, t, eps):
        """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps: all steps up to t at once.

        That is eq. 4. x0, eps (..., d) floats, t an int or (...) ints -> x_t (..., d).
        """
        expect_pair("x0", x0, "eps", eps)
        t = expect_levels(t, x0.shape[:-1], self.T)
        signal = np.sqrt(self.alpha_bars).astype(x0.dtype)[t]           # (n,), or () for one t
        noise = np.sqrt(1 - self.alpha_bars).astype(x0.dtype)[t]
        return signal[..., None] * x0 + noise[..., None] * eps

    def variance(self, t, kind="posterior"):
        """sigma_t^2, the variance of the fresh noise in the reverse step at level t, an int.

        `kind` is a name of VARIANCES. At t = 0 it is 0: the last step ends on the point itself
        (algorithm 2).
        """
        variance_at = chosen("the variance", kind, VARIANCES)
        expect_levels(t, (), self.T)
        return float(variance_at(self, t)) if t > 0 else 0.0


def beta_variance(schedule, t):
    """beta_t: as much as the forward step added.

    That is right if x_0 is standard normal. Then so is x_{t-1}, and given
    x_t = sqrt(alpha_t) x_{t-1} + sqrt(beta_t) eps its variance is 1 - alpha_t = beta_t.
    """
    return schedule.betas[t]


def posterior_variance(schedule, t):
    """beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t): the variance of x_{t-1} given x_t and x_0.

    This is eq. 7, for t from 1 up. The noise in x_t is a sum s = e + r: step t added e, and r is
    the older noise. e has variance b = beta_t, and s has variance V = 1 - alpha_bar_t. If we know
    x_t and x_0, we know s. What does that say about e?

    e and r are independent Gaussians of mean 0. So e is, on average, the share b / V of s:
        E[e | s] = (b/V) s,    var(e | s) = b (1 - b/V)
    To see it, look at what the share leaves over, e - (b/V) s. Its covariance with s is
    b - (b/V) V = 0, and uncorrelated Gaussians are independent: s tells nothing about it. Its
    variance is b - 2 (b/V) b + (b/V)^2 V = b (1 - b/V).

    Since V - b = alpha_t (1 - alpha_bar_{t-1}),
        var(e | s) = beta_t alpha_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t)
    The step back divides x_t by sqrt(alpha_t), which divides the variance by alpha_t.
    """
    return schedule.betas[t] * (1 - schedule.alpha_bars[t - 1]) / (1 - schedule.alpha_bars[t])


def mixed_variance(schedule, t):
    """beta_t where there is much noise, and the posterior variance where there is little.

    The posterior variance is right if we know x_0, beta_t if x_0 could be anywhere (Ho et al. 2020,
    section 3.2). Much noise hides x_0, and little noise shows where it is. With the posterior
    variance at every level, clouds of points come out some 5 % too narrow; with beta_t, edges come
    out blurred. Between noise of size 0.1 and 0.3, it hardly matters where we change over.
    """
    much = 1 - schedule.alpha_bars[t] > 0.2 ** 2
    return beta_variance(schedule, t) if much else posterior_variance(schedule, t)


VARIANCES = {"posterior": posterior_variance, "beta": beta_variance, "mixed": mixed_variance}
