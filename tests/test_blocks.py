"""fast/blocks.py: any number of points, in blocks on all cores."""
import threading
from functools import partial

import numpy as np
import pytest

from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.blocks import BLOCK, sample, startable, walk
from scratchdiff.fast.inference import faster
from scratchdiff.fast.streams import BLOCKS, stream
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.linear()


def network(dtype=np.float32):
    return Denoiser(MLP((3, 8, 2), np.random.default_rng(0), SiLU, dtype), SCHEDULE)


def blocks(n, skip=0, seed=3, denoiser=None, d=2, **rest):
    rng = np.random.default_rng(seed)
    return list(sample(denoiser or network(), SCHEDULE, n, d, rng, skip=skip, **rest))


def points(n, *settings, **rest):
    return np.concatenate(blocks(n, *settings, **rest) or [np.empty((0, 2), np.float32)])


@pytest.fixture(scope="module")
def whole():
    return points(3 * BLOCK)


def test_the_numbers_that_every_kept_sample_depends_on():
    """Another BLOCK would give other points for the same seed."""
    assert BLOCK == 2048


def test_a_block_starts_as_standard_normal_noise_and_walks_back():
    states = list(walk(network(), SCHEDULE, 5, 2, np.random.default_rng(3)))
    rng = stream(np.random.default_rng(3), BLOCKS, 5)
    start = rng.standard_normal((BLOCK, 2), np.float32)
    assert np.array_equal(states[0], start) and len(states) == 51
    assert np.array_equal(states[-1], list(reverse_process(network(), SCHEDULE, start, rng))[-1])


def test_points_are_the_ends_of_the_walks(whole):
    for block in (0, 1):
        fast = faster(network(), BLOCK)
        *_, end = walk(fast, SCHEDULE, block, 2, np.random.default_rng(3))
        assert np.array_equal(whole[block * BLOCK:(block + 1) * BLOCK], end)
    *_, plain = walk(network(), SCHEDULE, 0, 2, np.random.default_rng(3))
    assert np.allclose(whole[:BLOCK], plain, rtol=0, atol=1e-4), "float32 sums in another order"


def test_blocks_are_whole_but_for_both_ends(whole):
    assert [len(block) for block in blocks(2 * BLOCK + 5)] == [BLOCK, BLOCK, 5]
    assert [len(block) for block in blocks(BLOCK, skip=7)] == [BLOCK - 7, 7]
    assert [len(block) for block in blocks(3, skip=7)] == [3]


@pytest.mark.parametrize("n", [1, 10, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_point_does_not_depend_on_how_many_there_are(n, whole):
    assert np.array_equal(points(n), whole[:n])


@pytest.mark.parametrize("skip, n", [
    (0, 0), (5, 0), (BLOCK, 0), (5, 3), (BLOCK - 1, 2), (BLOCK, BLOCK), (BLOCK + 7, BLOCK),
    (2 * BLOCK + 1, BLOCK - 1),
])
def test_a_point_does_not_depend_on_where_the_sample_starts(skip, n, whole):
    assert np.array_equal(points(n, skip), whole[skip:skip + n])


def test_a_sample_starts_at_point_0(whole):
    first = next(sample(network(), SCHEDULE, 5, 2, np.random.default_rng(3)))
    assert np.array_equal(first, whole[:5])


def test_points_depend_on_the_seed(whole):
    assert (points(BLOCK, seed=4) != whole[:BLOCK]).any(axis=1).all(), "no point is the same"
    assert len(np.unique(whole, axis=0)) == len(whole), "no block repeats another"


def test_the_generator_is_left_alone():
    rng = np.random.default_rng(3)
    list(sample(network(), SCHEDULE, 5, 2, rng))
    assert rng.random() == np.random.default_rng(3).random()


@pytest.mark.parametrize("count", [1, 5, None])
def test_the_number_of_cores_changes_nothing(count, whole, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: count)
    assert np.array_equal(points(3 * BLOCK), whole)


def threads_that_start(monkeypatch, most):
    """Let so many threads run at a time, as a full machine does; return the list of those alive."""
    alive, start = [], threading.Thread.start

    def limited(self):
        alive[:] = [thread for thread in alive if thread.is_alive()]
        if len(alive) >= most:
            raise RuntimeError("can't start new thread")
        start(self)
        alive.append(self)
    monkeypatch.setattr(threading.Thread, "start", limited)
    return alive


@pytest.mark.parametrize("most", [0, 1, 2, 3])
def test_a_machine_that_is_out_of_threads_gives_the_same_points(most, whole, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    alive = threads_that_start(monkeypatch, most)
    assert np.array_equal(points(3 * BLOCK), whole)
    assert not any(thread.is_alive() for thread in alive), "none is left behind"


@pytest.mark.parametrize("most, got", [(0, 0), (1, 1), (2, 2), (9, 4)])
def test_how_many_threads_can_start(most, got, monkeypatch):
    alive = threads_that_start(monkeypatch, most)
    assert startable(4) == got
    assert not any(thread.is_alive() for thread in alive)


def test_one_block_needs_no_thread(monkeypatch, whole):
    threads_that_start(monkeypatch, 0)
    before = threading.active_count()
    assert np.array_equal(points(5), whole[:5]) and threading.active_count() == before


def test_blocks_come_one_by_one(monkeypatch):
    """A caller that stops early has not waited for the rest: two more blocks a thread at most."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    walked = []

    def denoiser(x, t):
        if t == 49:
            walked.append(threading.get_ident())
        return x
    endless = sample(denoiser, SCHEDULE, 1000 * BLOCK, 2, np.random.default_rng(0))
    next(endless)
    endless.close()
    assert len(walked) == 1 + 2 * 2 and len(set(walked)) == 2


def test_any_sampler_will_do():
    def jump(denoiser, schedule, x, rng):
        yield x - denoiser(x, schedule.T - 1) + rng.standard_normal(x.shape, x.dtype)
    rng = stream(np.random.default_rng(3), BLOCKS, 0)
    want = rng.standard_normal((BLOCK, 2), np.float32)
    want = want - network()(want, 49) + rng.standard_normal((BLOCK, 2), np.float32)
    got = points(BLOCK, sampler=jump)
    assert np.allclose(got, want, rtol=0, atol=1e-5), "float32 sums in another order"
    beta = partial(reverse_process, variance="beta")
    assert not np.allclose(points(5, sampler=beta), points(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_function_is_a_denoiser_and_the_dtype_is_kept(dtype):
    seen = set()

    def denoiser(x, t):
        seen.add((x.dtype, type(t), x.shape))
        return x
    assert points(10, denoiser=denoiser, d=4, dtype=dtype).dtype == dtype
    assert seen == {(np.dtype(dtype), int, (BLOCK, 4))}


@pytest.mark.parametrize("n", [10, 3 * BLOCK])
def test_an_error_in_a_thread_reaches_the_caller(n):
    with pytest.raises(ValueError, match="the variance must be"):
        points(n, sampler=partial(reverse_process, variance="small"))


@pytest.mark.parametrize("other", [Schedule.linear(25), Schedule.linear(last=0.02)],
                         ids=["fewer levels", "other betas"])
def test_another_schedule_than_the_denoisers_own_is_refused(other):
    message = "schedule must be the one that denoiser was made for, got another"
    with pytest.raises(ValueError, match=message):
        sample_of(network(), other)
    assert len(sample_of(lambda x, t: x, other)) == 5, "a plain function goes with any"
    same = Schedule(SCHEDULE.betas)
    assert len(sample_of(network(), same)) == 5, "equal betas are the same schedule"


def sample_of(denoiser, schedule):
    return next(iter(sample(denoiser, schedule, 5, 2, np.random.default_rng(0))))


@pytest.mark.parametrize("n, skip", [(-1, 0), (5, -1), (-BLOCK, 0), (0, -BLOCK)])
def test_numbers_below_0_are_refused(n, skip):
    with pytest.raises(ValueError, match=f"n and skip must be at least 0, got {n} and {skip}"):
        blocks(n, skip)


@pytest.mark.parametrize("d", [1, 3])
def test_another_number_of_coordinates_than_the_denoisers_is_named(d):
    with pytest.raises(ValueError, match=rf"xt must have shape \(n, 2\), got \({BLOCK}, {d}\)"):
        blocks(5, d=d)


@pytest.mark.parametrize("columns", [1, 3])
def test_a_denoiser_that_returns_another_shape_is_refused(columns):
    with pytest.raises(ValueError, match=rf"the shape of x, \(2048, 2\), got \(2048, {columns}\)"):
        sample_of(lambda xt, t: np.zeros((len(xt), columns)), Schedule.linear())
