"""Whether a finite difference can be trusted, and what to do if it disagrees with backward.

Usually the slope from the steps h and h / 2 agrees with backward, and that settles it. If it
disagrees, either backward is wrong or the slope is: the output may bend sharply, have a kink, or be
so large that its rounding hides the change. Then ladder.py tries many steps.
"""
import numpy as np

from scratchdiff.nn.checker.ladder import EPS, KINK, Slope, bend, ladder

ROUNDING = 8            # times EPS |f| / h. If f is rounded once, a slope is off by at most 1.5
CLOSE = 10              # backward agrees if the gap is at most a tenth of the tolerance
HIDDEN = 1e-10          # a smaller gap may be rounding inside f, which the size of f does not show
DOUBLINGS = 11          # from h up to the largest step, which is about 2 max(|x|, 1)
SPACINGS = 64           # the smallest step is at least this many spacings of float64 at x


def settled(entry, h, slopes, tolerance):
    """The Slope of an Entry (subject.py). `slopes` (outputs,) come from the steps h and h / 2.

    If backward agrees with `slopes`, their sum is the answer. If not, nine steps around h usually
    show that backward is wrong. If a doubt is left, as near a kink, all steps are tried.
    """
    f, x, claim = entry.f, entry.x, entry.claim
    difference = slopes.sum()
    gap, rounding = abs(claim - difference), ROUNDING * EPS * np.abs(f(x)).sum() / h
    agrees = gap + rounding <= tolerance / CLOSE * max(abs(claim), entry.least)
    if agrees and is_smooth(f, x, h, slopes, rounding):
        return Slope(difference, rounding, 0, abs(difference))

    steps = all_steps(x, h)
    few = ladder(f, x, steps[DOUBLINGS - 4:DOUBLINGS + 5])              # from 16 h to h / 16
    clear = few.resolution < tolerance / CLOSE * abs(few.difference) and few.jump == 0
    if clear and abs(claim - few.difference) > HIDDEN:
        return few
    best = ladder(f, x, steps)
    if best.difference == 0 and gap < abs(claim) / 100:     # all is rounding: x + 1e10 - 1e10
        return Slope(difference, abs(claim), 0, abs(difference))
    return best


def is_smooth(f, x, h, slopes, rounding):
    """Whether f has no kink at x: the slopes on the two sides of x agree.

    For a smooth f, a bend is proportional to h, up to terms in h^3. So twice the bend for h / 2
    minus the bend for h is nearly 0.
    """
    jumps = 2 * bend(f, x, h / 2) - bend(f, x, h)
    return np.abs(jumps).sum() <= KINK * np.abs(slopes).sum() + 4 * rounding


def all_steps(x, h):
    """Steps that fall by halves, from 2^11 h down to 1e-9, or to 1e-9 |x| if |x| is below 1.

    They end earlier where the spacing of float64 is too coarse.
    """
    smallest = max(1e-9 * min(abs(x) or 1, 1), SPACINGS * np.spacing(abs(x)))
    return h * 2.0 ** np.arange(DOUBLINGS, np.log2(smallest / h), -1)
