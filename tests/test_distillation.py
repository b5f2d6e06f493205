"""beyond/distillation.py: the student's levels, its targets, and that it learns them."""
import numpy as np
import pytest

from scratchdiff.beyond.distillation import (TEACHER_STEPS, student_batches, student_pairs,
                                             student_points, student_schedule)
from scratchdiff.beyond.few_steps import ddim, dpm, few_levels
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.diffusion.training import train
from scratchdiff.fast.blocks import BLOCK, sample
from scratchdiff.measure.exact import ExactDenoiser
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()
CENTRES = np.random.default_rng(5).standard_normal((7, 2))
TEACHER = ExactDenoiser(SCHEDULE, CENTRES, width=0.3)
NOISE = np.random.default_rng(0).standard_normal((30, 2))


class Told:
    """A student that says its targets, as long as it is shown the points that belong to them."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __call__(self, xt, t):
        assert np.allclose(xt, self.pairs[:, t, 0], rtol=0, atol=1e-10), f"at level {t}"
        return self.pairs[:, t, 1]


@pytest.mark.parametrize("K", range(1, 51))
def test_a_student_knows_k_of_the_teachers_levels(K):
    schedule = student_schedule(SCHEDULE, K)
    assert schedule.T == K
    places = np.abs(SCHEDULE.alpha_bars[:, None] - schedule.alpha_bars).argmin(axis=0)
    assert np.allclose(SCHEDULE.alpha_bars[places], schedule.alpha_bars, rtol=1e-12)
    assert (np.diff(places) > 0).all() and places[-1] == 49, "it starts where the teacher does"
    each = max(1, TEACHER_STEPS // K)
    assert places[::-1].tolist() == few_levels(SCHEDULE, K * each)[:-1:each]


@pytest.mark.parametrize("K", [1, 2, 3, 4, 8, 50])
def test_told_its_targets_a_student_walks_where_its_teacher_does(K):
    pairs = student_pairs(TEACHER, SCHEDULE, K, NOISE)
    assert pairs.shape == (30, K, 2, 2)
    each = max(1, TEACHER_STEPS // K)
    teacher = list(dpm(TEACHER, SCHEDULE, NOISE, None, few_levels(SCHEDULE, K * each)))
    student = list(ddim(Told(pairs), student_schedule(SCHEDULE, K), NOISE, None))
    assert len(student) == K
    for ours, theirs in zip(student, teacher[each - 1::each], strict=True):
        assert np.allclose(ours, theirs, rtol=0, atol=1e-10)


def test_a_short_schedule_has_a_short_walk():
    schedule = Schedule.linear(5)
    assert student_schedule(schedule, 2).T == 2 and student_schedule(schedule, 5).T == 5


def test_a_batch_is_made_of_pairs_of_all_levels():
    pairs = student_pairs(TEACHER, SCHEDULE, 4, NOISE)
    xt, t, target = next(student_batches(pairs, np.random.default_rng(0), 4000))
    assert xt.shape == target.shape == (4000, 2) and t.shape == (4000,)
    counts = np.zeros((30, 4))
    for x, level, eps in zip(xt, t, target):
        row, = np.flatnonzero((pairs[:, level, 0] == x).all(axis=1))
        assert np.array_equal(pairs[row, level, 1], eps)
        counts[row, level] += 1
    assert np.abs(counts / (4000 / 120) - 1).max() < 4.5 * (120 / 4000) ** 0.5, "standard errors"


def test_points_for_a_hundred_batches_at_once():
    pairs = np.arange(7 * 3 * 2 * 2.0).reshape(7, 3, 2, 2)
    xt, t, target = student_points(pairs, (5, 6), np.random.default_rng(0))
    assert xt.shape == target.shape == (5, 6, 2) and t.shape == (5, 6)
    rows = xt[..., 0] // 12                 # of a row of pairs, all numbers are from 12 row on
    for i, k in np.ndindex(5, 6):
        x, eps = pairs[int(rows[i, k]), t[i, k]]
        assert np.array_equal(xt[i, k], x) and np.array_equal(target[i, k], eps)


def test_a_student_learns_and_samples_like_any_denoiser():
    """A teacher whose points form one cloud, so that 300 steps are enough for one step of a walk.

    By DDIM in one step the teacher itself ends on the cloud's centre, too narrow by far.
    """
    teacher = ExactDenoiser(SCHEDULE, np.array([[0.5, -0.2]]), width=0.4)
    noise = np.random.default_rng(1).standard_normal((2000, 2), np.float32)
    pairs = student_pairs(teacher, SCHEDULE, 1, noise)
    schedule = student_schedule(SCHEDULE, 1)
    network = MLP((3, 16, 2), np.random.default_rng(2), SiLU)
    student, adam = Denoiser(network, schedule, "v"), Adam(network.params, network.grads)
    batches = student_batches(pairs, np.random.default_rng(3))
    losses = [loss for _, loss in train(student, adam, batches, 300, lambda step: 1e-2)]
    assert pairs.dtype == np.float32 and losses[-1] < losses[0] / 50
    points = np.concatenate(list(sample(student, schedule, BLOCK, 2, np.random.default_rng(4),
                                        ddim)))
    # 2048 points: standard errors of 0.009 and 0.006, and a little that is not learned
    assert np.allclose(points.mean(axis=0), [0.5, -0.2], rtol=0, atol=0.05)
    assert np.allclose(points.std(axis=0), 0.4, rtol=0, atol=0.05)
    alone = list(ddim(teacher, SCHEDULE, noise, None, [49, -1]))[-1]
    assert (alone.std(axis=0) < 0.2).all()


def test_as_many_steps_as_there_are_levels():
    for K in (0, 51):
        with pytest.raises(ValueError, match=f"K must be from 1 to 50, .*, got {K}"):
            student_schedule(SCHEDULE, K)
