"""beyond/latent/diffusion.py and student.py: words in, the right picture out, for full hours."""
from copy import deepcopy
from functools import partial

import numpy as np
import pytest

from scratchdiff.beyond.distillation import TEACHER_STEPS
from scratchdiff.beyond.few_steps import ddim, ddim_step, few_steps
from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.latent import student as module
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import draw, minutes_off, read
from scratchdiff.beyond.latent.diffusion import SCHEDULE, LatentDiffusion
from scratchdiff.beyond.latent.student import new_student, train_student
from scratchdiff.beyond.latent.words import say
from scratchdiff.beyond.prompts import Vocabulary
from scratchdiff.chain.latent import HOURS, trained_hours
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.nn.adam import Adam

PICTURES, CAPTIONS = draw(HOURS), [say(hour) for hour in HOURS]


@pytest.fixture(scope="module")
def model():
    """The small clock of the chain, which is trained only once."""
    return trained_hours()


@pytest.fixture(scope="module")
def walk(model):
    """Twenty pictures of each hour."""
    prompts = [text for text in CAPTIONS for _ in range(20)]
    codes = list(model.walk(prompts, np.random.default_rng(1)))
    assert np.array_equal(model.autoencoder.decode(codes[-1]),
                          model.paint(prompts, np.random.default_rng(1)))
    return [model.autoencoder.decode(code) for code in codes]


def test_a_walk_goes_from_noise_to_clocks(walk):
    first, last = (np.median(read(pictures)[1]) for pictures in (walk[0], walk[-1]))
    assert len(walk) == 1 + SCHEDULE.T and walk[0].shape == (240, 256)
    assert last < 0.05 < 0.1 < first, "from one minute to the next it is 0.07"


def test_the_picture_shows_what_the_prompt_says(walk):
    minutes, _ = read(walk[-1])
    assert np.mean(minutes_off(minutes, np.repeat(HOURS, 20)) <= 5) > 0.95


def test_without_a_prompt_every_hour_comes(model):
    pictures = model.paint([""] * 240, np.random.default_rng(1), w=-1)
    hours = np.bincount(np.round(read(pictures)[0] / 60).astype(int) % 12, minlength=12)
    assert hours.min() > 3, "20 of each are expected, give or take 4"


def test_any_sampler_will_do(model):
    def sampler(denoiser, schedule, x, rng):
        assert schedule is SCHEDULE and x.shape == (1, 6) and denoiser(x, 3).shape == (1, 6)
        yield from partial(reverse_process, variance="beta")(denoiser, schedule, x, rng)

    pictures = model.paint(["ten o'clock"], np.random.default_rng(1), sampler=sampler)
    assert minutes_off(read(pictures)[0], 600)[0] <= 5


def test_an_unknown_word_is_named(model):
    with pytest.raises(ValueError, match='"thirteen" is not a word for place 1; there are: eight,'):
        next(model.walk(["thirteen o'clock"], np.random.default_rng(1)))


def test_training_the_denoiser_leaves_the_autoencoder_alone(model):
    twin = deepcopy(model)
    for _ in twin.train(PICTURES, CAPTIONS, np.random.default_rng(2), 1):
        pass
    assert np.array_equal(twin.autoencoder.network.params, model.autoencoder.network.params)
    assert not np.array_equal(twin.denoiser.network.params, model.denoiser.network.params)


def test_a_student_paints_in_one_step(model):
    rng = np.random.default_rng(3)
    student = new_student(model, 1, rng)
    losses = [loss for _, loss in train_student(student, model, CAPTIONS, rng, steps=150)]
    minutes, residual = read(student.paint(CAPTIONS * 20, rng, 0.0, ddim))
    assert student.denoiser.schedule.T == 1 and losses[-1] < losses[0] / 20
    assert np.mean(minutes_off(minutes, np.tile(HOURS, 20)) <= 5) > 0.95
    assert np.median(residual) < 0.05 and student.autoencoder is model.autoencoder


def test_a_student_is_taught_the_end_of_the_guided_walk_with_its_prompt(model, monkeypatch):
    student = new_student(model, 1, np.random.default_rng(0))
    monkeypatch.setattr(module, "train", lambda denoiser, adam, batches, *rest: batches)
    xt, t, target, c = next(train_student(student, model, CAPTIONS, np.random.default_rng(1), 3.0))
    sampler = few_steps("dpm", SCHEDULE, TEACHER_STEPS)
    *_, codes = sampler(Guided(model.denoiser, c, 3.0), SCHEDULE, xt, None)
    assert xt.shape == target.shape == (256, 6) and not t.any()
    assert len(np.unique(c, axis=0)) == 12 and len(np.unique(xt, axis=0)) > 200
    step = ddim_step(xt, 0, -1, target, 0.0, student.denoiser.schedule)
    assert np.allclose(step, codes, atol=1e-4)      # float32; the step divides by signal 0.15


@pytest.mark.parametrize("learn", [
    lambda autoencoder, model: autoencoder.train(PICTURES, np.random.default_rng(0), 9),
    lambda autoencoder, model: model.train(PICTURES, CAPTIONS, np.random.default_rng(0), 9)],
    ids=["autoencoder", "denoiser"])
def test_the_learning_rate_falls_to_nearly_0(learn, monkeypatch):
    rng, rates = np.random.default_rng(0), []
    monkeypatch.setattr(Adam, "step", lambda self, lr: rates.append(lr))
    autoencoder = Autoencoder(rng, (256, 4, 2))
    for _ in learn(autoencoder, LatentDiffusion(autoencoder, Vocabulary(CAPTIONS), rng, (4,))):
        pass
    assert rates == pytest.approx(rates[0] * np.arange(9, 0, -1) / 9)
