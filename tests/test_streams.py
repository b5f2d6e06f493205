"""fast/streams.py: independent children of a generator, in any order."""
import numpy as np

from scratchdiff.fast import streams
from scratchdiff.fast.streams import stream


def test_a_stream_is_the_child_that_spawn_would_make():
    spawned = np.random.default_rng(5).spawn(4)
    rng = np.random.default_rng(5)
    for k in (3, 0, 2):
        assert np.array_equal(stream(rng, k).random(4), spawned[k].random(4))
    grandchild = np.random.default_rng(5).spawn(2)[1].spawn(3)[2].random(4)
    assert np.array_equal(stream(rng, 1, 2).random(4), grandchild)
    assert np.array_equal(stream(stream(rng, 1), 2).random(4), grandchild)


def test_the_parent_is_left_alone_and_its_child_is_the_same_again():
    rng = np.random.default_rng(5)
    first = stream(rng, 1).random(4)
    rng.random(10)
    assert np.array_equal(stream(rng, 1).random(4), first)
    assert np.array_equal(rng.random(2), np.random.default_rng(5).random(12)[10:])


def test_children_and_grandchildren_differ():
    rng = np.random.default_rng(5)
    draws = [stream(rng, 0), stream(rng, 1), stream(rng, 0, 1), stream(rng, 1, 0), rng]
    assert len({generator.random() for generator in draws}) == 5


def test_the_numbers_that_every_kept_run_depends_on():
    """Others would give other weights, batches and points for the same seed."""
    run = streams.INIT, streams.TRAINING, streams.SAMPLING, streams.REPORT, streams.SPLIT
    assert run == (0, 1, 2, 3, 4) and streams.PAIRS == 5
    assert (streams.CHUNKS, streams.BLOCKS) == (0, 1)
