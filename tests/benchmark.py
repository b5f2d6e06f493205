"""How fast it is, beside the least time that it could take. By hand: python tests/benchmark.py

It takes about 90 seconds. The floor of a training step is its matrix products alone: forward, dW
and dx of each layer, with the same shapes, dtype and threads. The floor of sampling is the products
of the forward pass, in the same pieces and with as many threads. On a noisy machine, ratios say
more than seconds: the two are timed in turn, many times, and what is shown is the median of their
ratios, with the quartiles.
"""
import os
import platform
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from scratchdiff import (  # noqa: E402
    MLP, SHAPES, Adam, Denoiser, ReLU, Schedule, SiLU, sample, train)
from scratchdiff.fast.batches import chunked, noisy  # noqa: E402
from scratchdiff.fast.blocks import BLOCK  # noqa: E402
from scratchdiff.fast.inference import PIECE  # noqa: E402

import numpy as np  # noqa: E402

TUTORIAL, WIDE, DEFAULT = ((64, 64), ReLU, "eps"), ((128, 128), ReLU, "eps"), ((32,) * 5, SiLU, "v")
NAMES = {TUTORIAL: "tutorial 64-64", WIDE: "wider 128-128", DEFAULT: "default 32x5"}


def learner(hidden, activation, predicts):
    network = MLP((3, *hidden, 2), np.random.default_rng(0), activation)
    return Denoiser(network, Schedule.linear(), predicts), Adam(network.params, network.grads)


def arrays(hidden, *rows):
    """Weights for each layer; and a batch of inputs for each layer, then one of outputs."""
    rng = np.random.default_rng(0)
    widths = (3, *hidden, 2)
    return ([rng.standard_normal(shape, np.float32) for shape in zip(widths, widths[1:])],
            [rng.standard_normal((*rows, width), np.float32) for width in widths])


def training_products(weights, xs, steps):
    for _ in range(steps):
        for W, x in zip(weights, xs):
            x @ W
        for W, x, dy in zip(weights[::-1], xs[-2::-1], xs[:0:-1]):
            x.T @ dy
            dy @ W.T


def sampling_products(weights, xs, blocks):
    def one(block):
        for _ in range(50):
            for W, x in zip(weights, xs):
                x @ W
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, range(blocks)))


def seconds(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def in_turn(a, b, repeats):
    """Medians of the seconds of a() and b(), and the quartiles of their ratios; one to warm up."""
    times = np.array([(seconds(a), seconds(b)) for _ in range(repeats + 1)][1:])
    return *np.median(times, axis=0), *np.quantile(times[:, 0] / times[:, 1], [0.5, 0.25, 0.75])


def training_row(kind, batch, steps=100, repeats=15):
    """One row of the table of training: microseconds a step, those of its products, the ratio."""
    denoiser, adam = learner(*kind)
    draw = partial(SHAPES["circle"].draw, dtype=np.float32)
    batches = chunked(noisy(draw, denoiser.schedule, batch), np.random.default_rng(0))
    endless = train(denoiser, adam, batches, 10 ** 9, lambda step: 1e-4)
    weights, xs = arrays(kind[0], batch)
    ours, floor, *ratio = in_turn(lambda: [next(endless) for _ in range(steps)],
                                  lambda: training_products(weights, xs, steps), repeats)
    return ours / steps * 1e6, floor / steps * 1e6, ratio


def sampling_row(kind, points, repeats=5):
    """One row of the table of sampling: microseconds a point, those of its products, the ratio."""
    denoiser, _ = learner(*kind)
    weights, xs = arrays(kind[0], BLOCK // PIECE, PIECE)

    def ours():
        for _ in sample(denoiser, denoiser.schedule, points, 2, np.random.default_rng(0)):
            pass
    blocks = -(-points // BLOCK)
    mine, floor, *ratio = in_turn(ours, lambda: sampling_products(weights, xs, blocks), repeats)
    return mine / points * 1e6, floor / points * 1e6, ratio


def memory(points):
    """The most megabytes that arrays take at any moment, while so many points are made."""
    denoiser, _ = learner(*TUTORIAL)
    tracemalloc.start()
    for _ in sample(denoiser, denoiser.schedule, points, 2, np.random.default_rng(0)):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def table(heading, kinds, amounts, row, total):
    """Measure and print a row for each kind and amount; growth: beside half the amount."""
    print(f"\n{heading}")
    for kind in kinds:
        before = None
        for amount in amounts:
            ours, floor, (ratio, low, high) = row(kind, amount)
            time_taken = ours * amount if total else ours
            growth = f"    x{time_taken / before:.2f}" if before else ""
            print(f"{NAMES[kind]:<14} {amount:>8,} {ours:>10.2f} {floor:>10.2f} {ratio:>8.2f} "
                  f"({low:.2f}-{high:.2f})" + growth, flush=True)
            before = time_taken


def main():
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {os.cpu_count()} cores, "
          f"{os.environ['OPENBLAS_NUM_THREADS']} BLAS thread(s)")
    kinds = (TUTORIAL, WIDE, DEFAULT)
    table("training          batch    us/step   products    ratio (quartiles)   growth",
          kinds, (256, 512, 1024), training_row, total=False)
    table("sampling         points   us/point   products    ratio (quartiles)   growth",
          kinds, (25_000, 50_000, 100_000), sampling_row, total=True)
    growth = training_row(TUTORIAL, 256, 200)[0] * 2 / training_row(TUTORIAL, 256, 100)[0]
    print(f"\ntraining, tutorial 64-64, batch 256: twice the steps take x{growth:.2f} the time")
    print("\nsampling, memory at the most")
    for points in (100_000, 200_000, 400_000):
        print(f"{points:>8,} points {memory(points):>8.1f} MB")


if __name__ == "__main__":
    main()
