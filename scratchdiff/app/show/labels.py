"""How well a model keeps to its prompts: a line for each label.

We judge that a generated point has the label of the nearest real point. Where labels overlap, no
judge is always right. So the table also says how often this judge is right about real points.
"""
import numpy as np

from scratchdiff.app.errors import one_line
from scratchdiff.app.show.best import label_parts
from scratchdiff.app.show.report import decimals, distance
from scratchdiff.experiment.data import OWN
from scratchdiff.fast.inference import faster
from scratchdiff.fast.streams import REPORT
from scratchdiff.measure.energy import expected_energy_distance
from scratchdiff.measure.nearest import nearest

MOST = 8192             # points to make for all labels together, unless there are very many labels
SHOWN = 8               # labels in the table, at most: the ones with the fewest right points
WIDE = 22               # characters of a label, at most


def label_lines(model):
    """Yield lines of text: how good the generated points of each label are, at w = 0."""
    labels = model.data.labels
    each = int(np.clip(MOST // len(labels), 32, 512))
    reals, mades = real_points(model, each), made_points(model, each)
    right, real_right = right_shares(reals, mades), right_shares(reals, reals, others=True)
    yield (f"with each prompt, {each} points:".ljust(WIDE + 9)
           + "right    (real)  distance    (real)  excess")
    worst = sorted(np.argsort(right, kind="stable")[:SHOWN].tolist())
    for k in worst:
        real, made = reals[k], mades[k]
        own = expected_energy_distance(real) if len(real) > 1 else None
        parts = label_parts(model, k)
        yield (f"  {short(labels[k]):<{WIDE}} {right[k]:11.1%} {f'({real_right[k]:.1%})':>9}"
               f"{decimals(distance(made, real), 5):>10} {f'({decimals(own, 5)})':>9}"
               + (f"{parts[1].mean():8.4f}" if parts else "       -"))
    if len(worst) < len(labels):
        others = np.delete(np.arange(len(labels)), worst)
        yield (f"  {f'{len(others)} others, on average':<{WIDE}} {right[others].mean():11.1%} "
               f"{f'({real_right[others].mean():.1%})':>9}")
    yield "  right: the nearest real point has that label. distance: the energy distance"
    if model.data.name == OWN:
        yield "  real: all points of the file, also those that were learned"


def real_points(model, n):
    """Real points of each label, a list of arrays (m, d) with m <= n."""
    rng = model.stream(model.seed, REPORT)
    return [model.data.real_with_label(k, n, rng) for k in range(len(model.data.labels))]


def made_points(model, n):
    """Points that the model makes for each label: (labels, n, d) float64. All walk together."""
    data, rng = model.data, model.stream(model.seed, REPORT)
    prompts = [label for label in data.labels for _ in range(n)]
    denoiser = faster(model.guided(prompts), len(prompts))
    x = rng.standard_normal((len(prompts), data.d), np.float32)
    for x in model.sampler(denoiser, model.denoiser.schedule, x, rng):
        pass
    return x.astype(np.float64).reshape(len(data.labels), n, data.d)


def right_shares(reals, sets, others=False):
    """The share of each set whose nearest real point has that set's label: (labels,).

    With others=True the sets are the real points themselves, and a point is not its own neighbour.
    """
    shares = []
    for k, points in enumerate(sets):
        distances = [nearest(points, real, leave_out_itself=others and j == k)
                     for j, real in enumerate(reals)]
        shares.append(np.mean(np.argmin(distances, axis=0) == k))
    return np.array(shares)


def short(label):
    label = one_line(label)
    return label if len(label) <= WIDE else label[:WIDE - 3] + "..."
