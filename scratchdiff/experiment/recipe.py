"""How to learn: everything that decides a run, except the points and the seed."""
from dataclasses import dataclass, replace
from math import sqrt

MOST = {"hidden": 10 ** 6, "steps": 10 ** 9, "batch_size": 10 ** 6}     # more is surely a typo
MOST_LAYERS = 100       # hidden layers, and waves
LARGEST = 1e308         # lr, and multiple of a wave: float64 ends at 1.8e308
ADAPTED = 32            # d_in in the formula of `finetuned`: the inputs of a usual layer
WARM_UP = 0.1           # the part of a "linear" run in which the learning rate rises


@dataclass(frozen=True)
class Recipe:
    """The settings of a run; flags on the command line replace single ones."""

    hidden: tuple                       # units of each hidden layer
    activation: str                     # a name of nn.layers.ACTIVATIONS
    predicts: str                       # a name of diffusion.denoiser.SKIP_AND_GAIN
    steps: int
    batch_size: int
    antithetic: bool                    # each noisy point twice, with opposite noise
    lr: float                           # the learning rate; a "linear" one peaks at 0.9 lr
    lr_schedule: str                    # a name of LR_SCHEDULES
    variance: str                       # a name of diffusion.schedule.VARIANCES
    waves: tuple = ()                   # multiples: the network also sees sin and cos of each
    levels: str = "even"                # a name of diffusion.levels.LEVELS
    schedule: str = "linear"            # a name of diffusion.schedule.SCHEDULES
    lr_by_width: bool = False           # smaller steps for wide layers: nn.rates
    lora: int = 0                       # the rank of the adapters that learn; 0: all parameters do

    def validated(self):
        """The recipe itself; ValueError names a setting that makes no sense."""
        for name in ("hidden", "waves"):
            if len(getattr(self, name)) > MOST_LAYERS:
                raise ValueError(f"{name} must have at most {MOST_LAYERS} entries, "
                                 f"got {len(getattr(self, name))}")
        numbers = [("steps", self.steps), ("batch_size", self.batch_size),
                   *(("hidden", width) for width in self.hidden)]
        for name, number in numbers:
            if type(number) is not int or not 1 <= number <= MOST[name]:
                raise ValueError(f"{name} must be made of whole numbers from 1 to {MOST[name]}, "
                                 f"got {number!r}")
        for k in self.waves:
            if type(k) not in (int, float) or not 0 < k <= LARGEST:
                raise ValueError(f"waves must be made of numbers above 0, got {k!r}")
        for name, known in choices().items():
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, "
                                 f"got {getattr(self, name)!r}")
        for name in ("antithetic", "lr_by_width"):
            if type(getattr(self, name)) is not bool:
                raise ValueError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if type(self.lora) is not int or self.lora < 0:
            raise ValueError(f"lora must be a whole number from 0 up, got {self.lora!r}")
        if type(self.lr) not in (int, float) or not 0 < self.lr <= LARGEST:
            raise ValueError(f"lr must be a number above 0, got {self.lr!r}")
        return self

    def widths(self, d, columns=0):
        """The widths of the MLP for points with d coordinates, and prompts with `columns`."""
        return (d + 1 + columns + 2 * d * len(self.waves), *self.hidden, d)

    def size(self, widths):
        """How many parameters are trained in an MLP of these widths."""
        pairs = list(zip(widths, widths[1:]))
        if self.lora:
            return sum(min(self.lora, *pair) * sum(pair) for pair in pairs)     # A and B
        return sum(d_in * d_out + d_out for d_in, d_out in pairs)               # W and b

    def lr_at(self, step):
        """The learning rate of step number `step`, counted from 0."""
        return self.lr * LR_SCHEDULES[self.lr_schedule](step, self.steps)


def constant(step, steps):
    return 1.0


def linear(step, steps):
    """Up over a tenth of the steps, then down to 0."""
    return min(1, (step + 1) / (WARM_UP * steps)) * (1 - step / steps)


LR_SCHEDULES = {"constant": constant, "linear": linear}


def choices():
    """The settings that are a name, and the tables that they are looked up in."""
    from scratchdiff.diffusion.denoiser import SKIP_AND_GAIN    # here, since --help must not
    from scratchdiff.diffusion.levels import LEVELS             # wait for NumPy to load
    from scratchdiff.diffusion.schedule import SCHEDULES, VARIANCES
    from scratchdiff.nn.layers import ACTIVATIONS
    return {"activation": ACTIVATIONS, "predicts": SKIP_AND_GAIN, "lr_schedule": LR_SCHEDULES,
            "variance": VARIANCES, "levels": LEVELS, "schedule": SCHEDULES}


def shown(value):
    """A setting as it is written on the command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


RECIPES = {
    # Chosen by measuring: tests/quality.py shows what each setting brings. The fastest that is
    # sharp on the circle:
    "default": Recipe(hidden=(32,) * 5, activation="silu", predicts="v", steps=2500, batch_size=256,
                      antithetic=True, lr=1.5e-2, lr_schedule="linear", variance="posterior",
                      levels="low", lr_by_width=True),
    # For anything with more detail than a circle:
    "sharp": Recipe(hidden=(48,) * 4, activation="silu", predicts="v", steps=2700, batch_size=256,
                    antithetic=True, lr=2e-2, lr_schedule="linear", variance="mixed",
                    waves=(2, 4, 8), levels="low", lr_by_width=True),
    # What the PyTorch tutorial does.
    "tutorial": Recipe(hidden=(64, 64), activation="relu", predicts="eps", steps=2000,
                       batch_size=256, antithetic=False, lr=1e-3, lr_schedule="constant",
                       variance="beta"),
}
# For the parts of a shape, each a distribution to learn: nine times as many noisy points, a
# schedule that ends in nearly pure noise, and no waves (tests/quality_prompts.py). Guidance leads
# away from the points that were learned, and out there a network with waves guesses wildly.
RECIPES["prompts"] = replace(RECIPES["sharp"], steps=12_000, batch_size=512, waves=(),
                             schedule="squares")
# For points of your own with labels. A walk to the points of one label starts right only from
# nearly pure noise, because their mean is not 0.
RECIPES["labelled"] = replace(RECIPES["sharp"], schedule="squares")


def finetuned(recipe, lora=0):
    """The recipe that trains this recipe's network further, on other points.

    lora is the rank of the adapters, or 0 if all parameters are trained.

    Adapters of a low rank need a larger lr. Suppose that a step of Adam adds about lr or -lr to
    each entry of B. With c = 1, the step adds to W[k, j] a sum of r terms, A[k, q] times such a
    change. The entries of A have random signs and the size sqrt(1 / d_in), so the sum is about
    lr sqrt(r / d_in). To move W as far as an lr of 0.02 would, lr must be 0.02 sqrt(d_in / r).

    Measured from the circle to an ellipse and to the moons. For all parameters, 0.01 is worse than
    0.02, and 0.03 is a little better after 300 steps, but not after 1000. For rank 4 the formula
    gives 0.057. An lr of 0.04 is no better, and 0.08 doubles the error on the moons after 300
    steps. A constant lr, even the best of three, leaves about twice the error after 1000 steps.
    """
    lr = 0.02 * sqrt(ADAPTED / lora) if lora else 0.02
    return replace(recipe, steps=1000, lr=lr, lr_schedule="linear", lora=lora)
