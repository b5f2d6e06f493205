"""Independent streams of random numbers, each reached without drawing the ones before it."""
import numpy as np

# Every stream has a number, and all of them are written down here. The parts of a run:
INIT, TRAINING, SAMPLING, REPORT, SPLIT, PAIRS = range(6)
# The children of the generator that training or sampling is given. They differ, so you may give the
# same generator to both:
CHUNKS, BLOCKS = range(2)


def stream(rng, *path):
    """A descendant of a numpy.random.Generator, itself a Generator; rng is left as it was.

    stream(rng, k) is its k-th child, the last that a fresh rng.spawn(k + 1) would return, and
    stream(rng, j, k) is the k-th child of its j-th child. So what it draws depends only on rng's
    seed and on the path: a run can be taken up at any step, and a sample at any point.
    """
    seed = rng.bit_generator.seed_seq
    child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, *path))
    return np.random.default_rng(child)
