"""All the mathematics once more, one number at a time: plain Python floats and plain loops.

It is slow and obvious on purpose. Read it first: no array, no shape and no library stands between
you and the chain rule. The fast code is held against it. `python -m scratchdiff check` shows that
its derivatives agree with finite differences, and that the fast code agrees with it.

A network is a list of layers, and a layer is a pair (W, b). W[k][j] is the weight from input k to
neuron j, and b[j] is neuron j's bias. Between two layers stands an activation: a function of one
number, together with its slope.
"""
from math import cos, exp, sin, sqrt


# One neuron and its activation.

def neuron(x, W, b, j):
    """z[j], the sum of neuron j: each input times its weight, added up, plus the bias."""
    z = b[j]
    for k in range(len(x)):
        z += x[k] * W[k][j]
    return z


def relu(z):
    return z if z > 0 else 0.0


def relu_slope(z):
    return 1.0 if z > 0 else 0.0


def sigmoid(z):
    return 1 / (1 + exp(-z)) if z > 0 else exp(z) / (1 + exp(z))    # neither exp overflows


def silu(z):
    return z * sigmoid(z)


def silu_slope(z):
    """By the product rule: sigmoid + z sigmoid', where sigmoid' = sigmoid (1 - sigmoid)."""
    return sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z))


ACTIVATIONS = {"relu": (relu, relu_slope), "silu": (silu, silu_slope)}


# The network, forward and backward, for one example.

def forward(network, activation, x):
    """The output, and what backward needs: every layer's inputs, and its sums z."""
    act, _ = activation
    inputs, sums = [], []
    for layer, (W, b) in enumerate(network):
        z = [neuron(x, W, b, j) for j in range(len(b))]
        inputs.append(x)
        sums.append(z)
        x = z if layer == len(network) - 1 else [act(zj) for zj in z]
    return x, inputs, sums


def backward(network, activation, inputs, sums, dy):
    """The slopes of the loss: how much it changes for each unit of every weight, bias and input.

    dy[j] is its slope with respect to output j. Let dz[j] be the one with respect to neuron j's sum
    z[j]. In one layer,
        z[j] grows by x[k] for each unit of W[k][j]         so  dW[k][j] = x[k] dz[j]
        z[j] grows by 1 for each unit of b[j]               so  db[j] = dz[j]
        every z[j] grows by W[k][j] for each unit of x[k]   so  dx[k] = sum over j of dz[j] W[k][j]
    If x[k] came out of an activation, dx[k] times the activation's slope is the dz[k] of the layer
    before. The last layer has no activation: its output j is z[j] itself, so its dz is dy.
    """
    _, slope = activation
    gradients = [None] * len(network)
    dz = dy
    for layer in reversed(range(len(network))):
        W, b = network[layer]
        x = inputs[layer]
        dW = [[x[k] * dz[j] for j in range(len(b))] for k in range(len(x))]
        db = list(dz)
        dx = [sum(dz[j] * W[k][j] for j in range(len(b))) for k in range(len(x))]
        gradients[layer] = (dW, db)
        if layer > 0:
            dz = [dx[k] * slope(sums[layer - 1][k]) for k in range(len(x))]
    return gradients, dx


def flatten(layers):
    """Every number of a list of (W, b), in one list: layer by layer, W row by row, then b."""
    return [number for W, b in layers for row in [*W, b] for number in row]


def unflatten(numbers, widths):
    """The list of (W, b) that `flatten` made the numbers from; widths as in (3, 64, 64, 2)."""
    rest = iter(numbers)
    return [([[next(rest) for _ in range(d_out)] for _ in range(d_in)],
             [next(rest) for _ in range(d_out)])
            for d_in, d_out in zip(widths, widths[1:])]


# Waves: extra inputs for the network, sines and cosines of its first d inputs (nn/waves.py).

def waves(x, d, multiples):
    """x, then sin(k x[j]) for every multiple k and every j below d, then all the cosines."""
    z = [k * x[j] for k in multiples for j in range(d)]
    return [*x, *map(sin, z), *map(cos, z)]


def waves_backward(x, d, multiples, dy):
    """The slope of the loss for each x[j]; dy holds those for the outputs of `waves`.

    The copy of x[j] grows by 1 for each unit of x[j], sin(k x[j]) by k cos(k x[j]), and
    cos(k x[j]) by -k sin(k x[j]).
    """
    dx, rest = dy[:len(x)], dy[len(x):]
    dsin, dcos = iter(rest[:len(rest) // 2]), iter(rest[len(rest) // 2:])
    for k in multiples:
        for j in range(d):
            dx[j] += k * cos(k * x[j]) * next(dsin) - k * sin(k * x[j]) * next(dcos)
    return dx


# LoRA: a neuron whose weights are frozen, with a small correction beside them (nn/lora.py).

def lora_neuron(x, W, b, A, B, c, j):
    """z[j] = neuron j of (W, b), plus c times the sum over q of h[q] B[q][j], where h = x A."""
    h = [sum(x[k] * A[k][q] for k in range(len(x))) for q in range(len(B))]
    return neuron(x, W, b, j) + c * sum(h[q] * B[q][j] for q in range(len(B)))


def lora_backward(x, W, A, B, c, dy):
    """The slopes of the loss for A, B and x, for one example; dy holds those for the z[j].

    z[j] grows by c h[q] for each unit of B[q][j], and by c B[q][j] for each unit of h[q].
    h[q] grows by x[k] for each unit of A[k][q], and by A[k][q] for each unit of x[k].
    """
    rank, d_in, d_out = len(B), len(x), len(dy)
    h = [sum(x[k] * A[k][q] for k in range(d_in)) for q in range(rank)]
    dh = [c * sum(dy[j] * B[q][j] for j in range(d_out)) for q in range(rank)]
    dA = [[x[k] * dh[q] for q in range(rank)] for k in range(d_in)]
    dB = [[c * h[q] * dy[j] for j in range(d_out)] for q in range(rank)]
    dx = [sum(dy[j] * W[k][j] for j in range(d_out)) + sum(dh[q] * A[k][q] for q in range(rank))
          for k in range(d_in)]
    return dA, dB, dx


# Prompts: a vector for each word in each place, looked up in a table (beyond/prompts.py).

def embedding(table, prompt):
    """The sum of the vectors of a prompt's words, each of them table[place, word]."""
    total = [0.0] * len(next(iter(table.values())))
    for place, word in enumerate(prompt.split()):
        for j in range(len(total)):
            total[j] += table[place, word][j]
    return total


def embedding_backward(table, prompt, dy):
    """The slopes of the loss for the table, for one prompt; dy holds those for the embedding.

    The embedding grows by 1 for each unit of a vector that is in its sum, and by 0 for the others.
    """
    dtable = {key: [0.0] * len(dy) for key in table}
    for place, word in enumerate(prompt.split()):
        for j in range(len(dy)):
            dtable[place, word][j] += dy[j]
    return dtable


# Diffusion: the schedule, a noisy point, the guess, the loss.
#
# A schedule is a list of numbers beta. Step t of the forward process shrinks a point by
# sqrt(1 - beta_t) and adds noise of variance beta_t. After steps 0 to t, sqrt(alpha_bar_t) of the
# clean point is left. x0 is the clean point, xt the point after step t, eps the noise in it.

def alpha_bars_of(betas):
    """alpha_bar_t = (1 - beta_0) (1 - beta_1) ... (1 - beta_t)."""
    product, alpha_bars = 1.0, []
    for beta in betas:
        product *= 1 - beta
        alpha_bars.append(product)
    return alpha_bars


def add_noise(x0, eps, alpha_bar):
    return [sqrt(alpha_bar) * x0[i] + sqrt(1 - alpha_bar) * eps[i] for i in range(len(x0))]


def skip_and_gain(predicts, alpha_bar):
    """The guess is skip x_t + gain (the network's output): see diffusion/denoiser.py."""
    return (0.0, 1.0) if predicts == "eps" else (sqrt(1 - alpha_bar), sqrt(alpha_bar))


def guess_noise(network, activation, predicts, xt, t, alpha_bars, multiples=()):
    """The denoiser's guess at the noise in one point, and what backward needs."""
    skip, gain = skip_and_gain(predicts, alpha_bars[t])
    x = waves([*xt, t / len(alpha_bars)], len(xt), multiples)
    output, inputs, sums = forward(network, activation, x)
    return [skip * xt[i] + gain * output[i] for i in range(len(xt))], inputs, sums


def loss(network, activation, predicts, alpha_bars, batch, multiples=()):
    """The mean squared error over a batch of (xt, t, eps, weight).

    loss = 1/N sum over examples and coordinates of weight (guess - eps)^2
    """
    N = sum(len(xt) for xt, _, _, _ in batch)
    total = 0.0
    for xt, t, eps, weight in batch:
        guess, _, _ = guess_noise(network, activation, predicts, xt, t, alpha_bars, multiples)
        for i in range(len(xt)):
            total += weight * (guess[i] - eps[i]) ** 2 / N
    return total


def loss_gradient(network, activation, predicts, alpha_bars, batch, multiples=()):
    """The gradient of the loss, flattened.

    The loss's slope for the guess is 2 weight (guess - eps) / N. The guess grows by gain for each
    unit of the network's output.
    """
    N = sum(len(xt) for xt, _, _, _ in batch)
    total = [0.0] * len(flatten(network))
    for xt, t, eps, weight in batch:
        guess, inputs, sums = guess_noise(
            network, activation, predicts, xt, t, alpha_bars, multiples)
        _, gain = skip_and_gain(predicts, alpha_bars[t])
        doutput = []
        for i in range(len(xt)):
            doutput.append(gain * 2 * weight * (guess[i] - eps[i]) / N)
        gradients, _ = backward(network, activation, inputs, sums, doutput)
        total = [a + b for a, b in zip(total, flatten(gradients))]
    return total


# Learning: Adam, one parameter at a time.

def adam_step(params, grads, m, v, k, lr, beta1=0.9, beta2=0.999, eps=1e-8):
    """Step number k = 1, 2, ... of Adam (Kingma & Ba 2015, algorithm 1); changes params, m and v.

    m and v are running averages of each gradient and of its square: see nn/adam.py. This eps only
    avoids a division by 0. It is not the noise.
    """
    for i in range(len(params)):
        m[i] = beta1 * m[i] + (1 - beta1) * grads[i]
        v[i] = beta2 * v[i] + (1 - beta2) * grads[i] ** 2
        m_hat = m[i] / (1 - beta1 ** k)
        v_hat = v[i] / (1 - beta2 ** k)
        params[i] -= lr * m_hat / (sqrt(v_hat) + eps)


# Generating: one step back for one point.

def reverse_step(xt, t, guess, z, betas, alpha_bars, variance):
    """x_{t-1} from x_t (Ho et al. 2020, algorithm 2); z is fresh noise. The last step uses none."""
    if t == 0:
        sigma = 0.0
    elif variance == "beta" or variance == "mixed" and 1 - alpha_bars[t] > 0.2 ** 2:
        sigma = sqrt(betas[t])
    else:
        sigma = sqrt(betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t]))
    last = betas[t] / sqrt(1 - alpha_bars[t])
    return [(xt[i] - last * guess[i]) / sqrt(1 - betas[t]) + sigma * z[i] for i in range(len(xt))]
