"""app/clock.py and app/files/clocks.py: a clock from the command line, saved and loaded."""
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from scratchdiff.app import clock as module
from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.clocks import is_clock, load_clock, save_clock
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import draw
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import PROMPTS
from scratchdiff.beyond.prompts import Vocabulary
from tests.program import SMALL, call


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A clock that has learned nothing yet: enough to be saved, loaded and painted with."""
    rng = np.random.default_rng(5)
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(PROMPTS), rng)
    path = str(tmp_path_factory.mktemp("clock") / "c.npz")
    save_clock(path, model)
    return path, model


def test_a_saved_clock_is_the_same_clock(saved):
    path, model = saved
    again = load_clock(path)
    pictures = draw(np.arange(5))
    codes = model.autoencoder.encode(pictures)
    assert np.array_equal(again.autoencoder.encode(pictures), codes)
    mine, theirs = (clock.paint(["ten past three"], np.random.default_rng(0))
                    for clock in (model, again))
    assert np.array_equal(mine, theirs)


def test_it_paints_what_was_asked_for_and_reads_it(saved, tmp_path):
    path, _ = saved
    picture = tmp_path / "p.svg"
    status, (first, second), err = call("sample", path, "--prompt", "half past six", "10:35",
                                        "--picture", picture)
    assert (status, err) == (0, "")
    assert re.fullmatch(r'asked for "half past six" \(6:30\), it shows \d+:\d\d: '
                        r"\d+ minutes? off", first)
    assert second.startswith('asked for "twenty five to eleven" (10:35), ')
    assert ElementTree.parse(picture).getroot().tag.endswith("svg")


def test_without_a_prompt_it_shows_examples(saved):
    assert len(call("sample", saved[0])[1]) == 3


@pytest.mark.parametrize("flags, w, calls", [
    ([], 1.0, 50), (["--guidance", "-0.5"], -0.5, 50), (["--sampler", "dpm"], 1.0, 10),
    (["--sampler", "ddim", "--sampler-steps", 4, "--guidance", 0], 0.0, 4)])
def test_guidance_and_sampler_are_those_that_were_asked_for(saved, monkeypatch, flags, w, calls):
    walks, right = [], LatentDiffusion.walk

    def walk(self, prompts, rng, w, sampler):
        states = list(right(self, prompts, rng, w, sampler))
        walks.append((prompts, w, len(states) - 1))
        return states

    monkeypatch.setattr(LatentDiffusion, "walk", walk)
    assert call("sample", saved[0], "--prompt", "noon", *flags)[0] == 0
    assert walks == [(["twelve o'clock"], w, calls)]


def test_an_animation_shows_the_way(saved, tmp_path):
    still, film = tmp_path / "still.svg", tmp_path / "film.svg"
    for flags in (["--picture", still], ["--picture", film, "--animate"]):
        assert call("sample", saved[0], "--prompt", "noon", *flags)[0] == 0
    assert "<animate" not in still.read_text() and "<animate" in film.read_text()


def test_on_a_terminal_it_draws_the_clocks(saved, monkeypatch):
    monkeypatch.setattr(module.braille, "wanted", lambda stream: True)
    status, (told, *drawn), _ = call("sample", saved[0], "--prompt", "noon")
    assert status == 0 and len(drawn) == 17 and drawn[-1].strip() == "twelve o'clock"
    assert set("".join(drawn[:-1])) <= set(" \u2591\u2592\u2593\u2588")
    assert max(map(len, [told, *drawn])) < 80


@pytest.mark.parametrize("prompt", ["half past", "three ten past", "25:00", "ten past banana", ""])
def test_words_that_are_no_time_are_refused_in_a_line(prompt, saved):
    for typed in (["clock", prompt], ["sample", saved[0], "--prompt", "noon", prompt]):
        status, out, err = call(*typed)
        assert (status, out) == (2, []) and err.count("\n") == 1
        assert err.startswith(f"scratchdiff: error: {prompt!r} is not a time I know: try")


@pytest.mark.parametrize("flags, said", [
    (["--guidance", "nan"], "argument --guidance: must be a finite number, got 'nan'"),
    (["--guidance", "much"], "argument --guidance: must be a finite number, got 'much'"),
    (["--animate"], "--animate needs --picture FILE"),
    (["--sampler-steps", 10], "the ddpm walk takes all 50 steps: for fewer, --sampler dpm"),
    (["--sampler", "dpm", "--sampler-steps", 51], "--sampler-steps must be from 1 to 50, got 51"),
    (["--picture", "no/p.svg"], "cannot write no/p.svg: there is no folder no")])
def test_a_mistake_is_found_before_the_training(flags, said, saved):
    for typed in (["clock"], ["sample", saved[0]]):
        assert call(*typed, *flags) == (2, [], f"scratchdiff: error: {said}\n")


def test_pictures_that_are_not_finite_are_not_read(saved, tmp_path):
    ended = call("sample", saved[0], "--guidance", "1e30", "--picture", tmp_path / "p.svg")
    assert ended == (2, [], "scratchdiff: error: with guidance 1e+30 the pictures are no longer "
                            "finite: try a number near 1\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flags", [["--points", 5], ["--out", "a.csv"], ["--skip", 3]])
def test_flags_for_points_are_refused_for_a_clock(flags, saved):
    said = f"{flags[0]} is for points, and {saved[0]} is a clock"
    assert call("sample", saved[0], *flags) == (2, [], f"scratchdiff: error: {said}\n")


def test_flags_for_a_clock_are_refused_for_points(tmp_path):
    path = tmp_path / "m.npz"
    assert call(*SMALL, "--quiet", "--save", path)[0] == 0 and not is_clock(path)
    for flags in (["--animate"],):
        said = f"{flags[0]} is for a clock, and {path} is not one"
        assert call("sample", path, *flags) == (2, [], f"scratchdiff: error: {said}\n")


def test_other_files_are_refused(tmp_path, saved):
    path = str(tmp_path / "x.npz")
    np.savez(path, header=np.array("{}"))
    assert not is_clock(path) and not is_clock(tmp_path) and is_clock(saved[0])
    with pytest.raises(CommandError, match="it is not a clock that --save has written"):
        load_clock(path)
    with np.load(saved[0]) as arrays:
        np.savez(path, **{**arrays, "denoiser": arrays["denoiser"][:-1]})
    with pytest.raises(CommandError, match="array denoiser has shape"):
        load_clock(path)


def test_training_says_what_each_part_reaches(monkeypatch, tmp_path):
    """A few steps only: the figures mean nothing, but all of them are there."""
    short = [lambda self, *rest, right=right: right(self, *rest, steps=3) for right in
             (LatentDiffusion.train, Autoencoder.train)]
    monkeypatch.setattr(LatentDiffusion, "train", short[0])
    monkeypatch.setattr(Autoencoder, "train", short[1])
    monkeypatch.setattr(module, "EACH", 1)
    path = tmp_path / "c.npz"
    status, out, err = call("clock", "noon", "--save", path, "--sampler", "dpm")
    assert (status, err) == (0, "")
    for line in ("autoencoder: 256 pixels -> 6 numbers", 'asked for "twelve o\'clock" (12:00), ',
                 "  within 5 minutes = ", "  residual = ", "  without a prompt = ",
                 "  the autoencoder alone = ", "  a minute = 0.07"):
        assert any(said.startswith(line) for said in out), line
    (again,) = call("sample", path, "--prompt", "noon", "--sampler", "dpm")[1]
    assert again in out, "the saved clock paints the same with the same seed"
