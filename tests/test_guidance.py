"""beyond/guidance.py: the formula, its meaning for densities, and that samplers take it."""
import numpy as np
import pytest

from scratchdiff.beyond.guidance import Guided
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.inference import faster
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
RNG = np.random.default_rng(0)
DENOISER = Denoiser(MLP((2 + 1 + 3, 8, 2), RNG, SiLU, np.float64), SCHEDULE, "v", columns=3)
XT, T = RNG.standard_normal((6, 2)), RNG.integers(50, size=6)
PROMPT = np.array([1.0, 0.0, 1.0])
WITH, WITHOUT = (DENOISER(XT, T, np.tile(c, (6, 1))) for c in (PROMPT, np.zeros(3)))


def test_w_0_is_the_denoiser_with_the_prompt_and_minus_1_without():
    assert not np.allclose(WITH, WITHOUT)
    assert np.array_equal(Guided(DENOISER, PROMPT, 0)(XT, T), WITH), "bit for bit"
    assert np.array_equal(Guided(DENOISER, PROMPT, -1)(XT, T), WITHOUT), "bit for bit"


@pytest.mark.parametrize("w", [-0.5, 1, 4.0])
def test_any_w_is_on_the_line_through_the_two(w):
    want = WITHOUT + (1 + w) * (WITH - WITHOUT)
    assert np.allclose(Guided(DENOISER, PROMPT, w)(XT, T), want, rtol=0, atol=1e-13)     # rounding


def test_one_prompt_for_all_or_one_for_each():
    other = np.array([0.0, 1.0, 0.0])
    both = Guided(DENOISER, np.stack([PROMPT, other] * 3), 2)(XT, T)
    assert np.array_equal(both[::2], Guided(DENOISER, PROMPT, 2)(XT[::2], T[::2]))
    assert np.array_equal(both[1::2], Guided(DENOISER, other, 2)(XT[1::2], T[1::2]))


def test_a_step_climbs_the_density_times_the_power_of_how_true_the_prompt_is():
    """With perfect denoisers the guided one is the score of p(x | prompt) p(prompt | x)^w."""
    points = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    all_of_them, first_two = ExactDenoiser(SCHEDULE, points), ExactDenoiser(SCHEDULE, points[:2])
    t, w, h = 30, 1.5, 1e-5

    def log_p(x):
        conditional = first_two.log_density(x, t)
        true = conditional + np.log(2 / 3) - all_of_them.log_density(x, t)          # Bayes' rule
        return conditional + w * true

    def exact(x, t, c):
        return first_two(x, t) if c.any() else all_of_them(x, t)

    score = np.stack([log_p(XT + h * e) - log_p(XT - h * e) for e in np.eye(2)], axis=1) / (2 * h)
    eps_hat = Guided(exact, PROMPT, w)(XT, t)
    # the differences are wrong by h^2 = 1e-10 times a third derivative, and by rounding: 1e-16 / h
    assert np.allclose(eps_hat, -np.sqrt(1 - SCHEDULE.alpha_bars[t]) * score, rtol=0, atol=1e-8)


def test_samplers_and_the_fast_twin_take_it_for_any_denoiser():
    guided = Guided(DENOISER, PROMPT, 1.0)
    assert guided.schedule is SCHEDULE and guided.denoiser is DENOISER
    plain = list(reverse_process(guided, SCHEDULE, XT, np.random.default_rng(1)))
    quick = list(reverse_process(faster(guided, 6), SCHEDULE, XT, np.random.default_rng(1)))
    assert len(plain) == 50
    assert np.allclose(plain[-1], quick[-1], rtol=1e-9)     # rounding, which 50 steps may enlarge
    assert guided.denoiser is DENOISER, "the twin is another object"


@pytest.mark.parametrize("w", [np.nan, np.inf])
def test_w_is_a_finite_number(w):
    with pytest.raises(ValueError, match="w must be a finite number"):
        Guided(DENOISER, PROMPT, w)
