"""How to learn: all that decides a run but the points and the seed."""
from dataclasses import dataclass
from math import inf

CHOICES = {"activation": ("relu", "silu"), "predicts": ("eps", "v"), "lr_schedule": ("constant", "linear"),
           "variance": ("posterior", "beta")}
MOST = {"hidden": 10 ** 6, "steps": 10 ** 9, "batch_size": 10 ** 6}  # beyond that is a slip of the finger
WARM_UP = 0.1           # the part of a "linear" schedule in which the learning rate rises


@dataclass(frozen=True)
class Recipe:
    """The settings of a run; flags on the command line replace single ones. ValueError names the one that cannot be."""

    hidden: tuple                       # units of each hidden layer
    activation: str                     # "relu" or "silu": nn/layers.py
    predicts: str                       # "eps" or "v": diffusion/denoiser.py
    steps: int
    batch_size: int
    antithetic: bool                    # each noisy point twice, with opposite noise: diffusion/training.py
    lr: float                           # the largest size of Adam's steps
    lr_schedule: str                    # "constant", or "linear": up over a tenth of the steps, then down to 0
    variance: str                       # "posterior" or "beta": diffusion/schedule.py

    def __post_init__(self):
        for name, number in [("steps", self.steps), ("batch_size", self.batch_size),
                             *(("hidden", width) for width in self.hidden)]:
            if type(number) is not int or not 1 <= number <= MOST[name]:
                raise ValueError(f"{name} must be made of whole numbers from 1 to {MOST[name]}, got {number!r}")
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if type(self.antithetic) is not bool:
            raise ValueError(f"antithetic must be true or false, got {self.antithetic!r}")
        if type(self.lr) not in (int, float) or not 0 < self.lr < inf:
            raise ValueError(f"lr must be a number above 0, got {self.lr!r}")

    def lr_at(self, step):
        """The size of Adam's step number `step`, counted from 0."""
        if self.lr_schedule == "constant":
            return self.lr
        return self.lr * min(1, (step + 1) / (WARM_UP * self.steps)) * (1 - step / self.steps)


def shown(value):
    """A setting as it is written on the command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


RECIPES = {
    # Chosen by measuring: the README says what each setting brings.
    "default": Recipe(hidden=(32,) * 5, activation="silu", predicts="v", steps=3000, batch_size=256, antithetic=True,
                      lr=2e-2, lr_schedule="linear", variance="posterior"),
    # What the PyTorch tutorial does.
    "tutorial": Recipe(hidden=(64, 64), activation="relu", predicts="eps", steps=2000, batch_size=256, antithetic=False,
                       lr=1e-3, lr_schedule="constant", variance="beta"),
}
