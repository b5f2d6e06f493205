"""Prompts: a few words tell the denoiser what to make.

A network takes numbers. So give every word in its place a column: 1 if the prompt has that word
there, else 0. "Upper left" is a row with two ones. No prompt at all is a row of zeros.

    prompt          0 lower   0 upper   1 left   1 right
    "upper left"       0         1         1         0
    "lower right"      1         0         0         1
    ""                 0         0         0         0

The place matters: "ten past five" and "five past ten" are the same words.

Where are the embeddings? Big models look each word up in a table of vectors, E, and train the
table. So do we, without a line of code for it. The columns c are inputs of the first Linear like
any others. Let E be the rows of its W that belong to them. Then c @ E adds up the rows of the words
that are there: a look-up. And dW = x.T @ dy gives these rows the gradient

    dE[word] = sum_i c[i, word] dy[i]

It adds dy[i] to the row of each word in prompt i. That is the look-up's derivative, a scatter-add;
tests/test_prompts.py compares the two.
"""
import numpy as np

from scratchdiff.diffusion.training import noisy_points

DROP = 0.2              # the share of the prompts that training drops


class Vocabulary:
    """The words of some prompts, each in its place, and a column for each.

    prompts : iterable of str, the words separated by spaces
    columns : dict, (place, word) -> the number of its column
    """

    def __init__(self, prompts):
        keys = sorted({key for prompt in prompts for key in enumerate(prompt.split())})
        self.columns = {key: column for column, key in enumerate(keys)}

    def __len__(self):
        return len(self.columns)

    def rows(self, prompts, dtype=np.float32):
        """Prompts, a list of n str -> (n, columns) of zeros and ones.

        ValueError for a word that no prompt has in that place; it lists the words there are.
        """
        rows = np.zeros((len(prompts), len(self)), dtype)
        for row, prompt in zip(rows, prompts):
            for key in enumerate(prompt.split()):
                if key not in self.columns:
                    raise ValueError(self.unknown(*key))
                row[self.columns[key]] = 1
        return rows

    def unknown(self, place, word):
        known = [word for at, word in self.columns if at == place]
        if not known:
            return f'a prompt has at most {place} words here; "{word}" is one too many'
        return f'"{word}" is not a word for place {place + 1}; there are: {", ".join(known)}'


def drop_prompts(c, share, rng):
    """Prompts c (n, columns), with a random `share` of them replaced by no prompt, all zeros.

    So one network learns two denoisers, with a prompt and without. Guidance needs both
    (Ho & Salimans 2022, algorithm 1).
    """
    return c * (rng.random((len(c), 1)) >= share)


def prompted_batches(draw, schedule, rng, batch_size=256, drop=DROP, dtype=np.float32):
    """Yield batches (xt, t, eps, c) without end, for training.train.

    draw(n, rng) -> points x0 (n, d) and their prompts c (n, columns), of which a share `drop` is
    dropped.
    """
    while True:
        x0, c = (array.astype(dtype) for array in draw(batch_size, rng))
        yield *noisy_points(x0, schedule, rng), drop_prompts(c, drop, rng).astype(dtype)
