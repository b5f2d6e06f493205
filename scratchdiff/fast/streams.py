"""Independent streams of random numbers, each reached without drawing the ones before it."""
import numpy as np


def stream(rng, *path):
    """A descendant of a numpy.random.Generator, itself a Generator; rng is left as it was.

    stream(rng, k) is its k-th child, the generator that a fresh rng.spawn(k + 1) would put last; stream(rng, j, k) is
    the k-th child of its j-th child. So what is drawn from it depends only on how rng was seeded and on the path: a
    training run can be taken up at any step, and a sample at any point.
    """
    parent = rng.bit_generator.seed_seq
    return np.random.default_rng(np.random.SeedSequence(parent.entropy, spawn_key=(*parent.spawn_key, *path)))
