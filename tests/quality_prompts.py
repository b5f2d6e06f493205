"""How good prompts are, and what guidance does. By hand: python tests/quality_prompts.py [SEEDS]

It takes some minutes. Each table shows medians over the seeds, and of the labels the worst.

right     the share of points whose nearest real point has the label of the prompt: of the worst
          label, and of all
distance  the energy distance of 512 points to 512 real ones of that label, in units of that between
          two such sets of real points; the mean of four sets. Of the worst label, and of all
excess    the loss above the floor with each label's prompt, and in units of that without labels:
          of the recipe that such a run takes
spread    the root mean square distance of a label's points from their mean, in units of real ones'

The points are made by the walk of a run (ddpm); in the first table also by dpm in 20 steps.
"Perfect" is the guided perfect denoiser, which walks from the same noise. Each label has other
noise. The second table also has the mean over the labels of network / perfect, and its range.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scratchdiff import RECIPES, Guided, Model, few_steps, own_data, shape_data  # noqa: E402
from scratchdiff.app.show.best import label_parts, loss_parts  # noqa: E402
from scratchdiff.app.show.labels import right_shares  # noqa: E402
from scratchdiff.app.start import recipe_for  # noqa: E402
from scratchdiff.fast.inference import faster  # noqa: E402
from scratchdiff.measure.energy import energy_distance, expected_energy_distance  # noqa: E402

import numpy as np  # noqa: E402

N = 512                 # points in a set
SETS = 4                # of each label
SHAPES = ("moons", "gaussians", "circle")
SCALES = (0, 1, 2, 4)   # w
WALKS = {"ddpm": None, "dpm": 20}


def trained(data, seed, recipe):
    model = Model.new(RECIPES[recipe], seed, data)
    for _ in model.train():
        pass
    return model


def walk(kind, model, k, w, name="ddpm"):
    """Points of label k from the same noise, whatever the denoiser: (SETS * N, d) float64."""
    rng, schedule = np.random.default_rng(k + 1), model.denoiser.schedule
    model.few = few_steps(name, schedule, WALKS[name]) if WALKS[name] else None
    denoiser, x = kind(model, k, w), rng.standard_normal((SETS * N, model.data.d), np.float32)
    for x in model.sampler(denoiser, schedule, x, rng):
        pass
    return x.astype(np.float64)


def network(model, k, w):
    return faster(model.guided([model.data.labels[k]], w), SETS * N)


def perfect(model, k, w):
    exact, schedule = model.data.exact, model.denoiser.schedule
    whole, part = exact(schedule), exact(schedule, k)
    return Guided(lambda xt, t, c: part(xt, t) if c.any() else whole(xt, t), np.ones(1), w)


def spread(points):
    return np.sqrt(np.mean(np.sum((points - points.mean(axis=0)) ** 2, axis=1)))


def far(made, real):
    """The energy distance of N points, in units of that between real ones: the mean of SETS."""
    return np.mean([energy_distance(a, b) / expected_energy_distance(b)
                    for a, b in zip(np.split(made, SETS), np.split(real, SETS))])


def real_points(model, first=0):
    return [model.data.real_with_label(k, SETS * N, np.random.default_rng(first + k))
            for k in range(len(model.data.labels))]


def quality(name, seed, model):
    """[excess, in units of that without labels, then right and distance for each walk, twice]."""
    labels, reals = range(len(model.data.labels)), real_points(model)
    excess = np.mean([label_parts(model, k)[1].mean() for k in labels])
    plain = loss_parts(trained(shape_data(name), seed, recipe_for(name)))[1].mean()
    row = [excess, excess / plain]
    for kind in (network, perfect):
        for name in WALKS:
            made = [walk(kind, model, k, 0, name) for k in labels]
            for figures, worst in [(right_shares(reals, made), min),
                                   (list(map(far, made, reals)), max)]:
                row += [worst(figures), np.mean(figures)]
    return row


def guidance(model):
    """For each w: right, two spreads, and the ratios' mean and range, as an array (w, 6)."""
    labels, reals, rows = range(len(model.data.labels)), real_points(model), []
    real = np.array([spread(points) for points in reals])
    for w in SCALES:
        made, best = ([walk(kind, model, k, w) for k in labels] for kind in (network, perfect))
        ours, theirs = (np.array([spread(points) for points in sets]) for sets in (made, best))
        ratio = ours / theirs
        rows.append([right_shares(reals, made).min(), np.mean(ours / real), np.mean(theirs / real),
                     ratio.mean(), ratio.min(), ratio.max()])
    return rows


def flowers(rng, n=200):
    """Four measured columns of three kinds, which overlap: like sizes of leaves, in cm."""
    kinds = {"small": ([5.0, 3.4, 1.5, 0.3], [0.35, 0.4, 0.2, 0.1]),
             "middle": ([5.9, 2.8, 4.3, 1.3], [0.5, 0.3, 0.5, 0.2]),
             "large": ([6.6, 3.0, 5.5, 2.0], [0.6, 0.3, 0.6, 0.3])}
    points, labels = [], []
    for kind, (mean, std) in kinds.items():
        size = rng.standard_normal((n, 1))          # one size for all four: columns go together
        noise = rng.standard_normal((n, 4))
        points.append(np.array(mean) + np.array(std) * (0.8 * size + 0.6 * noise))
        labels += n * [kind]
    return np.concatenate(points), labels


def own_file(seed):
    points, labels = flowers(np.random.default_rng(0))
    data = own_data(points, np.random.default_rng(seed), labels=labels, label_column=(4, "kind"))
    model = trained(data, seed, "labelled")
    for k, label in enumerate(data.labels):
        real = points[data.label_numbers == k]
        made = {name: data.standard.back(walk(network, model, k, 0, name)) for name in WALKS}
        for what, sets in {"file": real, **made}.items():
            corr = np.corrcoef(sets.T)[0, 2]
            print(f"{label:<8}{what:<4}  mean", *(f"{x:5.2f}" for x in sets.mean(axis=0)),
                  "  std", *(f"{x:5.2f}" for x in sets.std(axis=0)), f"  corr(1, 3) {corr:.2f}")
    reals = [data.real_with_label(k, N, np.random.default_rng(0)) for k in range(3)]
    made = [walk(network, model, k, 0) for k in range(3)]
    print("right", *(f"{x:.1%}" for x in right_shares(reals, made)),
          " of real points", *(f"{x:.1%}" for x in right_shares(reals, reals, others=True)))


def main(seeds):
    models = {(name, seed): trained(shape_data(name, labels=True), seed, "prompts")
              for name in SHAPES for seed in seeds}
    print(f"{'':<11}{'excess':>8}{'ratio':>7}" + "".join(
        f"{kind + ' ' + name + ': right':>22}{'distance':>15}"
        for kind in ("network", "perfect") for name in WALKS))
    for name in SHAPES:
        row = np.median([quality(name, seed, models[name, seed]) for seed in seeds], axis=0)
        print(f"{name:<11}{row[0]:8.5f}{row[1]:7.2f}" + "".join(
            f"{right:14.2%}{mean:8.2%}{most:9.2f}{far:6.2f}"
            for right, mean, most, far in row[2:].reshape(-1, 4)), flush=True)
    for name in SHAPES:
        model = models[name, seeds[0]]
        shares = right_shares(real_points(model), real_points(model, first=100))
        print(f"{name:<11}other real points: right {shares.min():.2%} {shares.mean():.2%}")
    print(f"\n{'':<11}{'w':>3}{'right':>8}{'spread':>8}{'perfect':>9}  network/perfect")
    for name in SHAPES:
        rows = np.median([guidance(models[name, seed]) for seed in seeds], axis=0)
        for w, (right, ours, theirs, mean, low, high) in zip(SCALES, rows):
            print(f"{name:<11}{w:>3}{right:8.2%}{ours:8.2f}{theirs:9.2f}"
                  f"  {mean:.2f} ({low:.2f} to {high:.2f})", flush=True)
    print()
    own_file(0)


if __name__ == "__main__":
    main(range(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
