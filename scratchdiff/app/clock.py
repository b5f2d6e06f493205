"""python -m scratchdiff clock: ask for a time in words, get a picture of a clock with that time."""
import sys

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.clocks import load_clock, save_clock
from scratchdiff.app.files.whole import expect_writable, write_text
from scratchdiff.app.show.braille import wanted
from scratchdiff.app.show.images import grey, pixels
from scratchdiff.app.show.progress import Progress, terminal_size
from scratchdiff.app.signals import held
from scratchdiff.beyond.latent import autoencoder, diffusion
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import SIDE, draw, minutes_off, read
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import PROMPTS, minutes_of, say

TIMES = np.arange(720)
EXAMPLES = ("ten past three", "half past six", "twenty to nine")
EACH = 10               # pictures of each prompt, for the figures
NEAR = 5                # minutes


def clock(options):
    """Train a clock, or load one; paint what was asked for, and read it."""
    for path in filter(None, (options.save, options.picture)):
        expect_writable(path)
    try:
        minutes = [minutes_of(text) for text in options.prompt or EXAMPLES]
    except ValueError as error:
        raise CommandError(str(error)) from None
    seed = options.seed or 0
    model = load_clock(options.model) if options.model else trained(seed, options)
    if options.save:
        save_clock(options.save, model)
    rng = np.random.default_rng([seed, 1])
    films = np.array(list(model.walk([say(minute) for minute in minutes], rng, options.guidance)))
    tell(films[-1], minutes)
    if not options.model:
        print(*figures(model, rng, options.guidance), sep="\n")
    if options.picture:
        frames = films.swapaxes(0, 1) if options.animate else films[-1][:, None]
        images = frames.reshape(len(minutes), -1, SIDE, SIDE)
        caption = ["painted from words by latent diffusion"]
        write_text(options.picture, pixels(images, [say(minute) for minute in minutes], caption))
    if wanted(sys.stdout):
        columns, _ = terminal_size(sys.stdout)
        images = films[-1].reshape(-1, SIDE, SIDE)
        print(*grey(images, [say(minute) for minute in minutes], columns - 1), sep="\n")


def trained(seed, options):
    """A LatentDiffusion that has seen all 720 times, trained here and now."""
    rng = np.random.default_rng(seed)
    pictures, captions = draw(TIMES), [say(minute) for minute in TIMES]
    model = LatentDiffusion(Autoencoder(rng), PROMPTS, rng)
    watch("autoencoder", model.autoencoder.train(pictures, rng), autoencoder.STEPS)
    residual, wrong = rebuilt(model.autoencoder)
    print(f"autoencoder: 256 pixels -> {model.autoencoder.d} numbers -> 256 pixels; "
          f"misreads {wrong} of 720 times, residual {residual:.3f}", flush=True)
    watch("denoiser", model.train(pictures, captions, rng), diffusion.STEPS)
    return model


def watch(name, steps, total):
    """Run a training loop to its end, with a progress line; or to Ctrl-C."""
    recent = []
    with held() as pressed, Progress(total) as progress:
        for step, loss in steps:
            recent = [*recent[-99:], loss]
            if step % 20 == 0:
                progress.show(step, f"{name}: step {step}/{total}  loss {np.mean(recent):.4f}")
            if pressed():
                raise KeyboardInterrupt


def tell(pictures, minutes):
    """Print what each picture was asked to show, and what it shows."""
    shown, _ = read(pictures)
    for wanted, seen in zip(minutes, shown.tolist()):
        off = minutes_off(np.array([seen]), np.array([wanted]))[0]
        print(f'asked for "{say(wanted)}" ({wanted // 60 or 12}:{wanted % 60:02d}), '
              f"the picture shows {seen // 60 or 12}:{seen % 60:02d}, {off:.0f} minutes off")


def rebuilt(code):
    """Of all times, rebuilt from their codes: (median residual, how many are misread)."""
    shown, residual = read(code.decode(code.encode(draw(TIMES))))
    return np.median(residual), int(np.sum(minutes_off(shown, TIMES) > NEAR))


def figures(model, rng, w):
    """Yield lines on every prompt, painted ten times, and on pictures without a prompt."""
    prompts = [prompt for prompt in PROMPTS for _ in range(EACH)]
    wanted = np.array([minutes_of(prompt) for prompt in prompts])
    *_, pictures = model.walk(prompts, rng, w)
    shown, residual = read(pictures)
    off = minutes_off(shown, wanted)
    yield f"all {len(PROMPTS)} prompts, {EACH} pictures each:"
    yield f"  within {NEAR} minutes = {np.mean(off <= NEAR):.1%}"
    yield f"  median error = {np.median(off):.0f} min (a prompt stands for 2.5 minutes either way)"
    own, _ = rebuilt(model.autoencoder)
    yield f"  residual = {np.median(residual):.3f}; the autoencoder's own is {own:.3f}"
    *_, pictures = model.walk([""] * 1440, rng, 0.0)
    yield f"without a prompt: still clocks, residual = {np.median(read(pictures)[1]):.3f}"
