"""A diffusion model of points, written from scratch in NumPy, with every derivative by hand.

Points start as noise and end on a circle. A network learns to guess the noise in a noisy point. A
sampler then takes the guessed noise away, a little at a time. Nothing hides in a framework: the
network, its derivatives, the optimiser and the sampler are all here. Read them in this order.

    reference.py    lessons 1 and 2, one number at a time, in plain Python

    nn/             LESSON 1, backpropagation
      layers.py       Linear, ReLU, SiLU for whole batches, each backward pass derived
      loss.py         the mean squared error, where every backward pass begins
      network.py      layers in a row, over one flat vector of parameters
      adam.py         the optimiser
      gradcheck.py    how to know that a backward pass is right
    (Skip expect.py, free.py and checker/. The other files there come in lesson 3.)

    diffusion/      LESSON 2, diffusion
      schedule.py     destroy: how much of a point is left at each noise level
      denoiser.py     guess: the network's guess at the noise in a noisy point
      training.py     learn: the training loop
      levels.py       which noise levels training draws
      sampling.py     walk back: from noise to points
      ../measure/     how good could it be? exact.py is the perfect denoiser

    beyond/         LESSON 3, from the circle to Stable Diffusion, one idea a file
      few_steps.py    walk back in ten steps: DDIM and DPM-Solver++
      distillation.py a student that needs one step
      density.py      how likely each generated point is
      prompts.py      words that tell the denoiser what to make
      guidance.py     how hard the words steer
      ../nn/lora.py   teach a trained network new points with few parameters
      ../nn/waves.py  sines and cosines of the inputs, for fine detail
      ../nn/rates.py  smaller steps for wide layers
      latent/         all of it together: ask for a time, get a picture of a clock

    chain/          the chain of trust: why you can believe all this

    fast/           the same results, quicker; you can understand the rest without it
    experiment/     what a run is: recipe, data, model
    app/            the command line, files, pictures

From Python, with the same results as from the command line:

    from scratchdiff import RECIPES, Model, shape_data      # before numpy: see below
    import numpy as np

    model = Model.new(RECIPES["default"], 0, shape_data("circle"))
    for step, loss in model.train():
        if step % 500 == 0:
            print(step, loss)
    points = np.concatenate(list(model.sample(500)))        # (500, 2)

Import scratchdiff before numpy, as above. It then tells NumPy's linear algebra to use one thread:
for matrices this small, one thread is faster than several that wait for each other.
"""
import os
from importlib import import_module

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")      # read once, when numpy is imported

_MODULE = {             # name -> the file that defines it, which is imported when first asked for
    "Linear": "nn.layers", "ReLU": "nn.layers", "SiLU": "nn.layers", "MSE": "nn.loss",
    "Network": "nn.network", "MLP": "nn.network", "Adam": "nn.adam",
    "check_gradients": "nn.gradcheck", "adapted": "nn.lora", "merged": "nn.lora",
    "Schedule": "diffusion.schedule", "Denoiser": "diffusion.denoiser",
    "noisy_batches": "diffusion.training", "train": "diffusion.training",
    "reverse_process": "diffusion.sampling", "sample": "fast.blocks",
    "ExactDenoiser": "measure.exact", "floor_and_excess": "measure.exact",
    "SHAPES": "measure.shapes", "Shape": "measure.shapes", "Standard": "measure.shapes",
    "energy_distance": "measure.energy",
    "few_steps": "beyond.few_steps", "log_density": "beyond.density",
    "student_pairs": "beyond.distillation", "student_batches": "beyond.distillation",
    "Vocabulary": "beyond.prompts", "Guided": "beyond.guidance",
    "Autoencoder": "beyond.latent.autoencoder", "LatentDiffusion": "beyond.latent.diffusion",
    "new_student": "beyond.latent.student", "train_student": "beyond.latent.student",
    "RECIPES": "experiment.recipe", "Model": "experiment.model",
    "shape_data": "experiment.data", "own_data": "experiment.data",
}
__all__ = list(_MODULE)


def __getattr__(name):
    """The public name `name`. A program waits only for the files that it uses."""
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__():
    return [*globals(), *__all__]
