"""Links of lesson 3: prompts as embeddings, prompts that are left out, guidance."""
from itertools import islice

import numpy as np

from scratchdiff import reference
from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.prompts import DROP, Vocabulary
from scratchdiff.chain.layers import prompted_denoiser
from scratchdiff.chain.link import Measured, distance, worst
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.experiment.data import shape_data
from scratchdiff.fast.batches import CHUNK, chunked, noisy
from scratchdiff.nn.layers import Linear

PROMPTS = ["ten past five", "five past ten", "noon", ""]


def prompts_are_a_table():
    """A Linear that sees [x, c], against one that sees x, plus the reference's embeddings.

    These are looked up in a table, and backward adds dy to the vectors that were looked up.
    """
    rng = np.random.default_rng(0)
    keys = sorted({key for prompt in PROMPTS for key in enumerate(prompt.split())})
    vocabulary = Vocabulary(PROMPTS)
    if len(vocabulary) != len(keys):
        return Measured(np.inf, f"{len(vocabulary)} columns, for {len(keys)} words in their places")
    x, dy = rng.standard_normal((len(PROMPTS), 3)), rng.standard_normal((len(PROMPTS), 6))
    W, b = rng.standard_normal((3, 6)), rng.standard_normal(6)
    table = {key: rng.standard_normal(6) for key in keys}
    both = Linear(np.vstack([W, *table.values()]), b)
    y = both.forward(np.hstack([x, vocabulary.rows(PROMPTS, np.float64)]))
    both.backward(dy)

    plain = Linear(W, b)
    their_y = plain.forward(x)
    plain.backward(dy)
    dtable = np.zeros((len(keys), 6))
    for i, prompt in enumerate(PROMPTS):
        their_y[i] += reference.embedding(table, prompt)
        dtable += [*reference.embedding_backward(table, prompt, dy[i]).values()]
    misses = {f'"{prompt}"': distance(y[i], their_y[i]) for i, prompt in enumerate(PROMPTS)}
    misses["the gradient of W"] = distance(both.dW[:3], plain.dW)
    misses["the gradient of the table"] = distance(both.dW[3:], dtable)
    return worst(misses)


def prompts_are_dropped():
    """Two chunks of training batches from the quarters of the circle, in standard errors."""
    schedule, data = Schedule.linear(), shape_data("circle", labels=True)
    make = noisy(data.prompted, schedule, 64, antithetic=True)
    batches = islice(chunked(make, np.random.default_rng(0)), 2 * CHUNK)
    xt, t, eps, c = map(np.array, zip(*batches))                # (200, 64, ...)
    alpha_bars = schedule.alpha_bars[t][..., None]
    x0 = (xt - np.sqrt(1 - alpha_bars) * eps) / np.sqrt(alpha_bars)
    dropped = ~c.any(axis=2)
    first = dropped[:, :32]                                     # the others are their mirror images
    error = np.sqrt(DROP * (1 - DROP))
    clear = ~dropped & (np.abs(x0) > 1e-3).all(axis=2)          # in no doubt about the quarter
    x, y = x0[clear].T
    words = [f"{'upper' if up else 'lower'} {'right' if right else 'left'}"
             for up, right in zip(y > 0, x > 0)]
    return worst({
        "the share of dropped prompts": abs(first.mean() - DROP) / error * np.sqrt(first.size),
        "the dropped ones of a batch, which should differ":
            abs(first.mean(axis=1).std() / error * np.sqrt(32) - 1) * np.sqrt(2 * len(first)),
        "the prompts of a pair, which should be the same":
            np.mean(c[:, :32] != c[:, 32:]) * 1e9,
        "prompts that are not dropped, which should be those of their points":
            np.mean(c[clear] != data.rows(words)) * 1e9,
    })


def guidance_is_its_formula():
    """At w = 0 and w = -1 bit for bit; elsewhere on the line through these two."""
    denoiser, xt, t, c = prompted_denoiser()
    guided = {w: Guided(denoiser, c, w)(xt, t) for w in (-1, 0, 1.5)}
    with_prompt, without = denoiser(xt, t, c), denoiser(xt, t)
    return worst({
        "w = 0, which is the denoiser with the prompt": float((guided[0] != with_prompt).any()),
        "w = -1, which is the one without": float((guided[-1] != without).any()),
        "w = 1.5": distance(guided[1.5], with_prompt + 1.5 * (with_prompt - without)),
    })


def guidance_is_gradient(w=1.5):
    """Perfect denoisers of a quarter and of the circle: p(x | prompt) p(prompt | x)^w climbs."""
    data, schedule, rng = shape_data("circle"), Schedule.linear(), np.random.default_rng(0)
    whole = data.exact(schedule)
    quarter = data.exact(schedule, 0)
    guided = Guided(lambda xt, t, c: quarter(xt, t) if c.any() else whole(xt, t), np.ones(1), w)

    def log_p(x, t):                    # by Bayes' rule, up to a constant
        prompted = quarter.log_density(x, t)
        return prompted + w * (prompted - whole.log_density(x, t))

    misses = {}
    for t in range(0, schedule.T, 7):
        noise = np.sqrt(1 - schedule.alpha_bars[t])
        xt = schedule.add_noise(data.real(20, rng), t, rng.standard_normal((20, 2)))
        h = 1e-4 * noise                                        # in noise widths
        slope = np.stack([log_p(xt + step, t) - log_p(xt - step, t) for step in h * np.eye(2)],
                         axis=1) / (2 * h)
        misses[f"level {t}"] = distance(guided(xt, t), -noise * slope)
    return worst(misses)
