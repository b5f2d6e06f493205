"""Prompts: a few words tell the denoiser what to make.

A network takes numbers. So give each word, at each place in a prompt, a column. The column is 1 if
the prompt has that word at that place, else 0. Then "upper left" is a row with two ones, and no
prompt at all is a row of zeros. In this table, a column's name is a place, from 0 up, and a word:

    prompt          0 lower   0 upper   1 left   1 right
    "upper left"       0         1         1         0
    "lower right"      1         0         0         1
    ""                 0         0         0         0

The place matters: "ten past five" and "five past ten" have the same words.

Where are the embeddings? Big models look each word up in a table E, which has a vector for each
word, and they train the table. So do we, without extra code. The columns c are inputs of the first
Linear like any others. Let E be the rows of W that belong to these columns. Then c @ E adds up the
rows of the words in the prompt, which is a look-up. Backward, dW = x.T @ dy gives E the gradient

    dE[word] = sum_i c[i, word] dy[i]

So dy[i] is added to the row of each word in prompt i. This is the backward pass of a look-up. It is
called a scatter-add. tests/test_prompts.py compares the Linear with a look-up.
"""
import numpy as np

from scratchdiff.diffusion.training import noisy_points

DROP = 0.3              # the share of the prompts that training drops


class Vocabulary:
    """The words of some prompts. Each word has a column for each place where it occurs.

    prompts : iterable of str, the words separated by spaces
    column_of : dict, (place, word) -> the number of the column; places count from 0
    """

    def __init__(self, prompts):
        keys = sorted({key for prompt in prompts for key in enumerate(prompt.split())})
        self.column_of = {key: column for column, key in enumerate(keys)}   # key: (place, word)

    def __len__(self):
        return len(self.column_of)

    def rows(self, prompts, dtype=np.float32):
        """Prompts, a list of n str -> (n, columns) of zeros and ones.

        Raises ValueError for a word that has no column at its place, and lists the words that do.
        """
        rows = np.zeros((len(prompts), len(self)), dtype)
        for row, prompt in zip(rows, prompts):
            for key in enumerate(prompt.split()):
                if key not in self.column_of:
                    raise ValueError(self.unknown(*key))
                row[self.column_of[key]] = 1
        return rows

    def unknown(self, place, word):
        """The message for a word that has no column at this place."""
        known = [other for at, other in self.column_of if at == place]
        if not known:
            return f'a prompt has at most {place} words here; "{word}" is one too many'
        return f'"{word}" is not a word for place {place + 1}; there are: {", ".join(known)}'


def drop_prompts(c, share, rng):
    """Prompts c (n, columns), with a random `share` of the rows set to zeros, no prompt.

    In this way one network learns to guess with a prompt and without. Guidance needs both guesses
    (Ho & Salimans 2022, algorithm 1).
    """
    return c * (rng.random((len(c), 1)) >= share)


def prompted_batches(draw, schedule, rng, batch_size=256, drop=DROP, dtype=np.float32):
    """Yield batches (xt, t, eps, c) without end, for training.train.

    draw(n, rng) -> points x0 (n, d) and their prompts c (n, columns). A random share `drop` of the
    prompts is dropped.
    """
    while True:
        x0, c = draw(batch_size, rng)
        xt, t, eps = noisy_points(x0.astype(dtype), schedule, rng)
        yield xt, t, eps, drop_prompts(c.astype(dtype), drop, rng)
