"""The noise schedule: how much of a point is left, and how much noise is in it, at each level."""
import numpy as np

from scratchdiff.nn.expect import chosen, expect_levels, expect_pair, fractions


class Schedule:
    """T noise levels, from t = 0, the least noisy, to t = T - 1 (Ho et al. 2020, section 2).

    One step of noise multiplies a point by sqrt(1 - beta_t), so the point shrinks, and adds noise
    of variance beta_t. All steps up to level t multiply it by sqrt(alpha_bar_t), and add noise of
    variance 1 - alpha_bar_t in all:
        alpha_t = 1 - beta_t,    alpha_bar_t = alpha_0 alpha_1 ... alpha_t
    Why 1 - alpha_bar_t? Before step 0 there is no noise (let alpha_bar_{-1} be 1). Say the variance
    is 1 - alpha_bar_{t-1} before step t. The step multiplies the noise by sqrt(alpha_t), so its
    variance by alpha_t, and adds beta_t, which makes
        alpha_t (1 - alpha_bar_{t-1}) + beta_t = alpha_t - alpha_bar_t + beta_t = 1 - alpha_bar_t
    A sum of independent Gaussians is Gaussian too, so a single draw of eps can replace the noises
    of all steps.

    Beware: x_0 is always the clean point. The papers count levels from 1, and we count from 0. So
    the point at level 0 is not x_0, because it has one step of noise in it. A step back from level
    0 leads to x_0.

    The walk back starts from pure noise, so the noisiest level should be nearly pure noise. With
    the betas of `linear` it is 0.27 x_0 + 0.96 eps. If each step adds fresh noise, the walk soon
    forgets that it started without the 0.27 x_0. A walk without fresh noise does not forget: see
    beyond/few_steps.py.

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
    def squares(cls, T=50, first=4e-4, last=0.25):
        """Betas whose square roots are evenly spaced from that of `first` to that of `last`.

        Stable Diffusion's betas are of this kind. Compared with `linear`, the steps are smaller
        where there is little noise. And the noisiest level is 0.09 x_0 + 0.996 eps, which is nearly
        pure noise even if the mean of x_0 is not 0. With a prompt, that mean is seldom 0.
        """
        return cls(np.linspace(np.sqrt(first), np.sqrt(last), T) ** 2)

    @classmethod
    def of_alpha_bars(cls, alpha_bars):
        """The schedule with these falling alpha_bars: alpha_t = alpha_bar_t / alpha_bar_{t-1}."""
        return cls(1 - alpha_bars / np.append(1.0, alpha_bars[:-1]))

    def add_noise(self, x0, t, eps):
        """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps: all steps up to t at once.

        x0, eps (..., d) floats, t an int or (...) ints -> x_t (..., d) (Ho et al. 2020, eq. 4).
        """
        expect_pair("x0", x0, "eps", eps)
        t = expect_levels(t, x0.shape[:-1], self.T)
        signal = np.sqrt(self.alpha_bars).astype(x0.dtype)[t]           # (...), like t
        noise = np.sqrt(1 - self.alpha_bars).astype(x0.dtype)[t]
        return signal[..., None] * x0 + noise[..., None] * eps

    def variance(self, t, kind="posterior"):
        """sigma_t^2, the variance of the fresh noise in the reverse step at level t, an int.

        (Leave this, and the functions below, until you have read sampling.py.)

        `kind` is a name of VARIANCES. At t = 0 the variance is 0: the last step adds no noise
        (Ho et al. 2020, algorithm 2).
        """
        variance_at = chosen("the variance", kind, VARIANCES)
        expect_levels(t, (), self.T)
        return float(variance_at(self, t)) if t > 0 else 0.0


def beta_variance(schedule, t):
    """beta_t: as much as the forward step added.

    This is right if x_0 is standard normal. Take one coordinate. (For numbers of mean 0, the
    covariance of two is the mean of their product.) Then x_{t-1} and x_t are standard normal too.
    Since x_t = sqrt(alpha_t) x_{t-1} + new noise, their covariance is sqrt(alpha_t). Subtract
    sqrt(alpha_t) x_t from x_{t-1}. What is left has covariance 0 with x_t. For sums of the same
    Gaussians, covariance 0 means independent. So x_t tells nothing about the rest, and the variance
    of the rest is 1 - alpha_t = beta_t.
    """
    return schedule.betas[t]


def posterior_variance(schedule, t):
    """beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t): the variance of x_{t-1} given x_t and x_0.

    "Posterior" means: after we know x_t and x_0. E[ | ] and var( | ) are the mean and the variance
    over all cases in which what stands after the bar is known.

    This is eq. 7 of Ho et al. 2020, for t from 1 up. The noise in x_t is a sum n = e + r: step t
    added e, and r is the older noise. e has variance b = beta_t, and n has variance
    V = 1 - alpha_bar_t. If we know x_t and x_0, we know n = x_t - sqrt(alpha_bar_t) x_0. What does
    n tell about e?

    e has the share b / V of the variance of n. So on average, e is that same share of n. (If e and
    r are equally wide and their sum is 4, the likeliest split is 2 and 2.)
        E[e | n] = (b/V) n,    var(e | n) = b (1 - b/V)
    Why is (b/V) n the average? Look at the rest, e - (b/V) n. The covariance of e with n = e + r is
    b, so that of the rest with n is b - (b/V) V = 0. As above, n tells nothing about the rest. The
    rest has mean 0, and its variance is b - 2 (b/V) b + (b/V)^2 V = b (1 - b/V). (At level 25 the
    share b/V is 0.051 / 0.49, a tenth. At level 1 it is 96 %: nearly all noise is new.)

    Since V - b = alpha_t (1 - alpha_bar_{t-1}),
        var(e | n) = beta_t alpha_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t)
    Step t made x_t = sqrt(alpha_t) x_{t-1} + e, so x_{t-1} = (x_t - e) / sqrt(alpha_t). Once x_t is
    known, only e is uncertain. So the variance of x_{t-1} is var(e | n) / alpha_t.
    """
    return schedule.betas[t] * (1 - schedule.alpha_bars[t - 1]) / (1 - schedule.alpha_bars[t])


def mixed_variance(schedule, t):
    """beta_t, but the posterior variance at the levels up to T / 10.

    The posterior variance is right if we know x_0. beta_t is right if all we know is that x_0 is
    standard normal (Ho et al. 2020, section 3.2). Strong noise hides x_0. Under weak noise, x_t
    shows where x_0 is. With the posterior variance at every level, clouds of points come out about
    5 % too narrow. With beta_t, edges come out blurred. A few last steps with less fresh noise make
    them sharp. The noise has a size below 0.2 there if the schedule is `linear`, and below 0.13 if
    it is `squares`.
    """
    strong = t > schedule.T / 10
    return beta_variance(schedule, t) if strong else posterior_variance(schedule, t)


VARIANCES = {"posterior": posterior_variance, "beta": beta_variance, "mixed": mixed_variance}
SCHEDULES = {"linear": Schedule.linear, "squares": Schedule.squares}
