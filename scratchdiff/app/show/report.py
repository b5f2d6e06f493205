"""What a run says of its result: how good it is, and how good it could have been."""
import numpy as np

from scratchdiff.fast.streams import REPORT
from scratchdiff.measure.energy import energy_distance, expected_energy_distance
from scratchdiff.measure.exact import floor_and_excess

COMPARED = 2000         # points a side when two sets of points are compared
NOISY = 500             # noisy points a level when a loss is compared with the floor


def figures(model, points, count):
    """The two figures of a result, each as (name, value, what it means).

    Of `points`, in standard form, the first `count` are those that were asked for; more may be needed to compare.
    """
    if model.data.name == "circle":
        radius = np.hypot(*points[:count].T)
        return [("mean radius", f"{radius.mean():.3f}", "target 1.000"),
                ("std radius", _spread(radius, 3), "small = points really are on the circle")]
    real = _real(model)
    if len(real) < 2:
        return [("energy distance", "unknown", "too few points to hold some back"),
                ("between real points", "unknown", "likewise")]
    distance = energy_distance(_like(points, real), real)
    return [("energy distance", f"{distance:.5f}", f"{len(real)} generated points to {len(real)} real ones"),
            ("between real points", f"{expected_energy_distance(real):.5f}", "two such sets of real points, on average")]


def loss_parts(model):
    """(the least loss that any denoiser can reach on this data, how far this one is above it); None if not known."""
    if model.data.exact is None:
        return None
    exact = model.data.exact(model.denoiser.schedule)
    floor, excess = floor_and_excess(model.denoiser, exact, model.data.draw, model.stream(model.seed, REPORT), NOISY)
    return floor.mean(), excess.mean()


def could_be_lines(model, points, parts):
    """How good it could have been, in lines: the loss's two `parts`, and what the perfect denoiser makes."""
    floor, excess = (round(part, 4) for part in parts)      # so that the sum that is shown is the sum of what is shown
    schedule = model.denoiser.schedule
    rng = model.stream(model.seed, REPORT)
    circle = model.data.name == "circle"
    start = rng.standard_normal((128 if circle else COMPARED, 2))
    *_, perfect = model.sampler(model.data.exact(schedule), schedule, start, rng)
    lines = ["how good could it have been?",
             f"  loss    {floor + excess:.4f} = {floor:.4f} that no denoiser can avoid + {excess:.4f} of its own"]
    if circle:
        for radius, whose in [(np.hypot(*points.T), "this network"), (np.hypot(*perfect.T), "the perfect denoiser")]:
            lines.append(f"  radius  {radius.mean():.5f} std {_spread(radius, 7)}  {whose}, {schedule.T} steps")
    else:
        real = _real(model)
        distance = energy_distance(_like(perfect, real), real)
        lines.append(f"  energy distance {distance:.5f}  the perfect denoiser, {schedule.T} steps")
    return lines


def _spread(numbers, digits):
    """Their standard deviation, to so many digits; one number has none."""
    return f"{numbers.std():.{digits}f}" if len(numbers) > 1 else "unknown"


def _real(model):
    """Real points to compare with: always the same ones, for one seed."""
    return model.data.real(COMPARED, model.stream(model.seed, REPORT))


def _like(points, real):
    """As many points as there are real ones, of the same dtype."""
    return points[:len(real)].astype(real.dtype)
