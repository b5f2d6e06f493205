"""python -m scratchdiff clock: ask for a time in words, and get a clock that shows it."""
import sys

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.clocks import load_clock, save_clock
from scratchdiff.app.files.whole import expect_writable, write_text
from scratchdiff.app.show import braille
from scratchdiff.app.show.images import grey, pixels
from scratchdiff.app.show.progress import Progress, terminal_size
from scratchdiff.app.signals import held
from scratchdiff.app.start import short_walk
from scratchdiff.beyond.latent import autoencoder, diffusion
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import SIDE, draw, minutes_off, read
from scratchdiff.beyond.latent.diffusion import SCHEDULE, LatentDiffusion
from scratchdiff.beyond.latent.words import PROMPTS, minutes_of, say
from scratchdiff.beyond.prompts import Vocabulary
from scratchdiff.diffusion.sampling import reverse_process

TIMES = np.arange(720)
EXAMPLES = ("ten past three", "quarter to six", "half past nine")
EACH = 10               # pictures of each prompt, for the figures
NEAR = 5                # minutes


def clock(options):
    """Train a model of clocks, paint the times asked for, and measure how good the model is."""
    minutes, how = asked(options)       # before the training, so that a mistake shows at once
    if options.save:
        expect_writable(options.save)
    model = trained(options.seed or 0)
    if options.save:
        save_clock(options.save, model)
    films = painted(options, model, minutes, how)
    print(*figures(model, np.random.default_rng([options.seed or 0, 2]), *how), sep="\n")
    show(options, films, minutes)


def sample_clock(options):
    """Paint the times asked for with a saved model of clocks."""
    minutes, how = asked(options)
    model = load_clock(options.model)
    show(options, painted(options, model, minutes, how), minutes)


def asked(options):
    """What the options ask for: (times in minutes, (guidance scale, sampler))."""
    if options.animate and not options.picture:
        raise CommandError("--animate needs --picture FILE")
    if options.picture:
        expect_writable(options.picture)
    try:
        minutes = [minutes_of(text) for text in options.prompt or EXAMPLES]
    except ValueError as error:
        raise CommandError(str(error)) from None
    w = 1.0 if options.guidance is None else options.guidance
    return minutes, (w, short_walk(options, SCHEDULE) or reverse_process)


def trained(seed):
    """A LatentDiffusion that has seen all 720 times, trained here and now."""
    rng = np.random.default_rng(seed)
    pictures, captions = draw(TIMES), [say(minute) for minute in TIMES]
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(PROMPTS), rng)
    watch("autoencoder", model.autoencoder.train(pictures, rng), autoencoder.STEPS)
    model.autoencoder.standardise(pictures)
    _, wrong = rebuilt(model.autoencoder)
    print(f"autoencoder: 256 pixels -> {model.autoencoder.d} numbers -> 256 pixels; "
          f"misreads {wrong} of 720 times", flush=True)
    watch("denoiser", model.train(pictures, captions, rng), diffusion.STEPS)
    return model


def watch(name, steps, total):
    """Run a training loop to its end or to Ctrl-C, with a progress line."""
    recent = []
    with held() as pressed, Progress(total) as progress:
        for step, loss in steps:
            recent = [*recent[-99:], loss]
            if step % 20 == 0:
                progress.show(step, f"{name}: step {step}/{total}  loss {np.mean(recent):.4f}")
            if pressed():
                raise KeyboardInterrupt


def painted(options, model, minutes, how):
    """Paint these times, (k, frames, 256), and print what each picture shows."""
    rng = np.random.default_rng([options.seed or 0, 1])
    walk = model.walk([say(minute) for minute in minutes], rng, *how)
    films = np.stack([model.autoencoder.decode(codes) for codes in walk], axis=1)
    if not np.isfinite(films).all():
        raise CommandError(f"with guidance {how[0]:g} the pictures are no longer finite: "
                           "try a number near 1")
    for wanted, shown in zip(minutes, read(films[:, -1])[0].tolist()):
        off = int(minutes_off(shown, wanted))
        print(f'asked for "{say(wanted)}" ({digits(wanted)}), it shows {digits(shown)}: '
              f"{off} minute{'s' * (off != 1)} off")
    return films


def digits(minutes):
    return f"{minutes // 60 or 12}:{minutes % 60:02d}"


def show(options, films, minutes):
    """Draw films (k, frames, 256) in the picture asked for, and on the terminal."""
    films = films.reshape(*films.shape[:2], SIDE, SIDE)
    names = [say(minute) for minute in minutes]
    if options.picture:
        films = films if options.animate else films[:, -1:]
        with held():                    # the picture appears whole or not at all
            write_text(options.picture,
                       pixels(films, names, ["painted from words by latent diffusion"]))
    if braille.wanted(sys.stdout):
        columns, _ = terminal_size(sys.stdout)
        print(*grey(films[:, -1], names, columns - 1), sep="\n")


def rebuilt(code):
    """Rebuild the clocks of all times from their codes: (median residual, number misread)."""
    shown, residual = read(code.decode(code.encode(draw(TIMES))))
    return np.median(residual), int(np.sum(minutes_off(shown, TIMES) > NEAR))


def figures(model, rng, w, sampler):
    """Yield the figures of every prompt, painted ten times, and of pictures without a prompt."""
    prompts = [prompt for prompt in PROMPTS for _ in range(EACH)]
    wanted = np.array([minutes_of(prompt) for prompt in prompts])
    shown, residual = read(model.paint(prompts, rng, w, sampler))
    off = minutes_off(shown, wanted)
    yield f"all {len(PROMPTS)} prompts, {EACH} pictures each:"
    yield f"  within {NEAR} minutes = {np.mean(off <= NEAR):.1%}"
    yield f"  median error = {np.median(off):.0f} min (a prompt stands for 2.5 minutes either way)"
    yield f"  residual = {np.median(residual):.3f} (how far from the nearest drawing, in ink)"
    _, residual = read(model.paint([""] * len(prompts), rng, 0.0, sampler))
    yield f"  without a prompt = {np.median(residual):.3f} (still clocks, of any time)"
    own, _ = rebuilt(model.autoencoder)
    yield f"  the autoencoder alone = {own:.3f} (drawings, rebuilt from their codes)"
    minute = np.sqrt(np.mean((draw(TIMES + 1) - draw(TIMES)) ** 2))
    yield f"  a minute = {minute:.3f} (from each drawing to the next)"
