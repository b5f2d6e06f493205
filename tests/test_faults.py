"""The chain of trust finds planted faults: each turns its own link red, and the output says where.

A fault is a change in the source, as a reader might make it: in a class or a function, one piece of
text replaced by another. Some stand in two places, in the fast code and in reference.py alike. Then
the links are measured in order. The first red one must be the one that the table says, and what
`check` prints under it must name the place.
"""
import pytest

from scratchdiff import reference
from scratchdiff.chain import backprop, batches, diffusion
from scratchdiff.chain.backprop import (adam_is_reference, adam_step_length, layer_gradients,
                                        network_is_reference, rates_fall_with_width,
                                        reference_gradients)
from scratchdiff.chain.batches import batches_are_fair, levels_are_weighted
from scratchdiff.chain.diffusion import (blocks_are_the_walk, floor_is_loss, guess_is_exact,
                                         network_excess, network_radius, noise_is_reference,
                                         perfect_radius, sampler_is_reference,
                                         schedule_is_reference, score_is_gradient,
                                         step_is_posterior)
from scratchdiff.diffusion.denoiser import Denoiser, v_skip_and_gain
from scratchdiff.diffusion.levels import EvenLevels, LowLevels
from scratchdiff.diffusion.sampling import reverse_process, reverse_step
from scratchdiff.diffusion.schedule import Schedule, beta_variance, posterior_variance
from scratchdiff.diffusion.training import noisy_points
from scratchdiff.experiment.data import shape_data
from scratchdiff.experiment.model import Model
from scratchdiff.experiment.recipe import RECIPES
from scratchdiff.fast.batches import chunked, noisy
from scratchdiff.fast.blocks import sample, walk
from scratchdiff.fast.inference import relu_in_place, silu_in_place
from scratchdiff.measure.exact import ExactDenoiser, bayes
from scratchdiff.nn.adam import Adam
from scratchdiff.nn.layers import Linear, ReLU, SiLU
from scratchdiff.nn.lora import LoRA
from scratchdiff.nn.loss import MSE
from scratchdiff.nn.network import Network
from scratchdiff.nn.rates import rates
from scratchdiff.nn.waves import Waves
from tests.planted import (MEASURES, first_red, look_at_less, look_at_what_is_edited, plant,
                           require_red)

# name: (the link that turns red, what is named under it, [(in what, right, wrong), ...])
REFERENCE = {
    "the reference forgets an activation's slope": (reference_gradients, "reference.py with relu",
        [(reference.backward, "dx[k] * slope(sums[index - 1][k])", "dx[k]")]),
    "the reference's dW": (reference_gradients, ".W[",
        [(reference.backward, "x[k] * dz[j] for j", "x[k] + dz[j] for j")]),
    "alpha_bar, in the schedule alone": (schedule_is_reference, "level 49",
        [(Schedule, "np.cumprod(self.alphas)", "np.cumprod(self.alphas - 1e-3)")]),
    "the reference's loss without its 2": (reference_gradients, "0.5 times what it should be",
        [(reference.loss_gradient, "gain * 2 *", "gain *")]),
}

BACKPROP = {
    "dW without .T": (layer_gradients, "in Linear.backward, layers.py line",
        [(Linear, "np.matmul(self.x.T, dy", "np.matmul(self.x, dy")]),
    "dx without .T": (layer_gradients, "in Linear.backward, layers.py line",
        [(Linear, "return dy @ self.W.T", "return dy @ self.W")]),
    "db averaged over the batch": (layer_gradients, "Linear: WRONG",
        [(Linear, "np.matmul(ones(len(dy), dy.dtype), dy, out=self.db)",
          "np.mean(dy, axis=0, out=self.db)")]),
    "db added to what was there": (layer_gradients, "Linear: WRONG",
        [(Linear, "np.matmul(ones(len(dy), dy.dtype), dy, out=self.db)",
          "self.db += dy.sum(axis=0)")]),
    "no bias": (layer_gradients, "Linear: WRONG",
        [(Linear, "y += self.b", "pass")]),
    "ReLU's mask forgotten in backward": (layer_gradients, "ReLU: WRONG",
        [(ReLU, "return dy * self.on", "return dy")]),
    "ReLU's mask at 1": (network_is_reference, "the loss, relu",
        [(ReLU, "(x > 0).astype", "(x > 1).astype")]),
    "ReLU upside down": (network_is_reference, "the loss, relu",
        [(ReLU, "(x > 0).astype", "(x < 0).astype")]),
    "ReLU changes the dy that it is given": (layer_gradients, "ReLU: WRONG",
        [(ReLU, "return dy * self.on", "dy *= self.on\n        return dy")]),
    "SiLU's slope without s": (layer_gradients, "SiLU: WRONG",
        [(SiLU, "self.s + self.y * (1 - self.s)", "self.y * (1 - self.s)")]),
    "the loss's gradient over n, not n d": (layer_gradients, "MSE: WRONG",
        [(MSE, "2 / self.weighted.size", "2 / len(self.weighted)")]),
    "the loss's gradient without its weights": (layer_gradients, "MSE with weights: WRONG",
        [(MSE, "self.weighted = ", "self.weighted = difference; w = "),
         (MSE, "np.vdot(self.weighted, difference)", "np.vdot(w, difference)")]),
    "a wave's slope without k": (layer_gradients, "Waves: WRONG",
        [(Waves, "dz @ self.R.T", "dz @ np.sign(self.R).T")]),
    "the loss over n, not n d": (layer_gradients, "MSE: WRONG",
        [(MSE, "/ guess.size", "/ len(guess)")]),
    "the loss's gradient without its 2": (layer_gradients, "0.5 times what it should be",
        [(MSE, "return dloss * 2", "return dloss")]),
    "the loss's gradient with the wrong sign": (layer_gradients, "the sign is flipped",
        [(MSE, "return dloss * 2", "return dloss * -2")]),
    "backward leaves out layer 0": (layer_gradients, "MLP with ReLU: WRONG",
        [(Network, "reversed(self.layers)", "reversed(self.layers[1:])")]),
    "backward leaves out the last layer": (layer_gradients, "in MLP.backward, network.py line",
        [(Network, "reversed(self.layers)", "reversed(self.layers[:-1])")]),
    "backward runs forwards": (layer_gradients, "in MLP.backward, network.py line",
        [(Network, "reversed(self.layers)", "self.layers")]),
    "neighbours in the flat vector overlap": (layer_gradients, "MLP with ReLU: WRONG",
        [(Network, "start = end", "start = end - 1")]),
    "the denoiser's backward without gain": (layer_gradients, "Denoiser that predicts v: WRONG",
        [(Denoiser, "self.network.backward(self.gain * deps)", "self.network.backward(deps)")]),
    "the denoiser's backward without skip": (layer_gradients, "Denoiser that predicts v: WRONG",
        [(Denoiser, "return self.skip * deps + ", "return ")]),
    "LoRA's dA without c": (layer_gradients, "LoRA: WRONG",
        [(LoRA, "dh = self.c * (dy", "dh = (dy")]),
    "LoRA's dx without the correction": (layer_gradients, "LoRA: WRONG",
        [(LoRA, "return dy @ self.W.T + dh @ self.A.T", "return dy @ self.W.T")]),
    "time is t, not t/T": (network_is_reference, "[x_t, t / T], the denoiser's inputs",
        [(Denoiser, "np.arange(schedule.T) / schedule.T", "np.arange(schedule.T) / 1")]),
}

# Each keeps something of the first batch, and uses it in backward only: forward stays right.
STALE = {
    "Linear": [(Linear, "self.x = x\n", "self.x = getattr(self, 'x', x)\n")],
    "ReLU": [
        (ReLU, "self.on = (x > 0)", "self.on = self.on if hasattr(self, 'on') else (x > 0)")],
    "SiLU": [
        (SiLU, "self.s = 0.5 * np.tanh(0.5 * x) + 0.5",
         "s = 0.5 * np.tanh(0.5 * x) + 0.5\n        self.s = getattr(self, 's', s)"),
        (SiLU, "self.y = x * self.s", "self.y = x * s")],
    "MSE": [
        (MSE, "self.weighted = row_weights(\"weight\", weight, guess) * difference",
         "self.weighted = getattr(self, 'weighted', weight * difference)"),
        (MSE, "np.vdot(self.weighted, difference)", "np.sum(weight * difference ** 2)")],
    "Denoiser": [
        (Denoiser, "self.skip, self.gain = self.skip_and_gain(self.signals, self.noises, t)",
         "both = self.skip_and_gain(self.signals, self.noises, t)"),
        (Denoiser, "return self.skip * xt + self.gain * F",
         "self.skip, self.gain = self.both = getattr(self, 'both', both)\n"
         "        return both[0] * xt + both[1] * F")],
    "LoRA": [(LoRA, "self.x = x\n", "self.x = getattr(self, 'x', x)\n")],
    "Waves": [
        (Waves, "self.sin, self.cos = np.sin(z), np.cos(z)",
         "now = np.sin(z), np.cos(z)\n"
         "        self.sin, self.cos = self.both = getattr(self, 'both', now)"),
        (Waves, "[x, self.sin, self.cos]", "[x, *now]")],
}

OPTIMISER = {
    "rates grow with the width": (rates_fall_with_width, "layers[0].b",
        [(rates, "min(1, INPUTS / d_in)", "max(1, INPUTS / d_in)")]),
    "Adam walks uphill": (adam_is_reference, "params[",
        [(Adam, "self.params -=", "self.params +=")]),
    "Adam counts a step too many": (adam_is_reference, "params[",
        [(Adam, "1 - self.beta1 ** self.k", "1 - self.beta1 ** (self.k + 1)")]),
    "Adam's v of |g|": (adam_is_reference, "v[",
        [(Adam, "self.grads ** 2", "abs(self.grads)")]),
    "another eps, in Adam alone": (adam_is_reference, "params[",
        [(Adam, "eps=1e-8", "eps=1e-7")]),
    "another eps, twice": (adam_step_length, "gradient 0.01",
        [(Adam, "eps=1e-8", "eps=1e-7"), (reference.adam_step, "eps=1e-8", "eps=1e-7")]),
    "eps under the root, twice": (adam_step_length, "gradient 0.01",
        [(Adam, "(np.sqrt(self.v) + self.eps * root)",
          "np.sqrt(self.v + self.eps * root ** 2)"),
         (reference.adam_step, "(sqrt(v_hat) + eps)", "sqrt(v_hat + eps)")]),
    "m and v with each other's beta": (adam_is_reference, "m[",
        [(Adam, "self.m *= self.beta1", "self.m *= self.beta2")]),
    "no bias correction of m, twice": (adam_step_length, "step 1",
        [(Adam, " / (1 - self.beta1 ** self.k)", ""),
         (reference.adam_step, "m[i] / (1 - beta1 ** k)", "m[i]")]),
    "no bias correction of v, twice": (adam_step_length, "step 1",
        [(Adam, "root = sqrt(1 - self.beta2 ** self.k)", "root = 1.0"),
         (reference.adam_step, "v[i] / (1 - beta2 ** k)", "v[i]")]),
}

BATCHES = {
    "levels are weighted upside down": (levels_are_weighted, "its share in the loss",
        [(LowLevels, "self.shares / self.probabilities", "self.probabilities / self.shares")]),
    "levels are drawn by their shares": (levels_are_weighted, "how often it is drawn",
        [(LowLevels, "p=self.probabilities", "p=self.shares")]),
    "levels with another exponent": (levels_are_weighted, "its share in the loss",
        [(LowLevels, "noise ** -0.25 / np.sum(noise ** -0.25)",
          "noise ** -0.5 / np.sum(noise ** -0.5)")]),
    "the noise without its square root": (noise_is_reference, "level ",
        [(Schedule, "noise = np.sqrt(1 - self.alpha_bars)", "noise = (1 - self.alpha_bars)")]),
    "the noise without its square root, twice": (batches_are_fair, "x_t without the noise",
        [(Schedule, "noise = np.sqrt(1 - self.alpha_bars)", "noise = (1 - self.alpha_bars)"),
         (reference.add_noise, "sqrt(1 - alpha_bar) *", "(1 - alpha_bar) *")]),
    "v with the wrong sign, twice": (guess_is_exact, "it predicts v",
        [(v_skip_and_gain, "return noises", "return -noises"),
         (reference.skip_and_gain, "(sqrt(1 - alpha_bar),", "(-sqrt(1 - alpha_bar),")]),
    "the same noise in both coordinates": (batches_are_fair, "the noise of two coordinates",
        [(noisy_points, "rng.standard_normal(x0.shape, x0.dtype)",
          "rng.standard_normal((*x0.shape[:-1], 1)) + 0 * x0")]),
    "the same noise for a whole batch": (batches_are_fair, "the noises in a batch",
        [(noisy_points, "rng.standard_normal(x0.shape, x0.dtype)",
          "rng.standard_normal((*x0.shape[:-2], 1, x0.shape[-1])) + 0 * x0")]),
    "one point for a whole batch": (batches_are_fair, "the points in a batch",
        [(noisy, "x0 = x0.reshape(n, each, -1)",
          "x0 = x0.reshape(n, each, -1)[:, :1].repeat(each, axis=1)")]),
    "uniform noise": (batches_are_fair, "the kurtosis of the noise",
        [(noisy_points, "rng.standard_normal(x0.shape, x0.dtype)",
          "rng.uniform(-3 ** 0.5, 3 ** 0.5, x0.shape)")]),
    "the target is another noise": (batches_are_fair, "what is left of x_t without the noise",
        [(noisy_points, "return xt, t, eps", "return xt, t, -eps")]),
    "opposite noise in one coordinate only": (batches_are_fair, "two noises of a pair",
        [(noisy, "schedule.add_noise(x0, t, -eps)",
          "schedule.add_noise(x0, t, eps * [1, -1])"),
         (noisy, "(eps, -eps)", "(eps, eps * [1, -1])")]),
    "every chunk from the same stream": (batches_are_fair, "the noise of two chunks",
        [(chunked, "stream(rng, CHUNKS, chunk)", "stream(rng, CHUNKS, 0)")]),
    "the noisiest level is never drawn": (batches_are_fair, "how often each level is drawn",
        [(EvenLevels, "rng.integers(self.T,", "rng.integers(self.T - 1,")]),
    "the least noisy level is never drawn": (batches_are_fair, "how often each level is drawn",
        [(EvenLevels, "rng.integers(self.T,", "rng.integers(1, self.T,")]),
    "one level for a whole batch": (batches_are_fair, "the levels in a batch",
        [(EvenLevels, "rng.integers(self.T, size=shape)",
          "np.broadcast_to(rng.integers(self.T, size=(*shape[:-1], 1)), shape)")]),
    "noise that is too strong": (batches_are_fair, "the variance of the noise",
        [(noisy_points, "rng.standard_normal(x0.shape, x0.dtype)",
          "1.1 * rng.standard_normal(x0.shape, x0.dtype)")]),
    "noise that is not around 0": (batches_are_fair, "the mean of the noise",
        [(noisy_points, "rng.standard_normal(x0.shape, x0.dtype)",
          "0.1 + rng.standard_normal(x0.shape, x0.dtype)")]),
}

PERFECT = {
    "Bayes' rule with q^2 / s^2": (floor_is_loss, "moons",
        [(bayes, "- q2 / (2 * S2) ", "- q2 / S2 ")]),
    "a mean that is too large": (score_is_gradient, "level 0",
        [(bayes, "mean = w @ q ", "mean = 1.01 * w @ q ")]),
    "a density that is too wide": (score_is_gradient, "level ",
        [(bayes, "np.sum(x * x, axis=1) / (2 * S2)", "np.sum(x * x, axis=1) / (3 * S2)")]),
    "a spread that is too small": (floor_is_loss, "circle",
        [(bayes, "mean_q2 = w @ q2 ", "mean_q2 = 0.9 * w @ q2 ")]),
    "the cloud's own variance forgotten": (floor_is_loss, "gaussians",
        [(ExactDenoiser, "S2 = 1 - alpha_bar + alpha_bar * self.width ** 2",
          "S2 = 1 - alpha_bar")]),
    "a cloud's width that the noise does not shrink": (floor_is_loss, "one wide cloud",
        [(ExactDenoiser, "alpha_bar * self.width ** 2\n", "self.width ** 2\n")]),
    "the floor without the noise's share": (floor_is_loss, "",
        [(ExactDenoiser, "variance = 1 - r + ", "variance = 1 - r / s + ")]),
}

SAMPLER = {
    "the share with alpha for alpha_bar, twice": (step_is_posterior, "level 49, the mean",
        [(reverse_step, "1 - schedule.alpha_bars[t])", "1 - schedule.alphas[t])"),
         (reference.reverse_step, "betas[t] / sqrt(1 - alpha_bars[t])  ",
          "betas[t] / sqrt(betas[t])\n")]),
    "divided by alpha, not by its root, twice": (step_is_posterior, "level 49, the mean",
        [(reverse_step, "float(np.sqrt(schedule.alphas[t]))", "float(schedule.alphas[t])"),
         (reference.reverse_step, "/ sqrt(1 - betas[t]) +", "/ (1 - betas[t]) +")]),
    "sigma^2 for sigma, twice": (step_is_posterior, "level 49, sigma",
        [(reverse_step, "float(np.sqrt(schedule.variance(t, variance)))",
          "schedule.variance(t, variance)"),
         (reference.reverse_step, "+ sigma * z[i]", "+ sigma ** 2 * z[i]")]),
    "the posterior's variance one level late, twice": (step_is_posterior, "level 1, sigma",
        [(posterior_variance, "betas[t] * (1 - schedule.alpha_bars[t - 1])",
          "betas[t] * (1 - schedule.alpha_bars[t])"),
         (reference.reverse_step, "(1 - alpha_bars[t - 1]) /", "(1 - alpha_bars[t]) /")]),
    "fresh noise in the last step, twice": (step_is_posterior, "level 0, which should lead to x_0",
        [(Schedule, "if t > 0 else 0.0", "if t > 0 else float(self.betas[0])"),
         (reference.reverse_step, "sigma = 0.0", "sigma = sqrt(betas[t])")]),
    "alpha_bar one step late, twice": (step_is_posterior, "level ",
        [(Schedule, "np.cumprod(self.alphas)", "np.cumprod(self.alphas) / self.alphas * 0.99"),
         (reference.alpha_bars_of, "alpha_bars.append(product)",
          "alpha_bars.append(product / (1 - beta) * 0.99)")]),
    "sigma^2 for sigma, in the reference alone": (sampler_is_reference, "level 49",
        [(reference.reverse_step, "+ sigma * z[i]", "+ sigma ** 2 * z[i]")]),
    "the walk from the least noisy level up": (sampler_is_reference, "level 49",
        [(reverse_process, "reversed(range(schedule.T))", "range(schedule.T)")]),
    "the guess for the level below": (sampler_is_reference, "level 49",
        [(reverse_process, "denoiser(x, t)", "denoiser(x, max(t - 1, 0))")]),
    "the same fresh noise for all points": (sampler_is_reference, "level 49",
        [(reverse_process, "rng.standard_normal(x.shape, x.dtype)",
          "rng.standard_normal((1, x.shape[1]), x.dtype) + 0 * x")]),
    "sigma^2 for sigma with the variance beta, twice": (step_is_posterior, "sigma of beta",
        [(beta_variance, "schedule.betas[t]", "schedule.betas[t] ** 2"),
         (reference.reverse_step, "sigma = sqrt(betas[t])\n", "sigma = betas[t]\n")]),
    "the last step left out": (sampler_is_reference, "49 steps, not 50",
        [(reverse_process, "reversed(range(schedule.T))", "reversed(range(1, schedule.T))")]),
    "every block from the same stream": (blocks_are_the_walk, "two blocks, which should differ",
        [(walk, "stream(rng, BLOCKS, block)", "stream(rng, BLOCKS, 0)")]),
    "a sample that is cut at the wrong place": (blocks_are_the_walk, "5 points have shape (",
        [(sample, "x[max(skip - start, 0):skip + n - start]", "x[:n]")]),
    "points that start one too late": (blocks_are_the_walk, "a network with ",
        [(sample, "x[max(skip - start, 0):skip + n - start]",
          "np.roll(x, -1, axis=0)[max(skip - start, 0):skip + n - start]")]),
    "ReLU in place at 0.1": (blocks_are_the_walk, "a network with relu",
        [(relu_in_place, "zeros.fill(0)", "zeros.fill(0.1)")]),
    "SiLU in place with another slope": (blocks_are_the_walk, "a network with silu",
        [(silu_in_place, "scratch += 1", "scratch += 0.99")]),
    "the column of 1s is not restored": (blocks_are_the_walk, "a network with silu",
        [(silu_in_place, "target.ones.fill(1)", "pass")]),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    look_at_less(monkeypatch)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_fault_in_the_reference(name, monkeypatch, capsys):
    require_red(REFERENCE[name], reference_gradients, monkeypatch, capsys)


@pytest.mark.parametrize("name", BACKPROP)
def test_a_fault_in_backpropagation(name, monkeypatch, capsys):
    """The first link is about reference.py alone, so these start at the second."""
    require_red(BACKPROP[name], layer_gradients, monkeypatch, capsys)


@pytest.mark.parametrize("name", STALE)
def test_a_layer_that_keeps_something_of_an_earlier_batch(name, monkeypatch, capsys):
    look_at_what_is_edited(monkeypatch, STALE[name])
    plant(monkeypatch, STALE[name])
    red, said = first_red(layer_gradients, capsys)
    assert red is layer_gradients and said.startswith(f"  {name}") and "WRONG" in said


@pytest.mark.parametrize("name", OPTIMISER)
def test_a_fault_in_adam(name, monkeypatch, capsys):
    """No link before these uses Adam."""
    require_red(OPTIMISER[name], adam_is_reference, monkeypatch, capsys)


@pytest.mark.parametrize("name", BATCHES)
def test_a_fault_in_the_batches(name, monkeypatch, capsys):
    monkeypatch.setattr(backprop, "KINDS", [("silu", "v")])
    require_red(BATCHES[name], network_is_reference, monkeypatch, capsys)


@pytest.mark.parametrize("name", PERFECT)
def test_a_fault_in_the_perfect_denoiser(name, monkeypatch, capsys):
    require_red(PERFECT[name], score_is_gradient, monkeypatch, capsys)


@pytest.mark.parametrize("name", SAMPLER)
def test_a_fault_on_the_way_back(name, monkeypatch, capsys):
    require_red(SAMPLER[name], step_is_posterior, monkeypatch, capsys)


def test_a_perfect_denoiser_that_is_not(monkeypatch, capsys):
    """It guesses half of the noise."""
    right = ExactDenoiser.__call__
    monkeypatch.setattr(ExactDenoiser, "__call__", lambda self, xt, t: 0.5 * right(self, xt, t))
    red, _ = first_red(perfect_radius, capsys)
    assert red is perfect_radius


@pytest.mark.parametrize("measure", [network_excess, network_radius])
def test_a_network_that_has_learned_nothing(measure, monkeypatch, capsys):
    new = Model.new(RECIPES["default"], 0, shape_data("circle"))
    monkeypatch.setattr(diffusion, "trained", lambda: new)
    red, _ = first_red(measure, capsys)
    assert red is measure


def test_every_link_can_turn_red():
    """Those of lesson 3 turn red in the test files of their lessons."""
    tables = [REFERENCE, BACKPROP, OPTIMISER, BATCHES, PERFECT, SAMPLER]
    red = {measure for table in tables for measure, _, _ in table.values()}
    here = {measure for measure in MEASURES
            if measure.__module__ in (backprop.__name__, batches.__name__, diffusion.__name__)}
    assert here == red | {perfect_radius, network_excess, network_radius}
