"""beyond/prompts.py: words in places become columns, and the columns become embeddings."""
import numpy as np
import pytest

from scratchdiff.beyond.prompts import Vocabulary, drop_prompts, prompted_batches
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.nn.layers import Linear
from scratchdiff.reference import embedding, embedding_backward

CORNERS = Vocabulary(["upper left", "upper right", "lower left", "lower right"])
SCHEDULE = Schedule.linear()


def test_a_column_for_each_word_in_its_place():
    assert list(CORNERS.column_of) == [(0, "lower"), (0, "upper"), (1, "left"), (1, "right")]
    rows = CORNERS.rows(["upper left", "lower right", "", "lower"])
    assert rows.tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert rows.dtype == np.float32 and CORNERS.rows(["upper left"], np.float64).dtype == np.float64


def test_the_place_of_a_word_matters():
    times = Vocabulary(["ten past five", "five past ten"])
    first, second = times.rows(["ten past five", "five past ten"])
    assert len(times) == 5 and first.sum() == second.sum() == 3
    assert first @ second == 1, "only the word in the middle is at the same place in both"


def test_the_order_of_the_prompts_does_not_matter():
    assert Vocabulary(["b", "a", "b"]).column_of == {(0, "a"): 0, (0, "b"): 1}


@pytest.mark.parametrize("prompt, message", [
    ("middle left", '"middle" is not a word for place 1; there are: lower, upper'),
    ("left", '"left" is not a word for place 1; there are: lower, upper'),
    ("upper left corner", 'a prompt has at most 2 words here; "corner" is one too many')])
def test_an_unknown_word_is_answered_with_the_words_there_are(prompt, message):
    with pytest.raises(ValueError) as raised:
        CORNERS.rows(["upper left", prompt])
    assert str(raised.value) == message


def test_the_rows_of_W_are_the_embeddings():
    """A Linear on the columns [x, c], against a table, a look-up and a scatter-add."""
    rng = np.random.default_rng(0)
    prompts = ["upper left", "lower left", "", "upper right", "upper left"]
    x, c = rng.standard_normal((5, 3)), CORNERS.rows(prompts, np.float64)
    W, b, dy = (rng.standard_normal(shape) for shape in [(3 + len(CORNERS), 6), (6,), (5, 6)])
    layer = Linear(W.copy(), b)
    y = layer.forward(np.concatenate([x, c], axis=1))
    layer.backward(dy)

    table, dtable, embedded = W[3:], np.zeros((len(CORNERS), 6)), np.zeros((5, 6))
    for i, prompt in enumerate(prompts):
        words = [CORNERS.column_of[key] for key in enumerate(prompt.split())]
        embedded[i] = sum(table[word] for word in words)        # the look-up
        np.add.at(dtable, words, dy[i])                         # the scatter-add
    assert np.allclose(y, x @ W[:3] + b + embedded, rtol=0, atol=1e-14)     # a sum in another order
    assert np.allclose(layer.dW[3:], dtable, rtol=0, atol=1e-14)


def test_the_references_scatter_add_is_the_derivative_of_its_look_up():
    rng = np.random.default_rng(0)
    table = {key: rng.standard_normal(2).tolist() for key in CORNERS.column_of}
    dy = [0.7, -1.3]

    def loss(table):
        return np.dot(dy, embedding(table, "upper left"))

    for key, slopes in embedding_backward(table, "upper left", dy).items():
        for j, slope in enumerate(slopes):
            moved = {**table, key: [x + (i == j) for i, x in enumerate(table[key])]}
            assert loss(moved) - loss(table) == pytest.approx(slope, abs=1e-12), "it is linear"


def test_dropped_prompts_are_rows_of_zeros_and_the_others_stay():
    n, c = 10_000, CORNERS.rows(["upper left"] * 10_000)
    some = drop_prompts(c, 0.2, np.random.default_rng(0))
    dropped = ~some.any(axis=1)
    assert np.array_equal(some[~dropped], c[~dropped]) and some.dtype == c.dtype
    assert abs(dropped.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / n), "4 standard errors"
    assert np.array_equal(drop_prompts(c, 0, np.random.default_rng(0)), c)
    assert not drop_prompts(c, 1, np.random.default_rng(0)).any()


def draw(n, rng):
    """Points around 5 are "upper left", points around -5 "lower right"."""
    upper = rng.random(n) < 0.5
    x0 = np.where(upper, 5, -5)[:, None] + 0.01 * rng.standard_normal((n, 2))
    return x0, np.where(upper[:, None], [0, 1, 1, 0], [1, 0, 0, 1])


def test_a_batch_is_points_made_noisy_each_with_its_prompt():
    batches = prompted_batches(draw, SCHEDULE, np.random.default_rng(0), 4000, drop=0.25)
    xt, t, eps, c = next(batches)
    assert xt.shape == eps.shape == (4000, 2) and t.shape == (4000,) and c.shape == (4000, 4)
    assert {array.dtype for array in (xt, eps, c)} == {np.dtype("float32")}
    signal, noise = np.sqrt(SCHEDULE.alpha_bars[t]), np.sqrt(1 - SCHEDULE.alpha_bars[t])
    x0 = (xt - noise[:, None] * eps) / signal[:, None]
    prompted = c.any(axis=1)
    want = draw(4000, np.random.default_rng(0))[1]      # the first thing that the batch drew
    assert np.array_equal(c[prompted], want[prompted])
    centre = np.where(c[prompted, 1:2], 5, -5)
    assert np.allclose(x0[prompted], centre, atol=0.1), "10 widths of a cloud"
    assert abs(prompted.mean() - 0.75) < 4 * np.sqrt(0.25 * 0.75 / 4000), "4 standard errors"
    assert not np.array_equal(next(batches)[0], xt)
