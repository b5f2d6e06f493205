"""beyond/density.py: a density that is normalised, and the perfect denoiser's if all is perfect."""
import numpy as np
import pytest

from scratchdiff.beyond.density import eps_hat_and_slopes, log_density
from scratchdiff.chain.few_steps import Probed, density_is_perfect
from scratchdiff.chain.trained import trained
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
SHORT = Schedule.linear(6, 0.05, 0.5)


def untrained(d):
    network = MLP((d + 1, 8, d), np.random.default_rng(1), SiLU, np.float64)
    return Denoiser(network, SHORT, "v", d)


def perfect(name):
    shape = SHAPES[name]
    return ExactDenoiser(SCHEDULE, shape.grid, shape.standard_width)


def points(name, n):
    """Points of a shape at level 0, and the perfect denoiser's log density there."""
    rng = np.random.default_rng(0)
    x0 = SHAPES[name].draw(n, rng)
    x = SCHEDULE.add_noise(x0, 0, rng.standard_normal(x0.shape))
    return x, perfect(name).log_density(x, 0)


def walk_up(denoiser, x):
    """Heun's method in other words: x / a moves by the change of s / a, times eps_hat."""
    schedule = denoiser.schedule
    a, s = np.sqrt(schedule.alpha_bars), np.sqrt(1 - schedule.alpha_bars)
    for t in range(schedule.T - 1):
        change = s[t + 1] / a[t + 1] - s[t] / a[t]
        slope = denoiser(x, t)
        ahead = a[t + 1] * (x / a[t] + change * slope)
        x = a[t + 1] * (x / a[t] + change * (slope + denoiser(ahead, t + 1)) / 2)
    return x


def test_the_answer_for_a_tangent_is_the_slope_of_eps_hat_along_it():
    """By finite differences. A transposed Jacobian hardly changes a determinant; it shows here."""
    denoiser, h = untrained(3), 1e-5
    moving = np.random.default_rng(0).standard_normal((1 + 3, 5, 3))
    x, *tangents = moving
    eps_hat, *slopes = eps_hat_and_slopes(denoiser, moving, 2)
    assert np.array_equal(eps_hat, denoiser(x, 2))
    for v, slope in zip(tangents, slopes, strict=True):
        expected = (denoiser(x + h * v, 2) - denoiser(x - h * v, 2)) / (2 * h)
        assert np.allclose(slope, expected, rtol=0, atol=1e-8)          # h^2 and 1e-16 / h


@pytest.mark.parametrize("d", [1, 2, 3])
def test_it_is_the_normal_density_times_the_walks_determinant(d):
    """The determinant by finite differences of the walk: h^2 = 1e-10 off, and 1e-16 / h."""
    denoiser, x, h = untrained(d), np.random.default_rng(0).standard_normal((5, d)), 1e-5
    columns = [(walk_up(denoiser, x + h * e) - walk_up(denoiser, x - h * e)) / (2 * h)
               for e in np.eye(d)]
    noise = walk_up(denoiser, x)
    normal = np.exp(-np.sum(noise ** 2, axis=1) / 2) / np.sqrt(2 * np.pi) ** d
    expected = normal * np.abs(np.linalg.det(np.stack(columns, axis=2)))
    assert np.allclose(np.exp(log_density(denoiser, SHORT, x)), expected, rtol=1e-8)


def test_a_density_integrates_to_1():
    """Of an untrained network, on grids of a tenth of a unit: it is smooth over about one unit."""
    line = np.linspace(-8, 8, 161)
    plane = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    for d, grid in [(1, line[:, None]), (2, plane)]:
        p = np.exp(log_density(untrained(d), SHORT, grid))
        assert p.sum() * 0.1 ** d == pytest.approx(1, abs=1e-6)


def test_one_gaussian_by_hand():
    """eps_hat = s x / s_t^2 (measure/exact.py): each step multiplies x by a number."""
    width, d = 0.7, 2
    exact = ExactDenoiser(SCHEDULE, np.zeros((1, d)), width)
    a, s = np.sqrt(SCHEDULE.alpha_bars), np.sqrt(1 - SCHEDULE.alpha_bars)
    slope = s / (s ** 2 + a ** 2 * width ** 2)
    c = 1.0
    for t in range(SCHEDULE.T - 1):
        A, B = a[t + 1] / a[t], s[t + 1] - a[t + 1] * s[t] / a[t]
        c *= A + B * (slope[t] + slope[t + 1] * (A + B * slope[t])) / 2
    x = np.random.default_rng(0).standard_normal((5, d))
    expected = -c ** 2 * np.sum(x ** 2, axis=1) / 2 - np.log(2 * np.pi) + d * np.log(c)
    assert np.allclose(log_density(Probed(exact), SCHEDULE, x), expected, rtol=0, atol=1e-6)


def test_with_the_perfect_denoiser_it_is_the_true_density(measured):
    """On average over 200 points of a circle, and of clouds."""
    assert measured(density_is_perfect).figure < 0.01, "bits per coordinate"


def test_a_networks_density_is_below_the_true_one_on_average():
    """Whatever it has learned: the difference is minus a Kullback-Leibler divergence."""
    x, true = points("circle", 500)
    bits = (log_density(trained().denoiser, SCHEDULE, x.astype(np.float32)) - true) / np.log(2) / 2
    assert -0.1 < bits.mean() < 0, "bits per coordinate"
    assert bits.dtype == np.float64


def test_backward_of_the_perfect_denoiser():
    """Row i of J by `backward`, against its columns by differences of the closed form."""
    exact = ExactDenoiser(SCHEDULE, np.random.default_rng(5).standard_normal((7, 3)), width=0.3)
    probed, x = Probed(exact), np.random.default_rng(0).standard_normal((6, 3))
    for t in (0, 25, 49):
        assert np.array_equal(probed(x, t), exact(x, t))
        rows = [probed.backward(np.tile(e, (6, 1))) for e in np.eye(3)]
        h = 1e-5
        columns = [(exact(x + h * e, t) - exact(x - h * e, t)) / (2 * h) for e in np.eye(3)]
        assert np.allclose(np.stack(rows, 1), np.stack(columns, 2), rtol=0, atol=1e-5)
