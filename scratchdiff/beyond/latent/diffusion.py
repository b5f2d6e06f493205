"""Latent diffusion: words in, picture out. A small Stable Diffusion, with each of its parts.

    part            its task                   in Stable Diffusion   here
    text encoder    words into numbers         a transformer, CLIP   a column for a word: prompts.py
    autoencoder     picture, code, picture     786,432 -> 16,384     256 -> 6: latent/autoencoder.py
    denoiser        guess the noise in a code  U-Net with attention  an MLP: diffusion/denoiser.py
    noise schedule  how much noise, and when   1000 levels           50 levels: SCHEDULE, below
    guidance        follow the words closely   w = 6.5, called 7.5   w = 1: guidance.py
    sampler         from noise to a code       DPM-Solver++          sampling.py, few_steps.py

Only the first three parts learn, so only they need derivatives. All three are made of Linear and
SiLU. nn/layers.py differentiates these layers, and nn/network.py chains them. (Stable Diffusion
takes CLIP as it is, already trained.)

First the autoencoder learns the pictures. Then the denoiser learns the cloud of their codes, with
their captions as prompts. It is the circle's denoiser, but its points are codes. To paint, walk
from noise to a code, and decode the code (Rombach et al. 2022, figure 3):

    model = LatentDiffusion(Autoencoder(rng), Vocabulary(captions), rng)
    for step, loss in model.autoencoder.train(pictures, rng): ...
    model.autoencoder.standardise(pictures)
    for step, loss in model.train(pictures, captions, rng): ...
    pictures = model.paint(["ten past three"], rng)                     # (1, pixels)
"""
import numpy as np

from scratchdiff.beyond.guidance import Guided
from scratchdiff.beyond.prompts import prompted_batches
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.diffusion.training import train
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import SiLU
from scratchdiff.nn.network import MLP

SCHEDULE = Schedule.squares(first=0.03 ** 2, last=0.45 ** 2)
HIDDEN = (128,) * 4
STEPS, LR, BATCH = 6000, 1e-2, 256
DROP = 0.5              # more than usual: without a prompt there is more to learn than with one


class LatentDiffusion:
    """An autoencoder, and a denoiser of its codes that takes prompts.

    autoencoder : Autoencoder, or anything with encode, decode and d
    vocabulary : Vocabulary of all the prompts that will be used
    hidden : the widths of the denoiser's hidden layers
    schedule : Schedule, the noise levels that the denoiser knows
    """

    def __init__(self, autoencoder, vocabulary, rng, hidden=HIDDEN, dtype=np.float32,
                 schedule=SCHEDULE):
        self.autoencoder, self.vocabulary = autoencoder, vocabulary
        d, columns = autoencoder.d, len(vocabulary)
        network = MLP((d + 1 + columns, *hidden, d), rng, SiLU, dtype)
        self.denoiser = Denoiser(network, schedule, "v", d, columns)

    def train(self, pictures, captions, rng, steps=STEPS):
        """Learn the codes of pictures (m, pixels), each with its caption; yield (step, loss).

        The autoencoder must be trained and standardised. Its parameters do not change here.
        """
        codes = self.autoencoder.encode(pictures)               # (m, d)
        prompts = self.vocabulary.rows(captions)                # (m, columns)

        def draw(n, rng):
            some = rng.integers(len(codes), size=n)
            return codes[some], prompts[some]

        denoiser, network = self.denoiser, self.denoiser.network
        adam = Adam(network.params, network.grads)
        batches = prompted_batches(draw, denoiser.schedule, rng, BATCH, DROP, denoiser.dtype)
        yield from train(denoiser, adam, batches, steps, lambda step: LR * (1 - step / steps))

    def paint(self, prompts, rng, w=1.0, sampler=reverse_process):
        """One picture for each prompt, (n, pixels): the end of a walk, decoded."""
        for codes in self.walk(prompts, rng, w, sampler):
            pass                                                # keep only the last codes
        return self.autoencoder.decode(codes)

    def walk(self, prompts, rng, w=1.0, sampler=reverse_process):
        """Walk from noise to a code for each prompt, a list of n str ("" for none).

        Yield codes (n, d): the noise at the start, and then the codes after each step. w is the
        guidance scale (guidance.py). Raises ValueError if the vocabulary does not know a word.
        """
        guided = Guided(self.denoiser, self.vocabulary.rows(prompts, self.denoiser.dtype), w)
        codes = rng.standard_normal((len(prompts), self.autoencoder.d), self.denoiser.dtype)
        yield codes
        yield from sampler(guided, guided.schedule, codes, rng)
