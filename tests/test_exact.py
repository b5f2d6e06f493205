"""measure/exact.py: the perfect denoiser, and how good any denoiser could be."""
from functools import cache

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import VARIANCES, Schedule
from scratchdiff.measure import exact as module, neighbourhoods
from scratchdiff.measure.exact import ExactDenoiser, floor_and_excess
from scratchdiff.measure.shapes import COARSEST, SHAPES, SPACING
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
LEVELS = range(SCHEDULE.T)
CIRCLE = SHAPES["circle"]
SOME = np.random.default_rng(5).standard_normal((7, 2))
SOLID = np.random.default_rng(6).standard_normal((5, 3))


def exact_for(name):
    shape = SHAPES[name]
    return ExactDenoiser(SCHEDULE, shape.grid, shape.standard_width)


def pick(points):
    """A function that draws from the rows of `points`."""
    return lambda n, rng: points[rng.integers(len(points), size=n)]


def noisy(t, n=20, draw=CIRCLE.draw):
    rng = np.random.default_rng(t)
    x0 = draw(n, rng)
    eps = rng.standard_normal(x0.shape)
    return SCHEDULE.add_noise(x0, t, eps), eps


def noise_width(t):
    return np.sqrt(1 - SCHEDULE.alpha_bars[t])


# name: (the perfect denoiser, the points around which its clouds lie)
CASES = {
    "circle": (exact_for("circle"), CIRCLE.grid(0.2)),
    "moons": (exact_for("moons"), SHAPES["moons"].grid(0.2)),
    "gaussians": (exact_for("gaussians"), SHAPES["gaussians"].grid(0.2)),
    "points": (ExactDenoiser(SCHEDULE, SOME), SOME),
    "clouds": (ExactDenoiser(SCHEDULE, SOME, width=0.3), SOME),
    "1-D": (ExactDenoiser(SCHEDULE, SOME[:, :1]), SOME[:, :1]),
    "3-D clouds": (ExactDenoiser(SCHEDULE, SOLID, width=0.1), SOLID),
}


@pytest.mark.parametrize("name", CASES)
def test_score_is_the_gradient_of_the_log_density_at_every_level(name):
    exact, points = CASES[name]
    for t in LEVELS:
        xt, _ = noisy(t, draw=pick(points))
        h = 1e-4 * noise_width(t)       # the density bends over a noise width, or more slowly
        differences = np.column_stack([
            exact.log_density(xt + step, t) - exact.log_density(xt - step, t)
            for step in h * np.eye(xt.shape[1])]) / (2 * h)
        score = exact.score(xt, t)
        miss = np.abs(score - differences).max() / np.abs(differences).max()
        assert miss < 1e-6, f"at level {t}: h^2 is 1e-8, rounding 1e-16 / h"
        assert np.allclose(exact(xt, t), -noise_width(t) * score, rtol=1e-12)


def bessel_ratio(kappa):
    """I1(kappa) / I0(kappa), by the midpoint rule on their integrals of exp(kappa cos)."""
    angle = (np.arange(4096) + 0.5) / 4096 * np.pi
    weights = np.exp(kappa[:, None] * (np.cos(angle) - 1))
    return weights @ np.cos(angle) / weights.sum(axis=1)


@pytest.mark.parametrize("t", LEVELS)
def test_circle_in_closed_form(t):
    """The mean of a von Mises distribution: E[x_0 | x_t] = I1(kappa) / I0(kappa) x_t / |x_t|.

    kappa = sqrt(alpha_bar) |x_t| / (1 - alpha_bar).
    """
    xt, _ = noisy(t)
    radius, alpha_bar = np.hypot(*xt.T), SCHEDULE.alpha_bars[t]
    kappa = np.sqrt(alpha_bar) * radius / (1 - alpha_bar)
    mean = (bessel_ratio(kappa) / radius)[:, None] * xt
    eps = (xt - np.sqrt(alpha_bar) * mean) / noise_width(t)
    assert np.abs(exact_for("circle")(xt, t) - eps).max() < 1e-10


@pytest.mark.parametrize("t", [0, 1, 10, 30, 49])
def test_density_integrates_to_1(t):
    exact = ExactDenoiser(SCHEDULE, 0.3 * SOME[:3], width=0.2)
    side = np.linspace(-5, 5, 251)      # 0.04 apart, a fifth of the narrowest cloud's width
    plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    assert np.exp(exact.log_density(plane, t)).sum() * 0.04 ** 2 == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("t", [0, 49])
def test_density_integrates_to_1_on_a_line(t):
    exact = ExactDenoiser(SCHEDULE, 0.3 * SOME[:3, :1], width=0.2)
    line = np.linspace(-5, 5, 251)[:, None]
    assert np.exp(exact.log_density(line, t)).sum() * 0.04 == pytest.approx(1, rel=1e-5)


def test_one_point_by_hand():
    """All the noise is known: eps = (x_t - sqrt(alpha_bar) p) / sqrt(1 - alpha_bar)."""
    p = np.array([[2.0, -1.0]])
    exact = ExactDenoiser(SCHEDULE, p)
    for t in LEVELS:
        xt, eps = noisy(t, draw=pick(p))
        assert np.allclose(exact(xt, t), eps, rtol=0, atol=1e-11)
        assert np.allclose(exact.posterior(xt, t)[1], 0, atol=1e-9)


def test_two_points_by_hand():
    """On a line, at p = 1 and -1: E[x_0 | x_t] = tanh(sqrt(alpha_bar) x_t / (1 - alpha_bar))."""
    exact = ExactDenoiser(SCHEDULE, np.array([[1.0], [-1.0]]))
    for t in LEVELS:
        alpha_bar = SCHEDULE.alpha_bars[t]
        xt, _ = noisy(t, draw=pick(exact.points))
        mean = np.tanh(np.sqrt(alpha_bar) * xt / (1 - alpha_bar))
        eps, variance = exact.posterior(xt, t)
        assert np.allclose(eps, (xt - np.sqrt(alpha_bar) * mean) / noise_width(t), atol=1e-11)
        unknown = alpha_bar / (1 - alpha_bar) * (1 - mean ** 2)
        assert np.allclose(variance, unknown[:, 0], atol=1e-9)


def test_one_gaussian_by_hand():
    """x_0 ~ N(0, w^2): x_t ~ N(0, s^2), s^2 = alpha_bar w^2 + 1 - alpha_bar.

    E[eps | x_t] = sqrt(1 - alpha_bar) x_t / s^2.
    """
    exact = ExactDenoiser(SCHEDULE, np.zeros((1, 2)), width=0.7)
    xt = np.random.default_rng(0).standard_normal((5, 2))
    for t in LEVELS:
        alpha_bar = SCHEDULE.alpha_bars[t]
        s2 = alpha_bar * 0.49 + 1 - alpha_bar
        eps, variance = exact.posterior(xt, t)
        log_density = -np.sum(xt ** 2, axis=1) / (2 * s2) - np.log(2 * np.pi * s2)
        assert np.allclose(eps, np.sqrt(1 - alpha_bar) * xt / s2, rtol=1e-12)
        assert np.allclose(variance, alpha_bar * 0.49 / s2, rtol=1e-12)
        assert np.allclose(exact.log_density(xt, t), log_density, rtol=1e-12)


@cache
@cache
def many(width, n=400_000):
    """Points of clouds of that width, and noise: (n, 2) each."""
    rng = np.random.default_rng(0)
    return (pick(SOME)(n, rng) + width * rng.standard_normal((n, 2)), rng.standard_normal((n, 2)))


@pytest.mark.parametrize("name", ["points", "clouds"])
@pytest.mark.parametrize("t", [25, 35, 49])
def test_it_is_the_mean_and_the_variance_of_the_noise(name, t):
    """By brute force: of many noisy points, the noise in those that fall near one place."""
    exact = CASES[name][0]
    x0, eps = many(exact.width)
    xt = SCHEDULE.add_noise(x0, t, eps)
    place = SCHEDULE.add_noise(SOME[:1], t, np.array([[0.5, -0.5]]))
    near = np.hypot(*(xt - place).T) < 0.15 * noise_width(t)
    assert near.sum() > 300
    guess, variance = exact.posterior(xt[near], t)
    error = eps[near] - guess
    bound = 4 * error.std() / np.sqrt(near.sum()) + 1e-12
    assert np.abs(error.mean(axis=0)).max() < bound, "4 standard errors, and rounding"
    assert np.mean(error ** 2) == pytest.approx(variance.mean(), rel=0.2, abs=1e-9), \
        "over 300 squares have a standard error of 6 %"


@pytest.mark.parametrize("scale", [1e3, 1e8])
def test_far_from_the_data(scale):
    far = scale * np.array([[1.0, 0.0], [-1.0, 1.0]])
    for name in ("circle", "points"):
        exact = CASES[name][0]
        for t in LEVELS:
            assert np.isfinite(exact.log_density(far, t)).all()
            assert np.isfinite(exact.posterior(far, t)[1]).all()
            x0 = far - noise_width(t) * exact(far, t)           # sqrt(alpha_bar) E[x_0 | x_t]
            assert np.abs(x0).max() < 3 + 1e-12 * scale, "a point of the data"


def test_a_level_for_each_row():
    t = np.array([49, 0, 7, 7, 30])
    xt = np.random.default_rng(0).standard_normal((5, 2))
    exact = exact_for("moons")
    methods = exact, exact.score, exact.log_density, lambda xt, t: exact.posterior(xt, t)[1]
    for method in methods:
        rows = np.concatenate([method(xt[i:i + 1], int(t[i])) for i in range(5)])
        assert np.allclose(method(xt, t), rows, rtol=1e-12, atol=1e-14)


def test_no_points_at_all():
    exact, none = exact_for("circle"), np.empty((0, 2))
    for t in (3, np.empty(0, int)):
        assert exact(none, t).shape == exact.score(none, t).shape == (0, 2)
        assert exact.log_density(none, t).shape == (0,)


def test_blocks_change_nothing_and_bound_the_memory(monkeypatch):
    xt, _ = noisy(5, n=33)
    exact, bayes = exact_for("circle"), module.bayes
    whole = exact(xt, 5)
    sizes = []
    monkeypatch.setattr(module, "bayes", lambda x, q, S2, K: sizes.append(len(x) * len(q))
                        or bayes(x, q, S2, K))
    monkeypatch.setattr(neighbourhoods, "CELLS", 500)
    assert np.allclose(exact(xt, 5), whole, rtol=1e-13, atol=1e-15)
    assert len(sizes) > 1 and max(sizes) <= 4 * 500
    monkeypatch.setattr(neighbourhoods, "CELLS", 3)
    assert np.allclose(exact(xt, 5), whole, rtol=1e-13, atol=1e-15), "a row at a time at least"


@pytest.mark.parametrize("t", [0, 1, 5, 49])
@pytest.mark.parametrize("name", ["circle", "gaussians", "checkerboard"])
def test_what_is_far_away_does_not_matter(name, t, monkeypatch):
    """Also to points far from the shape: one on each side, and one in the middle of the circle."""
    xt = np.vstack([noisy(t, 10, SHAPES[name].draw)[0], [[9, 0], [-9, 1], [0, 0], [0.2, 9]]])
    exact, bayes, sizes = exact_for(name), module.bayes, []
    monkeypatch.setattr(neighbourhoods, "CELLS", 10 ** 9)
    whole = exact.mixture(xt, t)
    monkeypatch.setattr(neighbourhoods, "CELLS", 1)
    monkeypatch.setattr(module, "bayes", lambda x, q, S2, K: sizes.append(len(q) / K)
                        or bayes(x, q, S2, K))
    for part, want in zip(exact.mixture(xt, t), whole):
        assert np.allclose(part, want, rtol=1e-12, atol=1e-11), "sums of numbers up to 1e5 round"
    assert np.median(sizes) < 0.3 or name != "checkerboard" or t > 0


def test_a_row_far_from_all_points_may_share_a_piece_with_one_that_is_near(monkeypatch):
    xt, exact = np.array([[0.2, 9.0], [0.2, 0.98]]), exact_for("circle")
    whole = exact.mixture(xt, 0)
    monkeypatch.setattr(neighbourhoods, "CELLS", len(CIRCLE.grid(noise_width(0))))
    for part, want in zip(exact.mixture(xt, 0), whole):
        assert np.allclose(part, want, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("t", [0, 10, 49])
def test_a_grid_is_asked_for_the_noise_of_its_level(t):
    asked = []
    exact = ExactDenoiser(SCHEDULE, lambda width: asked.append(width) or SOME, width=0.02)
    exact(SOME, t)
    alpha_bar = SCHEDULE.alpha_bars[t]
    in_units_of_x0 = np.sqrt((1 - alpha_bar) / alpha_bar + 0.02 ** 2)
    assert asked == [pytest.approx(in_units_of_x0, rel=1e-12)]


FINER = {"circle": 10, "moons": 10, "spiral": 10, "square": 10, "segment": 10, "checkerboard": 3}


def finer(name):
    """The perfect denoiser with a grid ten times as fine; for a region, three times."""
    shape = SHAPES[name]
    return ExactDenoiser(SCHEDULE,
                         lambda width: shape.grid(min(width, COARSEST / SPACING) / FINER[name]),
                         shape.standard_width)


@pytest.mark.parametrize("t", [2, 4, 20])
@pytest.mark.parametrize("name", FINER)
def test_how_much_the_grid_misses(name, t):
    """Near ends, corners and edges nothing lies beyond, and the sum over a grid is less exact.

    Over 1000 points at each of the 50 levels, eps* was off by up to 0.1, and by 0.0009 to 0.003
    rms. The worst levels are 1 to 4, with 0.003 to 0.01 rms. The floor came out too low, by 0.00005
    to 0.0005 on average over the levels and up to 0.003 at one of them. The circle has no ends.
    """
    xt, _ = noisy(t, 200, SHAPES[name].draw)
    (eps, variance), (its_eps, its_variance) = (
        exact.posterior(xt, t) for exact in (exact_for(name), finer(name)))
    worst, rms = np.abs(eps - its_eps).max(), np.sqrt(np.mean((eps - its_eps) ** 2))
    too_low = its_variance.mean() - variance.mean()
    if name == "circle":
        assert worst < 1e-10 and abs(too_low) < 1e-10, "as in closed form"
    else:
        assert worst < 0.15 and rms < (0.015 if t < 10 else 0.0015) and 0 < too_low < 0.004


def test_the_grid_misses_nothing_far_from_the_ends():
    """8 noise widths from both ends of the segment, an end weighs exp(-8^2 / 2) = 1e-14."""
    t, segment = 2, SHAPES["segment"]
    width = noise_width(t) / np.sqrt(SCHEDULE.alpha_bars[t])
    start, end = segment.standard.forth(segment.place(np.array([[0.0], [1.0]])))
    xt, _ = noisy(t, 2000, segment.draw)
    along = (xt - start) @ (end - start) / np.sum((end - start) ** 2)
    margin = 8 * width / np.hypot(*(end - start))
    inside = xt[(along > margin) & (along < 1 - margin)]
    assert len(inside) > 200
    assert np.abs(exact_for("segment")(inside, t) - finer("segment")(inside, t)).max() < 1e-11


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_guess_has_the_dtype_of_the_point(dtype):
    exact, x = exact_for("circle"), np.ones((2, 2), dtype)
    assert exact(x, 3).dtype == exact(x, np.array([3, 4])).dtype == dtype
    assert exact.score(x, 3).dtype == exact.log_density(x, 3).dtype == np.float64


def test_the_floor_of_the_circle():
    """0.3238 +- 0.001. At the first level it is a half: the noise along the circle is unknown."""
    exact = exact_for("circle")
    floor, _ = floor_and_excess(exact, exact, CIRCLE.draw, np.random.default_rng(0), 1000)
    assert floor.shape == (50,) and floor.mean() == pytest.approx(0.3238, abs=1e-3)
    assert floor[0] == pytest.approx(0.5, abs=1e-3) and floor[-1] < 0.1


@cache
def half_of_moons():
    """(floor, excess) on the moons of a denoiser that says half the noise that it should."""
    exact = exact_for("moons")
    return floor_and_excess(lambda xt, t: 0.5 * exact(xt, t), exact, SHAPES["moons"].draw,
                            np.random.default_rng(0))


def test_the_floor_is_the_loss_of_the_perfect_denoiser():
    exact, n = exact_for("moons"), 4000
    floor, _ = half_of_moons()
    for t in (0, 20, 49):
        xt, eps = noisy(t, n, SHAPES["moons"].draw)
        squares = np.mean((exact(xt, t) - eps) ** 2, axis=1)
        error = squares.std() * np.sqrt(1 / n + 1 / 1000)
        assert floor[t] == pytest.approx(squares.mean(), abs=5 * error), "5 standard errors"


def test_the_perfect_denoiser_has_no_excess_and_others_have_theirs():
    exact = exact_for("circle")

    def excess(denoiser, dtype=np.float64):
        rng = np.random.default_rng(0)
        return floor_and_excess(denoiser, exact, CIRCLE.draw, rng, 50, dtype)[1]
    assert excess(exact).max() == 0
    off = excess(lambda xt, t: exact(xt, t) + 0.01 * (t + 1))
    assert off == pytest.approx([(0.01 * (t + 1)) ** 2 for t in LEVELS], rel=1e-9)
    network = Denoiser(MLP((3, 8, 2), np.random.default_rng(0)), SCHEDULE)
    assert excess(network, np.float32).shape == (50,)


def test_floor_and_excess_add_up_to_the_loss():
    """For a denoiser that is far from perfect."""
    exact, n = exact_for("moons"), 5000
    floor, excess = half_of_moons()
    for t in (5, 30):
        xt, eps = noisy(t, n, SHAPES["moons"].draw)
        squares = np.mean((0.5 * exact(xt, t) - eps) ** 2, axis=1)
        error = squares.std() * np.sqrt(1 / n + 1 / 1000)
        assert floor[t] + excess[t] == pytest.approx(squares.mean(), abs=5 * error)


@pytest.mark.parametrize("variance", VARIANCES)
def test_the_sampler_with_the_perfect_denoiser_lands_on_the_circle(variance):
    x, rng = np.random.default_rng(0).standard_normal((500, 2)), np.random.default_rng(1)
    *_, points = reverse_process(exact_for("circle"), SCHEDULE, x, rng, variance)
    radius = np.hypot(*points.T)
    assert abs(radius.mean() - 1) < 1e-4 and radius.std() < 1e-5


@pytest.mark.parametrize("width", [-1, np.nan, np.inf])
def test_a_width_that_makes_no_sense_is_named(width):
    with pytest.raises(ValueError, match=f"width must be finite and not negative, got {width}"):
        ExactDenoiser(SCHEDULE, SOME, width)


def test_misuse_is_named():
    message = r"points must have shape \(K, d\) with K at least 1, got \(0, 2\)"
    with pytest.raises(ValueError, match=message):
        ExactDenoiser(SCHEDULE, np.empty((0, 2)))
    with pytest.raises(ValueError, match=r"points must have shape \(K, d\), got \(2,\)"):
        ExactDenoiser(SCHEDULE, np.ones(2))
    with pytest.raises(TypeError, match="points must be a NumPy array of floats, got list"):
        ExactDenoiser(SCHEDULE, [[1.0, 2.0]])
    exact = exact_for("circle")
    with pytest.raises(TypeError, match="xt must be a NumPy array of floats, got list"):
        exact([[1.0, 2.0]], 0)
    with pytest.raises(ValueError, match="t must be from 0 to 49, got 50 to 50"):
        exact(SOME, 50)
    with pytest.raises(ValueError, match=r"t must be one int or have shape \(7,\)"):
        exact(SOME, np.array([1, 2]))
    for t in (0, np.zeros(4, int)):
        with pytest.raises(ValueError, match=r"xt must have shape \(n, 2\), got \(4, 3\)"):
            exact(np.ones((4, 3)), t)
