"""A model: a denoiser and its optimiser, with the recipe, seed and data that they come from."""
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite

import numpy as np

from scratchdiff.beyond.distillation import student_points, student_schedule
from scratchdiff.beyond.few_steps import ddim
from scratchdiff.beyond.guidance import Guided
from scratchdiff.diffusion.denoiser import Denoiser
from scratchdiff.diffusion.levels import LEVELS
from scratchdiff.diffusion.sampling import reverse_process
from scratchdiff.diffusion.schedule import SCHEDULES
from scratchdiff.diffusion.training import train
from scratchdiff.experiment.data import Data
from scratchdiff.experiment.recipe import Recipe
from scratchdiff.fast.batches import chunk_size, chunked, noisy
from scratchdiff.fast.blocks import BLOCK, sample, walk
from scratchdiff.fast.inference import faster
from scratchdiff.fast.streams import INIT, SAMPLING, TRAINING, stream
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import ACTIVATIONS
from scratchdiff.nn.lora import adapted
from scratchdiff.nn.network import MLP, Network
from scratchdiff.nn.rates import rates
from scratchdiff.nn.waves import Waves


MOST_HELD = 2 ** 24     # numbers that a batch, or a block, may have in all layers: 64 MB


class Diverged(ArithmeticError):
    """The steps were too long, and the numbers grew until they were no longer finite."""


@dataclass
class Model:
    """A denoiser and its optimiser, what they come from, and the steps that they have taken."""

    recipe: Recipe
    seed: int
    data: Data
    denoiser: Denoiser
    adam: Adam
    losses: list = field(default_factory=list)      # one for each step taken
    few: partial = None                             # a sampler of beyond/few_steps.py, if chosen
    made_from: str = ""                             # what it was fine-tuned or distilled from
    base: np.ndarray = None                         # (P,) the frozen parameters under adapters
    pairs: np.ndarray = None                        # (m, K, 2, d) float32, of a student of K steps

    @classmethod
    def new(cls, recipe, seed, data, base=None, pairs=None):
        """An untrained model. The same arguments give the same model.

        base (P,) : the parameters to start from, of a network without adapters, or None for random
            ones. If the recipe has adapters, these are frozen.
        pairs (m, K, 2, d) float32 : what a student learns from (beyond/distillation.py), or None

        Raises ValueError for a recipe that makes no sense, or whose batches would take too much
        memory.
        """
        recipe.validated()
        widths = recipe.widths(data.d, data.columns)
        rows, units = max(recipe.batch_size, BLOCK), sum(widths)
        if rows * units > MOST_HELD:
            raise ValueError(f"{rows} points at once, in layers with {units} units, need room for "
                             f"{rows * units} numbers, and at most {MOST_HELD} are allowed")
        rng = cls.stream(seed, INIT)
        network = MLP(widths, rng, ACTIVATIONS[recipe.activation])
        if recipe.waves:
            network = Network([Waves(data.d, recipe.waves), *network.layers])
        if base is not None:
            network.params[:] = base
        frozen = None
        if recipe.lora:
            frozen, network = network.params, adapted(network, recipe.lora, rng)
        schedule, few = SCHEDULES[recipe.schedule](), None
        if pairs is not None:
            schedule, few = student_schedule(schedule, pairs.shape[1]), partial(ddim)
            data = replace(data, exact=None)        # the perfect student is not known
        denoiser = Denoiser(network, schedule, recipe.predicts, data.d, data.columns)
        return cls(recipe, seed, data, denoiser, Adam(network.params, network.grads), few=few,
                   base=frozen, pairs=pairs)

    @staticmethod
    def stream(seed, part):
        """The random numbers of one part of a run: a number of fast/streams.py."""
        return stream(np.random.default_rng(seed), part)

    def train(self):
        """Train from where adam stands to the recipe's last step; yield (step, loss) after each."""
        for step, loss in train(self.denoiser, self.adam, self.batches(), self.recipe.steps,
                                self.lr(), self.levels.weight):
            if not isfinite(loss):
                raise Diverged(f"the loss at step {step + 1} is no longer finite")
            self.losses.append(loss)
            yield step, loss

    def batches(self):
        """The batches of step adam.k and of every step after it, without end."""
        recipe = self.recipe
        if self.pairs is None:
            draw = self.data.prompted if self.data.labels else self.data.draw
            make = noisy(draw, self.denoiser.schedule, recipe.batch_size, recipe.antithetic,
                         levels=self.levels)
        else:
            def make(n, rng):
                return self.taught((n, recipe.batch_size), rng)
        size = chunk_size(recipe.batch_size * (self.data.d + self.data.columns))
        return chunked(make, self.stream(self.seed, TRAINING), self.adam.k, size)

    def taught(self, shape, rng):
        """Random pairs of a student, (xt, t, target), and if it has labels the walks' prompts."""
        given = [self.data.prompts_of_walks(np.arange(len(self.pairs)))] if self.data.labels else []
        return student_points(self.pairs, shape, rng, *given)

    def lr(self):
        """step -> the learning rate: the recipe's, smaller where layers are wide."""
        recipe = self.recipe
        factors = rates(self.denoiser.network) if recipe.lr_by_width else np.ones(1)
        return recipe.lr_at if np.all(factors == 1) else lambda step: recipe.lr_at(step) * factors

    def sample(self, n, seed=None, skip=0, prompt=None, w=0.0):
        """Yield n points in standard form, from number `skip` on, in blocks of rows.

        `prompt` is one of data.labels, and w how hard it steers (beyond/guidance.py). Without one,
        the points may be of any label. Raises Diverged if a point is not finite, and ValueError for
        a prompt that is not a label.
        """
        rng = self.stream(self.seed if seed is None else seed, SAMPLING)
        denoiser = self.denoiser if prompt is None else self.guided([prompt], w)
        for block in sample(denoiser, self.denoiser.schedule, n, self.data.d, rng,
                            self.sampler, skip):
            if not np.isfinite(block).all():
                raise Diverged("the points that it makes are no longer finite")
            yield block

    def guided(self, prompts, w=0.0):
        """The denoiser with prompts built in: one for all points, or one for each of them."""
        return Guided(self.denoiser, self.data.rows(prompts), w)

    def walk(self):
        """Yield the first block of `sample`, as noise and after every step of the walk."""
        return walk(faster(self.denoiser, BLOCK), self.denoiser.schedule, 0, self.data.d,
                    self.stream(self.seed, SAMPLING), self.sampler)

    @property
    def levels(self):
        """How often training draws each noise level, and how much the level counts in the loss."""
        return LEVELS[self.recipe.levels](self.denoiser.schedule)

    @property
    def sampler(self):
        """The tutorial's walk, with the recipe's variance, or a shorter one."""
        return self.few or partial(reverse_process, variance=self.recipe.variance)
