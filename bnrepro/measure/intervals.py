"""Means over seeds and their intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

_CONFIDENCE = 0.95
_RESAMPLES = 1999
FEWEST_SEEDS = 3
"""Below this many seeds nothing counts as reproduced."""

INTERVAL = (
    "95 % Student's t of the mean over seeds, of ratios and steps on their logarithms; it covers "
    "the true mean in 95 % of cases at any number of seeds if they scatter normally, which few "
    "cannot show"
)
"""How every interval is made; stands beside every figure."""


class Band(NamedTuple):
    """A mean over seeds with its interval.

    Attributes:
        mean: (points,).
        low: (points,), NaN where there is one seed only.
        high: (points,), likewise.
        n: (points,), seeds.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]


class Mean(NamedTuple):
    """A mean over seeds with its interval; NaN where there is none.

    Attributes:
        mean: of the values that there are.
        low: of its 95 % interval.
        high: likewise.
        n: how many values.
    """

    mean: float
    low: float
    high: float
    n: int


def band(values: NDArray[np.float64]) -> Band:
    """Mean and 95 % interval over seeds.

    Args:
        values: (seeds, points), all finite.
    """
    seeds, points = values.shape
    mean = values.mean(axis=0)
    n = np.full(points, seeds)
    if seeds < 2:
        unknown = np.full_like(mean, np.nan)
        return Band(mean, unknown, unknown, n)
    quantile = stdtrit(seeds - 1, (1 + _CONFIDENCE) / 2)  # of Student's t
    half = quantile * values.std(axis=0, ddof=1) / np.sqrt(seeds)
    return Band(mean, mean - half, mean + half, n)


def mean_over_seeds(
    values: Sequence[float] | NDArray[np.float64], on_logarithms: bool = False
) -> Mean:
    """The mean of a number a seed, and its interval; seeds without a number (NaN) are left out.

    Args:
        values: (seeds,).
        on_logarithms: they are positive: the geometric mean, with the interval of the logarithms.
    """
    present = np.asarray(values, dtype=np.float64)
    present = present[~np.isnan(present)]
    if len(present) == 0:
        return Mean(np.nan, np.nan, np.nan, 0)
    over_seeds = band((np.log(present) if on_logarithms else present)[:, None])
    edges = [float(edge[0]) for edge in over_seeds[:3]]
    mean, low, high = np.exp(edges) if on_logarithms else edges
    return Mean(float(mean), float(low), float(high), len(present))


def band_over_runs(curves: Sequence[pd.Series]) -> tuple[NDArray[np.float64], Band]:
    """The mean over the seeds that have each step, with its interval.

    Args:
        curves: one per seed, indexed by step; NaN rows are left out.

    Returns:
        The steps, and the band over them.
    """
    table = pd.concat([curve.dropna() for curve in curves], axis=1).sort_index()
    values = table.to_numpy(dtype=np.float64).T
    steps = table.index.to_numpy(dtype=np.float64)
    if not np.isnan(values).any():
        return steps, band(np.ascontiguousarray(values))
    bands = np.empty((3, values.shape[1]))
    n = np.sum(~np.isnan(values), axis=0)
    # Together for all steps that the same seeds have.
    present, group = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for i, seeds in enumerate(present.T):
        columns = np.ravel(group) == i
        over_seeds = band(values[np.ix_(seeds, columns)])
        bands[:, columns] = over_seeds.mean, over_seeds.low, over_seeds.high
    return steps, Band(bands[0], bands[1], bands[2], n)


def proportion_interval(count: int, n: int) -> tuple[float, float]:
    """The 95 % interval (Wilson 1927) of a proportion: over the examples, for one network.

    Args:
        count: examples that have the property.
        n: examples.
    """
    from scipy.stats import binomtest  # a second to import: where it is needed

    interval = binomtest(count, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def mean_over_examples(differences: NDArray[np.float64]) -> Mean:
    """The mean of a paired difference an example, and its 95 % interval by a paired bootstrap.

    It is the interval for these networks on other examples of the kind; it says nothing of other
    seeds.

    Args:
        differences: (examples,), of two methods on the same examples.
    """
    from scipy.stats import bootstrap

    resampled = bootstrap((differences,), np.mean, vectorized=True, rng=0, n_resamples=_RESAMPLES)
    low, high = resampled.confidence_interval
    return Mean(float(differences.mean()), float(low), float(high), len(differences))
