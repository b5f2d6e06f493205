"""beyond/latent/autoencoder.py: its gradients, what it learns, that standardising loses nothing."""
import numpy as np

from scratchdiff.beyond.latent.autoencoder import Autoencoder
from scratchdiff.beyond.latent.clock import draw
from scratchdiff.nn.gradcheck import check_gradients

PICTURES = draw(np.arange(0, 720, 20))


def small(dtype=np.float64, seed=0):
    return Autoencoder(np.random.default_rng(seed), (5, 4, 3), dtype)


def test_every_gradient():
    check_gradients(small().network, np.random.default_rng(1).standard_normal((4, 5))).require()


def test_decode_after_encode_is_the_network_and_its_layers_share_one_vector():
    autoencoder, x = small(), np.random.default_rng(1).standard_normal((4, 5))
    codes = autoencoder.encode(x)
    assert codes.shape == (4, 3) and autoencoder.d == 3
    assert np.array_equal(autoencoder.decode(codes), autoencoder.network.forward(x))
    autoencoder.network.params[:] = 0
    assert not autoencoder.encode(x).any() and not autoencoder.decode(codes).any()


def test_the_code_has_no_activation():
    codes = small().encode(np.random.default_rng(1).standard_normal((200, 5)))
    assert codes.min() < -0.3, "SiLU never goes below -0.28"


def test_a_standard_code_has_mean_0_and_mean_square_1_and_decodes_to_the_same_pictures():
    autoencoder, x = small(), 3 + 2 * np.random.default_rng(1).standard_normal((50, 5))
    codes, before = autoencoder.encode(x), autoencoder.network.forward(x)
    autoencoder.standardise(x)
    standard = autoencoder.encode(x)
    assert np.allclose(standard.mean(axis=0), 0, atol=1e-12)
    assert np.isclose(np.mean(standard ** 2), 1, rtol=1e-12)
    assert np.allclose(standard, (codes - codes.mean(axis=0)) / np.std(codes - codes.mean(axis=0)))
    assert np.allclose(autoencoder.network.forward(x), before, rtol=1e-12)
    autoencoder.standardise(x)
    assert np.allclose(autoencoder.encode(x), standard), "once is enough"


def test_it_learns_to_rebuild_pictures_and_then_gets_a_standard_code():
    """36 clocks in 120 steps: the mean square error falls below half the variance."""
    autoencoder = Autoencoder(np.random.default_rng(0))
    losses = [loss for _, loss in autoencoder.train(PICTURES, np.random.default_rng(1), 120)]
    autoencoder.standardise(PICTURES)
    error = np.mean((autoencoder.decode(autoencoder.encode(PICTURES)) - PICTURES) ** 2)
    assert len(losses) == 120 and error < 0.5 * PICTURES.var(axis=0).mean() < losses[0]
    codes = autoencoder.encode(PICTURES)
    assert codes.shape == (36, 6)
    assert np.allclose(codes.mean(axis=0), 0, atol=1e-5)            # float32
    assert np.isclose(np.mean(codes ** 2), 1, rtol=1e-5)


def test_the_same_seed_gives_the_same_autoencoder():
    def params():
        autoencoder = Autoencoder(np.random.default_rng(0))
        for _ in autoencoder.train(PICTURES, np.random.default_rng(1), 3):
            pass
        return autoencoder.network.params
    assert np.array_equal(params(), params())
