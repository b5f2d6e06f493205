"""diffusion/exact.py: the perfect denoiser, its own derivative, and what it says of the best that can be had."""
import numpy as np
import pytest

from scratchdiff.measure import exact as module
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.measure.exact import ExactDenoiser, floor_and_excess
from scratchdiff.diffusion.sampling import sample
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.measure.shapes import SHAPES
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
LEVELS = range(SCHEDULE.T)
CIRCLE = SHAPES["circle"]
SOME = np.random.default_rng(5).standard_normal((7, 2))


def exact_for(name):
    shape = SHAPES[name]
    return ExactDenoiser(SCHEDULE, shape.grid, shape.standard_width)


def noisy(t, n=20, draw=CIRCLE.draw):
    rng = np.random.default_rng(t)
    x0 = draw(n, rng)
    eps = rng.standard_normal(x0.shape)
    return SCHEDULE.add_noise(x0, t, eps), eps


CASES = [exact_for("circle"), exact_for("moons"), exact_for("gaussians"), ExactDenoiser(SCHEDULE, SOME),
         ExactDenoiser(SCHEDULE, SOME, width=0.3), ExactDenoiser(SCHEDULE, SOME[:, :1]),
         ExactDenoiser(SCHEDULE, np.random.default_rng(6).standard_normal((5, 3)), width=0.1)]


@pytest.mark.parametrize("exact", CASES, ids=["circle", "moons", "gaussians", "points", "clouds", "1-D", "3-D clouds"])
def test_score_is_the_gradient_of_the_log_density_at_every_level(exact):
    d = exact.grid(0.1).shape[1]
    for t in LEVELS:
        xt, _ = noisy(t, draw=lambda n, rng: exact.grid(0.1)[rng.integers(len(exact.grid(0.1)), size=n)])
        h = 1e-4 * np.sqrt(1 - SCHEDULE.alpha_bars[t])      # the density bends over the width of the noise, or more slowly
        differences = np.column_stack([(exact.log_density(xt + step, t) - exact.log_density(xt - step, t)) / (2 * h)
                                       for step in h * np.eye(d)])
        score = exact.score(xt, t)
        assert np.abs(score - differences).max() < 1e-6 * np.abs(differences).max(), f"at level {t}"
        assert np.allclose(exact(xt, t), -np.sqrt(1 - SCHEDULE.alpha_bars[t]) * score, rtol=1e-12)


def bessel_ratio(kappa):
    """I1(kappa) / I0(kappa), by the trapezoid rule on their integrals of exp(kappa cos) cos and exp(kappa cos)."""
    angle = (np.arange(4096) + 0.5) / 4096 * np.pi
    weights = np.exp(kappa[:, None] * (np.cos(angle) - 1))
    return weights @ np.cos(angle) / weights.sum(axis=1)


@pytest.mark.parametrize("t", LEVELS)
def test_circle_in_closed_form(t):
    """E[x_0 | x_t] = I1(kappa) / I0(kappa) x_t / |x_t|, kappa = sqrt(alpha_bar) |x_t| / (1 - alpha_bar): von Mises' mean."""
    xt, _ = noisy(t)
    radius, alpha_bar = np.hypot(*xt.T), SCHEDULE.alpha_bars[t]
    mean = (bessel_ratio(np.sqrt(alpha_bar) * radius / (1 - alpha_bar)) / radius)[:, None] * xt
    eps = (xt - np.sqrt(alpha_bar) * mean) / np.sqrt(1 - alpha_bar)
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
    assert np.exp(exact.log_density(np.linspace(-5, 5, 251)[:, None], t)).sum() * 0.04 == pytest.approx(1, rel=1e-5)


def test_one_point_by_hand():
    """All the noise is known: eps = (x_t - sqrt(alpha_bar) p) / sqrt(1 - alpha_bar), and nothing is left to chance."""
    p = np.array([[2.0, -1.0]])
    exact = ExactDenoiser(SCHEDULE, p)
    for t in LEVELS:
        xt, eps = noisy(t, draw=lambda n, rng: np.repeat(p, n, axis=0))
        assert np.allclose(exact(xt, t), eps, rtol=0, atol=1e-11)
        assert np.allclose(exact.posterior(xt, t)[1], 0, atol=1e-9)


def test_one_gaussian_by_hand():
    """x_0 ~ N(0, w^2): x_t ~ N(0, s^2), s^2 = alpha_bar w^2 + 1 - alpha_bar; E[eps | x_t] = sqrt(1 - alpha_bar) x_t / s^2."""
    exact = ExactDenoiser(SCHEDULE, np.zeros((1, 2)), width=0.7)
    xt = np.random.default_rng(0).standard_normal((5, 2))
    for t in LEVELS:
        alpha_bar = SCHEDULE.alpha_bars[t]
        s2 = alpha_bar * 0.49 + 1 - alpha_bar
        assert np.allclose(exact(xt, t), np.sqrt(1 - alpha_bar) * xt / s2, rtol=1e-12)
        assert np.allclose(exact.posterior(xt, t)[1], alpha_bar * 0.49 / s2, rtol=1e-12)
        assert np.allclose(exact.log_density(xt, t), -np.sum(xt ** 2, axis=1) / (2 * s2) - np.log(2 * np.pi * s2), rtol=1e-12)


@pytest.mark.parametrize("exact", [ExactDenoiser(SCHEDULE, SOME), ExactDenoiser(SCHEDULE, SOME, width=0.3)])
@pytest.mark.parametrize("t", [25, 35, 49])
def test_it_is_the_mean_and_the_variance_of_the_noise(exact, t):
    """By brute force: many noisy points that fall near one place, and the noise in each, weighted by how near."""
    n = 400_000
    rng = np.random.default_rng(0)
    x0 = SOME[rng.integers(len(SOME), size=n)] + exact.width * rng.standard_normal((n, 2))
    eps = rng.standard_normal((n, 2))
    xt = SCHEDULE.add_noise(x0, t, eps)
    place = SCHEDULE.add_noise(SOME[:1], t, np.array([[0.5, -0.5]]))
    near = np.hypot(*(xt - place).T) < 0.15 * np.sqrt(1 - SCHEDULE.alpha_bars[t])
    assert near.sum() > 300
    guess = exact(xt[near], t)
    error = eps[near] - guess
    assert np.abs(error.mean(axis=0)).max() < 4 * error.std() / np.sqrt(near.sum()) + 1e-12, "4 standard errors"
    unknown = exact.posterior(xt[near], t)[1].mean()
    assert np.mean(error ** 2) == pytest.approx(unknown, rel=0.2, abs=1e-9)


@pytest.mark.parametrize("scale", [1e3, 1e8])
def test_far_from_the_data(scale):
    far = scale * np.array([[1.0, 0.0], [-1.0, 1.0]])
    for exact in (exact_for("circle"), ExactDenoiser(SCHEDULE, SOME)):
        for t in LEVELS:
            assert np.isfinite(exact.log_density(far, t)).all() and np.isfinite(exact.posterior(far, t)[1]).all()
            sigma = np.sqrt(1 - SCHEDULE.alpha_bars[t])
            assert np.abs(sigma * exact(far, t) - far).max() < 3 + 1e-12 * scale, "x_t less a point of the data"


def test_a_level_for_each_row():
    t = np.array([49, 0, 7, 7, 30])
    xt = np.random.default_rng(0).standard_normal((5, 2))
    exact = exact_for("circle")
    for method in (exact, exact.score, exact.log_density, lambda xt, t: exact.posterior(xt, t)[1]):
        rows = np.concatenate([method(xt[i:i + 1], int(t[i])) for i in range(5)])
        assert np.allclose(method(xt, t), rows, rtol=1e-12, atol=1e-14)


def test_blocks_change_nothing_and_bound_the_memory(monkeypatch):
    xt, _ = noisy(5, n=33)
    exact = exact_for("circle")
    whole = exact(xt, 5)
    sizes = []
    inner = module._mixture
    monkeypatch.setattr(module, "_mixture", lambda x, q, *rest: sizes.append(len(x) * len(q)) or inner(x, q, *rest))
    monkeypatch.setattr(module, "CELLS", 500)
    assert np.allclose(exact(xt, 5), whole, rtol=1e-13, atol=1e-15)
    assert len(sizes) > 1 and max(sizes) <= 500 + len(exact.grid(1.0))
    monkeypatch.setattr(module, "CELLS", 3)
    assert np.allclose(exact(xt, 5), whole, rtol=1e-13, atol=1e-15), "a row at a time, if one is more than that"


@pytest.mark.parametrize("t", [0, 10, 49])
def test_the_grid_is_as_fine_as_the_noise_at_that_level(t):
    asked = []
    exact = ExactDenoiser(SCHEDULE, lambda spacing: asked.append(spacing) or SOME, width=0.02)
    exact(SOME, t)
    alpha_bar = SCHEDULE.alpha_bars[t]
    noise = np.sqrt((1 - alpha_bar) / alpha_bar + 0.02 ** 2)        # what blurs x_0, in the unit of x_0
    assert asked == [pytest.approx(min(0.7 * noise, 0.1), rel=1e-12)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_guess_has_the_dtype_of_the_point(dtype):
    assert exact_for("circle")(np.ones((2, 2), dtype), 3).dtype == dtype
    assert exact_for("circle").score(np.ones((2, 2), dtype), 3).dtype == np.float64


def test_the_floor_of_the_circle():
    """0.3238 +- 0.0005, and at the first level a half: of the two coordinates, the noise along the circle is unknowable."""
    exact = exact_for("circle")
    floor, _ = floor_and_excess(exact, exact, CIRCLE.draw, np.random.default_rng(0), 10_000)
    assert floor.shape == (50,) and floor.mean() == pytest.approx(0.3238, abs=5e-4)
    assert floor[0] == pytest.approx(0.5, abs=1e-3) and floor[-1] < 0.1


def test_the_floor_is_the_loss_of_the_perfect_denoiser():
    exact, n = exact_for("moons"), 4000
    floor, _ = floor_and_excess(exact, exact, SHAPES["moons"].draw, np.random.default_rng(0), n)
    for t in (0, 20, 49):
        xt, eps = noisy(t, n, SHAPES["moons"].draw)
        squares = np.mean((exact(xt, t) - eps) ** 2, axis=1)
        assert floor[t] == pytest.approx(squares.mean(), abs=5 * squares.std() / np.sqrt(n)), "5 standard errors"


def test_the_perfect_denoiser_has_no_excess_and_others_have_theirs():
    exact = exact_for("circle")

    def excess(denoiser, dtype=np.float64):
        return floor_and_excess(denoiser, exact, CIRCLE.draw, np.random.default_rng(0), 50, dtype)[1]
    assert excess(exact).max() == 0
    off = excess(lambda xt, t: exact(xt, t) + 0.01 * (t + 1))
    assert off == pytest.approx([(0.01 * (t + 1)) ** 2 for t in LEVELS], rel=1e-9)
    assert excess(Denoiser(MLP((3, 8, 2), np.random.default_rng(0)), SCHEDULE), np.float32).shape == (50,)


def test_the_sampler_with_the_perfect_denoiser_lands_on_the_circle():
    exact = exact_for("circle")
    for variance in ("posterior", "beta"):
        radius = np.hypot(*np.concatenate(list(sample(exact, SCHEDULE, 500, 2, np.random.default_rng(0), variance,
                                                      dtype=np.float64))).T)
        assert abs(radius.mean() - 1) < 1e-4 and radius.std() < 1e-5


def test_misuse_is_named():
    with pytest.raises(ValueError, match=r"points must have shape \(K, d\) with K at least 1, got \(0, 2\)"):
        ExactDenoiser(SCHEDULE, np.empty((0, 2)))
    with pytest.raises(TypeError, match="points must be a NumPy array of floats, got list"):
        ExactDenoiser(SCHEDULE, [[1.0, 2.0]])
    for width in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="width must be a number from 0 up, got"):
            ExactDenoiser(SCHEDULE, SOME, width)
    with pytest.raises(TypeError, match="xt must be a NumPy array of floats, got list"):
        exact_for("circle")([[1.0, 2.0]], 0)
    with pytest.raises(ValueError, match="t must be from 0 to 49, got 50 to 50"):
        exact_for("circle")(SOME, 50)
    with pytest.raises(ValueError, match=r"xt must have shape \(n, 2\), got \(4, 3\)"):
        exact_for("circle")(np.ones((4, 3)), 0)
