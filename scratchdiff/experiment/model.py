"""A model: a denoiser on its way from a recipe, a seed and some data to what it has learnt."""
from dataclasses import dataclass, field

import numpy as np

from scratchdiff.experiment.data import Data
from scratchdiff.app.errors import CommandError
from scratchdiff.experiment.recipe import Recipe
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.sampling import BLOCK, sample, walk
from scratchdiff.diffusion.schedule import Schedule
from scratchdiff.fast.streams import stream
from scratchdiff.diffusion.training import train
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import ReLU, SiLU
from scratchdiff.nn.network import MLP

ACTIVATIONS = {"relu": ReLU, "silu": SiLU}
INIT, TRAINING, SAMPLING, REPORT, SPLIT = range(5)  # which stream of the seed's generator each part of a run draws from


@dataclass
class Model:
    """A denoiser and its optimiser, where they came from, and how far they have come."""

    recipe: Recipe
    seed: int
    data: Data
    denoiser: Denoiser
    adam: Adam
    losses: list = field(default_factory=list)      # one for each step taken

    @classmethod
    def new(cls, recipe, seed, data):
        mlp = MLP((data.d + 1, *recipe.hidden, data.d), cls.stream(seed, INIT), ACTIVATIONS[recipe.activation])
        return cls(recipe, seed, data, Denoiser(mlp, Schedule.linear(), recipe.predicts), Adam(mlp.params, mlp.grads))

    @staticmethod
    def stream(seed, part):
        return stream(np.random.default_rng(seed), part)

    def train(self):
        """Train from the step where adam stands to the recipe's last; yield (step, loss) after each."""
        recipe = self.recipe
        for step, loss in train(self.denoiser, self.adam, self.data.draw, self.stream(self.seed, TRAINING), recipe.steps,
                                recipe.lr_at, recipe.batch_size, recipe.antithetic):
            self.losses.append(loss)
            yield step, loss

    def sample(self, n, seed=None, skip=0):
        """Yield n points in standard form, from number `skip` on, in blocks of rows. CommandError if training diverged."""
        rng = self.stream(self.seed if seed is None else seed, SAMPLING)
        for block in sample(self.denoiser, self.denoiser.schedule, n, self.data.d, rng, self.recipe.variance, skip):
            if not np.isfinite(block).all():
                raise self.diverged("the points that it makes are")
            yield block

    def diverged(self, what):
        """The CommandError for steps that were too long, so that the numbers grew and grew."""
        return CommandError(f"the network has diverged, {what} no longer finite: try an --lr smaller than {self.recipe.lr:g}")

    def walk(self):
        """Yield the first block of `sample`, as noise and after every step of the reverse process."""
        return walk(self.denoiser.inference(BLOCK), self.denoiser.schedule, 0, self.data.d,
                    self.stream(self.seed, SAMPLING), self.recipe.variance)
