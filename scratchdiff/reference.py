"""Backpropagation and diffusion, one number at a time: plain Python floats and plain loops.

Read this file first. It is slow and obvious on purpose: no array and no library stands between you
and the chain rule. It is also what the rest of the code is tested against. `python -m scratchdiff
check` shows that its derivatives agree with finite differences (move a number a little, and see how
far the result moves), and that the code for whole batches agrees with it.

A network is a list of layers, and a layer is a pair (W, b). W[k][j] is the weight from input k to
neuron j, and b[j] is the bias of neuron j. Between two layers comes an activation: a function of
one number, together with its slope. (nn/layers.py says what activations are good for.)

The slope of f at x says how f answers a tiny change: if x grows by a tiny amount, f(x) grows by the
slope times that amount. Names say what a slope belongs to: if L is the loss, the one number that
training makes small, then dy is the slope of L with respect to y.
"""
from math import cos, exp, sin, sqrt


# One neuron and its activation.

def neuron(x, W, b, j):
    """z[j], the weighted sum of neuron j: every input times its weight, plus the bias."""
    z = b[j]
    for k in range(len(x)):
        z += x[k] * W[k][j]
    return z


def relu(z):
    return z if z > 0 else 0.0


def relu_slope(z):
    return 1.0 if z > 0 else 0.0


def sigmoid(z):
    if z > 0:
        return 1 / (1 + exp(-z))
    return exp(z) / (1 + exp(z))        # the same number, but here exp(-z) could overflow


def silu(z):
    return z * sigmoid(z)


def silu_slope(z):
    """s + z s', by the product rule, where s is the sigmoid and s' = s (1 - s): see layers.py."""
    return sigmoid(z) + z * sigmoid(z) * (1 - sigmoid(z))


ACTIVATIONS = {"relu": (relu, relu_slope), "silu": (silu, silu_slope)}


# The network, forward and backward, for one example.

def forward(network, activation, x):
    """The output, and what backward needs: the inputs of every layer, and its sums z."""
    act, _ = activation
    inputs, sums = [], []
    for index, (W, b) in enumerate(network):
        z = [neuron(x, W, b, j) for j in range(len(b))]
        inputs.append(x)
        sums.append(z)
        is_last = index == len(network) - 1
        x = z if is_last else [act(zj) for zj in z]
    return x, inputs, sums


def backward(network, activation, inputs, sums, dy):
    """The slopes of the loss L with respect to every weight and bias, and to the network's input.

    dy[j] is the slope of L with respect to output j, and dz[j] the slope with respect to z[j], the
    sum of neuron j. In one layer,
        W[k][j] moves z[j], with slope x[k]             so  dW[k][j] = x[k] dz[j]
        b[j] moves z[j], with slope 1                   so  db[j] = dz[j]
        x[k] moves every z[j], with slope W[k][j]       so  dx[k] = sum over j of W[k][j] dz[j]
    Why a sum? x[k] reaches the loss on several paths, one through each neuron. If x[k] grows by a
    tiny amount, L grows by W[k][j] dz[j] times that amount on path j, and tiny moves add up. This
    is the chain rule.

    In every layer but the first, x[k] = act(z_before[k]), where z_before are the sums of the layer
    before. So its dz_before[k] is dx[k] times the slope of act at z_before[k]. The last layer has
    no activation, so its dz is dy.
    """
    _, slope = activation
    gradients = [None] * len(network)
    dz = dy
    for index in reversed(range(len(network))):
        W, b = network[index]
        x = inputs[index]
        dW = [[x[k] * dz[j] for j in range(len(b))] for k in range(len(x))]
        db = list(dz)
        dx = [sum(dz[j] * W[k][j] for j in range(len(b))) for k in range(len(x))]
        gradients[index] = (dW, db)
        if index > 0:
            dz = [dx[k] * slope(sums[index - 1][k]) for k in range(len(x))]
    return gradients, dx                # dx of the first layer: of the network's input


def flatten(layers):
    """Every number of a list of (W, b), in one list: layer by layer, W row by row, then b."""
    numbers = []
    for W, b in layers:
        for row in W:
            numbers += row
        numbers += b
    return numbers


def unflatten(numbers, widths):
    """The inverse of `flatten`: the list of (W, b), for widths such as (3, 64, 64, 2)."""
    rest = iter(numbers)
    layers = []
    for d_in, d_out in zip(widths, widths[1:]):
        W = [[next(rest) for _ in range(d_out)] for _ in range(d_in)]
        b = [next(rest) for _ in range(d_out)]
        layers.append((W, b))
    return layers


# Diffusion: the schedule, a noisy point, the guess, the loss.
#
# A schedule says how much noise each step adds: it is a list of numbers beta. Step t multiplies a
# point by sqrt(1 - beta_t) and adds noise of variance beta_t. After steps 0 to t, sqrt(alpha_bar_t)
# of the clean point is left, with noise of variance 1 - alpha_bar_t (diffusion/schedule.py says
# why). x0 is the clean point, xt the point after step t, eps its noise.

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
    """The guess at the noise is skip x_t + gain (the network's output).

    A network that predicts "eps" gives the guess itself. One that predicts
    v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0 corrects x_t: see diffusion/denoiser.py.
    """
    return {"eps": (0.0, 1.0), "v": (sqrt(1 - alpha_bar), sqrt(alpha_bar))}[predicts]


def guess_noise(network, activation, predicts, xt, t, alpha_bars, multiples=()):
    """The denoiser's guess at the noise in one point, and what backward needs.

    The network sees x_t and the time t / T. If `multiples` are given, it also sees waves of x_t,
    which belong to lesson 3.
    """
    skip, gain = skip_and_gain(predicts, alpha_bars[t])
    x = waves([*xt, t / len(alpha_bars)], len(xt), multiples)
    output, inputs, sums = forward(network, activation, x)
    return [skip * xt[i] + gain * output[i] for i in range(len(xt))], inputs, sums


def loss(network, activation, predicts, alpha_bars, batch, multiples=()):
    """The mean squared error over a batch of (xt, t, eps, weight).

    loss = 1/N sum over examples and coordinates of weight (guess - eps)^2
    N is the number of all coordinates in the batch. Each weight is 1 until diffusion/levels.py
    changes it.
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

    With respect to a guess, the loss has the slope 2 weight (guess - eps) / N. The guess is
    skip x_t + gain output. So with respect to the output, the loss has gain times that slope.
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

    m and v are running averages of each gradient and of its square: see nn/adam.py. This eps is not
    the noise: it only avoids a division by 0.
    """
    for i in range(len(params)):
        m[i] = beta1 * m[i] + (1 - beta1) * grads[i]
        v[i] = beta2 * v[i] + (1 - beta2) * grads[i] ** 2
        m_hat = m[i] / (1 - beta1 ** k)
        v_hat = v[i] / (1 - beta2 ** k)
        params[i] -= lr * m_hat / (sqrt(v_hat) + eps)


# Generating: one step back for one point.

def reverse_step(xt, t, guess, z, betas, alpha_bars, variance):
    """x_{t-1} from x_t (Ho et al. 2020, algorithm 2): see diffusion/sampling.py.

    z is fresh noise. The step from level 0, which ends the walk, adds none.
    """
    strong = t > len(betas) / 10                        # see mixed_variance in schedule.py
    if t == 0:
        sigma = 0.0
    elif variance == "beta" or (variance == "mixed" and strong):
        sigma = sqrt(betas[t])
    else:
        sigma = sqrt(betas[t] * (1 - alpha_bars[t - 1]) / (1 - alpha_bars[t]))
    per_eps = betas[t] / sqrt(1 - alpha_bars[t])        # the average new noise, per unit of eps
    return [(xt[i] - per_eps * guess[i]) / sqrt(1 - betas[t]) + sigma * z[i]
            for i in range(len(xt))]


# The rest belongs to lesson 3.
#
# Waves: extra inputs for the network, sines and cosines of multiples of its first d inputs
# (nn/waves.py).

def waves(x, d, multiples):
    """x, then sin(k x[j]) for every multiple k and every j below d, then all the cosines."""
    z = [k * x[j] for k in multiples for j in range(d)]
    return [*x, *map(sin, z), *map(cos, z)]


def waves_backward(x, d, multiples, dy):
    """The slope of the loss with respect to each x[j], from dy, that of each output of `waves`.

    With respect to x[j], its copy has the slope 1, sin(k x[j]) has the slope k cos(k x[j]), and
    cos(k x[j]) has the slope -k sin(k x[j]).
    """
    dx, size = dy[:len(x)], len(multiples) * d
    dsin, dcos = dy[len(x):len(x) + size], dy[len(x) + size:]
    for i, k in enumerate(multiples):
        for j in range(d):
            dx[j] += k * cos(k * x[j]) * dsin[i * d + j] - k * sin(k * x[j]) * dcos[i * d + j]
    return dx


# LoRA: a neuron whose weights are frozen, with a small correction beside them (nn/lora.py).

def lora_neuron(x, W, b, A, B, c, j):
    """z[j] = neuron j of (W, b), plus c times the sum over q of h[q] B[q][j], where h = x A."""
    h = [sum(x[k] * A[k][q] for k in range(len(x))) for q in range(len(B))]
    return neuron(x, W, b, j) + c * sum(h[q] * B[q][j] for q in range(len(B)))


def lora_backward(x, W, A, B, c, dy):
    """The slopes of the loss with respect to A, B and x, from dy, that of each z[j].

    z[j] has the slope c h[q] with respect to B[q][j], and c B[q][j] with respect to h[q].
    h[q] has the slope x[k] with respect to A[k][q], and A[k][q] with respect to x[k].
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
    total = [0.0] * len(next(iter(table.values())))     # all vectors have one length
    for place, word in enumerate(prompt.split()):
        for j in range(len(total)):
            total[j] += table[place, word][j]
    return total


def embedding_backward(table, prompt, dy):
    """The slopes of the loss with respect to the table, from dy, that of each entry of the sum.

    Entry j of the sum has the slope 1 with respect to entry j of each vector in it. The other
    vectors do not change the sum.
    """
    dtable = {key: [0.0] * len(dy) for key in table}
    for place, word in enumerate(prompt.split()):
        for j in range(len(dy)):
            dtable[place, word][j] += dy[j]
    return dtable
