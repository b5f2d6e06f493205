"""Links of lesson 3: prompts as embeddings, dropped prompts, guidance."""
from itertools import islice

import numpy as np

from scratchdiff import reference
from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.prompts import DROP, Vocabulary
from scratchdiff.chain.batches import BATCHES, EXACT, without_noise
from scratchdiff.chain.layers import prompted_denoiser
from scratchdiff.chain.link import Measured, distance, slopes, worst
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.experiment.data import shape_data
from scratchdiff.fast.batches import chunked, noisy
from scratchdiff.nn.layers import Linear

PROMPTS = ["ten past five", "five past ten", "noon", ""]


def prompts_are_a_table():
    """A Linear with input [x, c], against a Linear with input x plus the reference's embeddings.

    The reference looks each word's vector up in a table. Its backward adds dy to those vectors.
    """
    rng = np.random.default_rng(0)
    # The keys of the table are (place, word).
    keys = sorted({key for prompt in PROMPTS for key in enumerate(prompt.split())})
    vocabulary = Vocabulary(PROMPTS)
    if len(vocabulary) != len(keys):
        return Measured(np.inf, f"{len(vocabulary)} columns, for {len(keys)} words in their places")
    x, dy = rng.standard_normal((len(PROMPTS), 3)), rng.standard_normal((len(PROMPTS), 6))
    W, b = rng.standard_normal((3, 6)), rng.standard_normal(6)
    table = {key: rng.standard_normal(6) for key in keys}
    prompted = Linear(np.vstack([W, *table.values()]), b)
    y = prompted.forward(np.hstack([x, vocabulary.rows(PROMPTS, np.float64)]))
    prompted.backward(dy)

    plain = Linear(W, b)
    their_y = plain.forward(x)
    plain.backward(dy)
    dtable = np.zeros((len(keys), 6))
    for i, prompt in enumerate(PROMPTS):
        their_y[i] += reference.embedding(table, prompt)
        dtable += list(reference.embedding_backward(table, prompt, dy[i]).values())
    misses = {f'"{prompt}"': distance(y[i], their_y[i]) for i, prompt in enumerate(PROMPTS)}
    misses["the gradient of W"] = distance(prompted.dW[:3], plain.dW)
    misses["the gradient of the table"] = distance(prompted.dW[3:], dtable)
    return worst(misses)


def prompts_are_dropped():
    """Two chunks of training batches from the four quarters of the circle, in standard errors."""
    schedule, data = Schedule.linear(), shape_data("circle", labels=True)
    make = noisy(data.prompted, schedule, 64, antithetic=True)
    batches = islice(chunked(make, np.random.default_rng(0)), BATCHES)
    xt, t, eps, c = map(np.array, zip(*batches))                # (200, 64, ...) each
    x0 = without_noise(xt, t, eps, schedule)
    dropped = ~c.any(axis=2)
    drawn = dropped[:, :32]             # the second half of a batch repeats the first half
    deviation = np.sqrt(DROP * (1 - DROP))                      # of a single draw
    deviation_of_means = drawn.mean(axis=1).std() * np.sqrt(32)     # the same, if independent
    clear = ~dropped & (np.abs(x0) > 1e-3).all(axis=2)          # surely within one quarter
    words = [f"{'upper' if y > 0 else 'lower'} {'right' if x > 0 else 'left'}"
             for x, y in x0[clear].tolist()]
    return worst({
        "the share of dropped prompts":
            abs(drawn.mean() - DROP) / deviation * np.sqrt(drawn.size),
        "the dropped prompts of a batch, which should differ":
            abs(deviation_of_means / deviation - 1) * np.sqrt(2 * len(drawn)),
        "the prompts of a pair, which should be the same":
            np.mean(c[:, :32] != c[:, 32:]) * EXACT,
        "prompts that are not dropped, which should be those of their points":
            np.mean(c[clear] != data.rows(words)) * EXACT,
    })


def guidance_is_its_formula():
    """w = 0 and w = -1 are the denoiser with and without the prompt. w = 1.5 is the formula."""
    denoiser, xt, t, c = prompted_denoiser()
    guided = {w: Guided(denoiser, c, w)(xt, t) for w in (-1, 0, 1.5)}
    with_prompt, without = denoiser(xt, t, c), denoiser(xt, t)
    return worst({
        "w = 0, which is the denoiser with the prompt": float((guided[0] != with_prompt).any()),
        "w = -1, which is the denoiser without the prompt": float((guided[-1] != without).any()),
        "w = 1.5": distance(guided[1.5], with_prompt + 1.5 * (with_prompt - without)),
    })


def guidance_is_gradient(w=1.5):
    """Guided noise against central differences of log p(x | prompt) + w log p(prompt | x).

    The denoisers are perfect. The prompt asks for a quarter of the circle.
    """
    data, schedule, rng = shape_data("circle"), Schedule.linear(), np.random.default_rng(0)
    whole = data.exact(schedule)
    quarter = data.exact(schedule, 0)
    guided = Guided(lambda xt, t, c: quarter(xt, t) if c.any() else whole(xt, t), np.ones(1), w)

    def log_p(x, t):
        log_p_prompted, log_p_x = quarter.log_density(x, t), whole.log_density(x, t)
        log_p_prompt = log_p_prompted - log_p_x                 # Bayes' rule, up to a constant
        return log_p_prompted + w * log_p_prompt

    misses = {}
    for t in range(0, schedule.T, 7):
        noise = np.sqrt(1 - schedule.alpha_bars[t])
        xt = schedule.add_noise(data.real(20, rng), t, rng.standard_normal((20, 2)))
        slope = slopes(lambda x: log_p(x, t), xt, 1e-4 * noise)
        misses[f"level {t}"] = distance(guided(xt, t), -noise * slope)
    return worst(misses)
