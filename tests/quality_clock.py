"""How good the clock is, and what each of its parts brings. By hand: python tests/quality_clock.py

It takes about five minutes. A word picks a table: python tests/quality_clock.py guidance. Each row
paints all 144 prompts ten times, with guidance 1 and 50 steps unless it says otherwise. What is
shown: the share of the pictures that are right to five minutes; the median and the largest error in
minutes; and the median residual (clock.py), in ink and as a multiple of the autoencoder's own.
"""
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import Vocabulary, new_student, train_student  # noqa: E402
from scratchdiff.app.clock import rebuilt  # noqa: E402
from scratchdiff.beyond.few_steps import ddim, few_steps  # noqa: E402
from scratchdiff.beyond.latent.autoencoder import WIDTHS, Autoencoder  # noqa: E402
from scratchdiff.beyond.latent.clock import draw, minutes_off, read  # noqa: E402
from scratchdiff.beyond.latent.diffusion import SCHEDULE, STEPS, LatentDiffusion  # noqa: E402
from scratchdiff.beyond.latent.words import PROMPTS, minutes_of, say  # noqa: E402
from scratchdiff.diffusion.sampling import reverse_process  # noqa: E402

import numpy as np  # noqa: E402

TIMES = np.arange(720)
PICTURES, CAPTIONS = draw(TIMES), [say(minute) for minute in TIMES]
SEEDS = range(5)
TEN = few_steps("dpm", SCHEDULE, 10)
WALKS = [("50 steps", reverse_process), ("10 steps", TEN)]
HEAD = f"{'':<30} {'right':>7} {'median':>6} {'worst':>5} {'residual':>8} {'times':>5}"


class WithoutPlaces(Vocabulary):
    """Each word has a single column, wherever it stands in a prompt."""

    def __init__(self, prompts):
        super().__init__({word for prompt in prompts for word in prompt.split()})

    def rows(self, prompts, dtype=np.float32):
        return np.array([super(WithoutPlaces, self).rows(prompt.split(), dtype).sum(axis=0)
                         for prompt in prompts])


class Pixels:
    """What stands in for an autoencoder if there is none: the pixels themselves, standardised."""

    d = PICTURES.shape[1]
    center = PICTURES.mean(axis=0)
    scale = np.sqrt(np.mean((PICTURES - center) ** 2))

    def encode(self, pictures):
        return (pictures - self.center) / self.scale

    def decode(self, codes):
        return codes * self.scale + self.center


def run(steps):
    """Run a training loop to its end; return the seconds of computing."""
    start = time.process_time()
    for _ in steps:
        pass
    return time.process_time() - start


def trained(seed=0, d=6, vocabulary=Vocabulary, in_pixels=False, steps=STEPS):
    """A trained LatentDiffusion; `seconds` of computing went into it."""
    rng = np.random.default_rng(seed)
    autoencoder = Pixels() if in_pixels else Autoencoder(rng, (*WIDTHS[:-1], d))
    model = LatentDiffusion(autoencoder, vocabulary(PROMPTS), rng)
    model.seconds = 0.0
    if not in_pixels:
        model.seconds += run(autoencoder.train(PICTURES, rng))
        autoencoder.standardise(PICTURES)
    model.seconds += run(model.train(PICTURES, CAPTIONS, rng, steps))
    return model


def measure(model, w=1.0, sampler=reverse_process, prompts=PROMPTS):
    """(share right, median and largest error in minutes, median residual) of ten pictures each."""
    prompts = [prompt for prompt in prompts for _ in range(10)]
    shown, residual = read(model.paint(prompts, np.random.default_rng(7), w, sampler))
    off = minutes_off(shown, np.array([minutes_of(prompt) for prompt in prompts]))
    return np.mean(off <= 5), np.median(off), off.max(), np.median(residual)


def unprompted(model, sampler):
    """(median residual, how often the rarest and the commonest hour come: 1 is evenly often)."""
    n = 5760
    shown, residual = read(model.paint([""] * n, np.random.default_rng(7), 0.0, sampler))
    hours = np.bincount(shown // 60, minlength=12) / (n / 12)
    return np.median(residual), hours.min(), hours.max()


def row(name, model, *settings, own=None, note="", **more):
    right, median, worst, residual = measure(model, *settings, **more)
    own = own or rebuilt(model.autoencoder)[0]
    print(f"{name:<30} {right:>7.1%} {median:>6.0f} {worst:>5.0f} {residual:>8.3f} "
          f"{residual / own:>5.2f}{note}", flush=True)


def seeds(first):
    """The whole clock, once for each seed: of each figure the worst."""
    print("the worst of five seeds")
    models = [first, *(trained(seed) for seed in SEEDS[1:])]
    owns = [rebuilt(model.autoencoder)[0] for model in models]
    for name, sampler in WALKS:
        for w in (0.0, 1.0):
            found = np.array([measure(model, w, sampler) for model in models]).T
            times = (found[3] / owns).max()
            print(f"{f'{name}, guidance {w:g}':<30} {found[0].min():>7.1%} {found[1].max():>6.0f} "
                  f"{found[2].max():>5.0f} {found[3].max():>8.3f} {times:>5.2f}", flush=True)
        found = np.array([unprompted(model, sampler) for model in models]).T
        print(f"{f'{name}, no prompt':<45} {found[0].max():>14.3f} {(found[0] / owns).max():>5.2f}"
              f"  hours come {found[1].min():.2f} to {found[2].max():.2f} times evenly", flush=True)
    print(f"training: {max(model.seconds for model in models):.1f} seconds of computing at most")


def code(first):
    """What the size of the code is worth."""
    for d in (2, 3, 4, 6, 8):
        model = first if d == 6 else trained(d=d)
        own, wrong = rebuilt(model.autoencoder)
        row(f"code of {d} numbers", model, note=f"  (rebuilt: residual {own:.3f}, {wrong} misread)")


def guidance(first):
    """How hard the prompt steers."""
    for w in (-1.0, 0.0, 1.0, 2.0, 4.0):
        row(f"guidance {w:g}", first, w)


def steps(first):
    """Fewer steps, and students that learned to take them."""
    for name, sampler in WALKS:
        row(name, first, 1.0, sampler)
    for K in (4, 1):
        row(f"{K} step{'s' * (K > 1)} of dpm", first, 1.0, few_steps("dpm", SCHEDULE, K))
    for K in (4, 1):
        rng = np.random.default_rng(3)
        student = new_student(first, K, rng)
        seconds = run(train_student(student, first, PROMPTS, rng))
        row(f"a student, {K} step{'s' * (K > 1)}", student, 0.0, ddim, note=f"  ({seconds:.0f} s)")


def places(first):
    """Words without places: "five past ten" and "ten past five" are then the same prompt."""
    model = trained(vocabulary=WithoutPlaces)
    swapped = ["five past ten", "ten past five", "five to ten", "ten to five"]
    others = [prompt for prompt in PROMPTS if prompt not in swapped]
    row("words in places, those four", first, prompts=swapped)
    row("words without, those four", model, prompts=swapped)
    row("words without, the other 140", model, prompts=others)


def pixels(first):
    """The same denoiser without an autoencoder, for 256 pixels: in the same time, and longer."""
    own = rebuilt(first.autoencoder)[0]
    size = first.autoencoder.network.params.size + first.denoiser.network.params.size
    row("latent", first, note=f"  ({size:,} parameters, {first.seconds:.0f} s)")
    probe = trained(in_pixels=True, steps=200).seconds
    for name, n in [("pixels", int(200 * first.seconds / probe)), ("pixels, all steps", STEPS)]:
        model = trained(in_pixels=True, steps=n)
        size = model.denoiser.network.params.size
        row(name, model, own=own, note=f"  ({size:,} parameters, {n} steps, {model.seconds:.0f} s)")


TABLES = {table.__name__: table for table in (seeds, code, guidance, steps, places, pixels)}


def main(names):
    first = trained()
    print(HEAD)
    for name in names or TABLES:
        print()
        TABLES[name](first)


if __name__ == "__main__":
    main(sys.argv[1:])
