"""A saved model of clocks: the two flat vectors of a LatentDiffusion, in an .npz file."""
import json
import os

import numpy as np

from scratchdiff.app.errors import CommandError
from scratchdiff.app.files.store import checked_array, read_arrays, require
from scratchdiff.app.files.whole import opened, whole_file
from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.diffusion import LatentDiffusion
from scratchdiff.beyond.latent.words import PROMPTS
from scratchdiff.beyond.prompts import Vocabulary

LARGEST = 2 ** 22       # bytes; a clock takes a tenth of that
FORMAT = "scratchdiff clock"
HEADER = json.dumps({"format": FORMAT, "version": 1})


def save_clock(path, model):
    """Write a trained LatentDiffusion. The file appears whole or not at all."""
    with whole_file(path) as file:
        np.savez(file, header=np.array(HEADER), autoencoder=model.autoencoder.network.params,
                 denoiser=model.denoiser.network.params)


def is_clock(path):
    """Whether save_clock has written this file: its header comes first, in NumPy's form of text.

    A pipe is never opened here, because it can be read only once.
    """
    if not os.path.isfile(path):
        return False
    with opened(path) as file:
        return np.array(FORMAT).tobytes() in file.read(1000)


def load_clock(path):
    """The LatentDiffusion in a file. CommandError says what is wrong with any other file."""
    rng = np.random.default_rng(0)
    model = LatentDiffusion(Autoencoder(rng), Vocabulary(PROMPTS), rng)
    networks = {"autoencoder": model.autoencoder.network, "denoiser": model.denoiser.network}
    try:
        with opened(path) as file:
            data = file.read(LARGEST + 1)
        require(len(data) <= LARGEST, "it is larger than any clock")
        arrays = read_arrays(data)
        header = arrays.get("header")
        require(header is not None and header.shape == () and str(header) == HEADER,
                "it is not a clock that --save has written")
        for name, network in networks.items():
            network.params[:] = checked_array(arrays, name, np.float32, network.params.shape)
    except ValueError as error:
        raise CommandError(f"cannot use {path}: {error}") from None
    return model
