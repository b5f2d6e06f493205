"""Whether points can be learned, and what a person should know about them."""
import numpy as np

LARGEST, SMALLEST = 1e100, 1e-100       # even the squares of these are finite, and not 0
FAR, WIDE = 50, 20                      # see `outliers`


def check_points(points, titles, where):
    """Raise ValueError unless there are two different points and every column can be scaled.

    points (n, d) float64. `titles` names the columns in messages, and `where(row)` a point's place.
    """
    if len(points) < 2:
        raise ValueError(f"it holds {len(points)} point{'s' * (len(points) != 1)}, "
                         "there must be two or more")
    low, high = points.min(axis=0), points.max(axis=0)
    for column in np.flatnonzero(~((-LARGEST <= low) & (high <= LARGEST))):     # true for NaN, too
        x = points[:, column]
        row = np.argmin(np.abs(x) <= LARGEST)
        raise ValueError(f"{where(row)}: {titles[column]} holds {x[row]}: every number must be "
                         f"finite, and no larger than {LARGEST:g}")
    spread = high - low
    for column in np.flatnonzero((0 < spread) & (spread < SMALLEST)):
        raise ValueError(f"{titles[column]} varies by {spread[column]:.1e} only: "
                         f"less than {SMALLEST:g} cannot be scaled")
    if not spread.any():
        large = max(-low.min(), high.max()) >= 2 ** 53
        digits = " in the 16 digits of a float64" if large else ""
        raise ValueError(f"all its points are equal{digits}")


def remarks(points, titles):
    """A list of phrases: what is odd about points (n, d) that can be learned all the same."""
    low, high = points.min(axis=0), points.max(axis=0)
    constant = np.flatnonzero(low == high)
    said = [f"{titles[column]} is always {low[column]:.9g}" for column in constant[:3]]
    if len(constant) > 3:
        said.append(f"{len(constant) - 3} more columns are constant")
    if len(points) < points.shape[1]:
        said.append("fewer points than coordinates: transposed?")
    return said


def outlier_line(points):
    """A line that names the outliers of Points, if any are so far out that they set the scale."""
    for column, title in enumerate(points.titles):
        x = points.points[:, column]
        rows, times = outliers(x)
        if len(rows):
            more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
            return (f"{points.where(rows[-1])}: {title} holds {x[rows[-1]]:.9g}; this{more} lies "
                    f"{times:.0f} times as far out as any other point, "
                    "which leaves the others no scale: is it a mistake?")
    return None


def outliers(x):
    """The rows of the outliers in one column (n,), the farthest last; and how far out they begin.

    Distances are from the median, and the largest distance of another point is 1. At most a quarter
    of the points are outliers. Each is more than 50 times as far out as any other point. The
    outliers make the standard deviation more than 20 times as large. A heavy tail seldom has
    such a gap: one in fifty samples of a Cauchy distribution does.
    """
    distance = np.abs(x - np.median(x))
    order = np.argsort(distance)
    distance = distance[order]
    last = len(x) - len(x) // 4 - 1     # up to here it cannot be an outlier
    gaps = np.flatnonzero((distance[last + 1:] > FAR * distance[last:-1]) & (distance[last:-1] > 0))
    if len(gaps):
        cut = last + 1 + gaps[0]
        if x.std() > WIDE * x[order[:cut]].std():
            return order[cut:], distance[cut] / distance[cut - 1]
    return order[:0], 1.0
