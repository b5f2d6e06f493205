"""diffusion/streams.py: independent children of a generator, in any order."""
import numpy as np

from scratchdiff.fast.streams import stream


def test_is_the_child_that_spawn_would_make():
    spawned = np.random.default_rng(5).spawn(4)
    rng = np.random.default_rng(5)
    for k in (3, 0, 2):
        assert np.array_equal(stream(rng, k).random(4), spawned[k].random(4))
    assert np.array_equal(stream(rng, 1, 2).random(4), np.random.default_rng(5).spawn(2)[1].spawn(3)[2].random(4))
    assert np.array_equal(stream(stream(rng, 1), 2).random(4), stream(rng, 1, 2).random(4))


def test_leaves_the_parent_alone_and_is_the_same_again():
    rng = np.random.default_rng(5)
    first = stream(rng, 1).random(4)
    rng.random(10)
    assert np.array_equal(stream(rng, 1).random(4), first)
    assert np.array_equal(rng.random(2), np.random.default_rng(5).random(12)[10:])


def test_children_and_grandchildren_differ():
    rng = np.random.default_rng(5)
    draws = [stream(rng, 0), stream(rng, 1), stream(stream(rng, 0), 1), stream(stream(rng, 1), 0), rng]
    assert len({generator.random() for generator in draws}) == 5
