"""app/clock.py and app/files/clocks.py: a clock from the command line, saved and loaded."""
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from scratchdiff.app import clock as module
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.clocks import load_clock, save_clock
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import draw
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import PROMPTS
from tests.program import call


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A clock that has learned nothing yet: enough to be saved, loaded and painted with."""
    rng = np.random.default_rng(5)
    model = LatentDiffusion(Autoencoder(rng), PROMPTS, rng)
    path = str(tmp_path_factory.mktemp("clock") / "c.npz")
    save_clock(path, model)
    return path, model


def test_a_saved_clock_is_the_same_clock(saved):
    path, model = saved
    again = load_clock(path)
    pictures = draw(np.arange(5))
    codes = model.autoencoder.encode(pictures)
    assert np.array_equal(again.autoencoder.encode(pictures), codes)
    *_, mine = model.walk(["ten past three"], np.random.default_rng(0))
    *_, theirs = again.walk(["ten past three"], np.random.default_rng(0))
    assert np.array_equal(mine, theirs)


def test_it_paints_what_was_asked_for_and_reads_it(saved, tmp_path):
    path, _ = saved
    picture = tmp_path / "p.svg"
    result = call("clock", "half past six", "10:35", "--model", path, "--picture", picture)
    assert result[0] == 0
    first, second = result[1]
    assert re.fullmatch(r'asked for "half past six" \(6:30\), the picture shows \d+:\d\d, '
                        r"\d+ minutes off", first)
    assert second.startswith('asked for "twenty five to eleven" (10:35), ')
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


@pytest.mark.parametrize("prompt", ["half past", "three ten past", "25:00", "ten past banana", ""])
def test_words_that_are_no_time_are_refused_in_a_line(prompt, saved):
    status, out, err = call("clock", prompt, "--model", saved[0])
    assert (status, out) == (2, []) and err.startswith("scratchdiff: error: ")
    assert err.count("\n") == 1


def test_guidance_must_be_a_number(saved):
    for wrong in ("nan", "inf", "much"):
        status, _, err = call("clock", "--model", saved[0], "--guidance", wrong)
        assert status == 2 and "wants a finite number" in err


def test_other_files_are_refused(tmp_path, saved):
    path = str(tmp_path / "x.npz")
    np.savez(path, header=np.array("{}"))
    with pytest.raises(CommandError, match="it is not a clock that --save has written"):
        load_clock(path)
    with np.load(saved[0]) as arrays:
        np.savez(path, **{**arrays, "denoiser": arrays["denoiser"][:-1]})
    with pytest.raises(CommandError, match="array denoiser has shape"):
        load_clock(path)


def test_training_says_what_each_part_reaches(monkeypatch):
    """A few steps only: the figures mean nothing, but all of them are there."""
    short = [lambda self, *rest, right=right: right(self, *rest, steps=3) for right in
             (LatentDiffusion.train, Autoencoder.train)]
    monkeypatch.setattr(LatentDiffusion, "train", short[0])
    monkeypatch.setattr(Autoencoder, "train", short[1])
    monkeypatch.setattr(module, "EACH", 1)
    status, out, err = call("clock", "noon")
    assert (status, err) == (0, "")
    for line in ("autoencoder: 256 pixels -> 6 numbers", "  within 5 minutes = ",
                 "without a prompt: still clocks"):
        assert any(said.startswith(line) for said in out), line
