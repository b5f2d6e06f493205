"""tests/quality_clock.py: what it puts in place of the clock's parts, and a row of its table."""
import numpy as np

from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import PROMPTS
from scratchdiff.beyond.prompts import Vocabulary
from tests.quality_clock import PICTURES, Pixels, WithoutPlaces, row


def test_words_without_places():
    words = WithoutPlaces(PROMPTS)
    same = words.rows(["five past ten", "ten past five"])
    assert len(words) == 18 and same.sum() == 6 and np.array_equal(*same)
    assert not words.rows([""]).any() and words.rows(["twenty five past five"]).max() == 2
    assert len(np.unique(words.rows(PROMPTS), axis=0)) == 142, "two pairs of 144"


def test_pixels_are_a_standard_code():
    codes = Pixels().encode(PICTURES)
    assert np.allclose(codes.mean(axis=0), 0, atol=1e-4)            # float32
    assert np.isclose(np.mean(codes ** 2), 1, rtol=1e-4)
    assert np.allclose(Pixels().decode(codes), PICTURES, atol=1e-6)


def test_a_row_of_the_table(capsys):
    rng = np.random.default_rng(0)
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(PROMPTS), rng, hidden=(4,))
    row("untrained", model, prompts=["half past six"])
    name, right, median, worst, residual, times = capsys.readouterr().out.split()
    assert name == "untrained" and right.endswith("%") and 0 <= float(right[:-1]) <= 100
    assert 0 <= int(median) <= int(worst) <= 360 and float(residual) > 0.1 and float(times) > 0
