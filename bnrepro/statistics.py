"""Means and intervals over seeds."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap

_RESAMPLES = 1_999
INTERVAL = (
    f"95 % percentile bootstrap of the mean over seeds, {_RESAMPLES:,} resamples; with 5 "
    "seeds such an interval is too narrow and covers the true mean in about 84 % of cases"
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


class LateGain(NamedTuple):
    """How much curves still gain at their end.

    Attributes:
        gain: the mean over the last tenth of the steps minus that over the tenth before, averaged
            over seeds; NaN where a tenth of a curve has fewer than two points.
        noise: its standard error: by the scatter of the points within each tenth, or by the spread
            over seeds where that is larger.
    """

    gain: float
    noise: float

    @property
    def is_rising(self) -> bool:
        """Whether the gain is beyond chance: more than twice its standard error."""
        return self.gain > 2 * self.noise


def band(values: NDArray[np.float64]) -> Band:
    """Mean and 95 % interval over seeds.

    Args:
        values: (seeds, points).
    """
    seeds, points = values.shape
    mean = values.mean(axis=0)
    n = np.full(points, seeds)
    if seeds < 2:
        unknown = np.full_like(mean, np.nan)
        return Band(mean, unknown, unknown, n)
    interval = bootstrap(
        (values,),
        np.mean,
        axis=0,
        confidence_level=0.95,
        method="percentile",
        n_resamples=_RESAMPLES,
        batch=50,  # so many resamples of a curve stay in the cache: twice as fast as 500
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Band(mean, np.asarray(interval.low), np.asarray(interval.high), n)


def band_over_runs(curves: list[pd.Series]) -> tuple[NDArray[np.float64], Band]:
    """Align curves on their steps, and take the `band` over the seeds that have each step.

    A curve that ends early (its run diverged) counts as far as it goes.

    Args:
        curves: one per seed, indexed by step; NaN rows are left out.

    Returns:
        The steps, and the band over them.
    """
    table = pd.concat([curve.dropna() for curve in curves], axis=1).sort_index()
    values = table.to_numpy(dtype=np.float64).T
    bands = np.empty((3, values.shape[1]))
    n = np.sum(~np.isnan(values), axis=0)
    # One bootstrap for all steps that the same seeds have.
    present, group = np.unique(~np.isnan(values), axis=1, return_inverse=True)
    for i, seeds in enumerate(present.T):
        columns = np.ravel(group) == i
        over_seeds = band(values[np.ix_(seeds, columns)])
        bands[:, columns] = over_seeds.mean, over_seeds.low, over_seeds.high
    return table.index.to_numpy(dtype=np.float64), Band(bands[0], bands[1], bands[2], n)


def best_point(steps: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[float, float]:
    """The first step at which a curve is at its maximum, and that maximum.

    Args:
        steps: (n,), increasing.
        values: (n,).
    """
    i = int(values.argmax())
    return float(steps[i]), float(values[i])


def late_gain(curves: list[pd.Series]) -> LateGain:
    """Whether curves are still rising at their end, and how fast: a tenth against the one before.

    Args:
        curves: one per seed, indexed by step; NaN rows are left out.
    """
    found = np.array([_late_gain(curve.dropna()) for curve in curves], dtype=np.float64)
    if found.size == 0:
        return LateGain(np.nan, np.nan)
    gains, variances = found.T
    noise = np.sqrt(variances.sum()) / len(gains)
    if len(gains) > 1:
        noise = max(noise, gains.std(ddof=1) / np.sqrt(len(gains)))
    return LateGain(float(gains.mean()), float(noise))


def _late_gain(curve: pd.Series) -> tuple[float, float]:
    """The gain of one curve, and the variance of it by the scatter of its points."""
    steps, values = curve.index.to_numpy(), curve.to_numpy(dtype=np.float64)
    tenth = np.ceil(10 * steps / steps.max(initial=1))  # (n,), 10: the last
    last, before = values[tenth == 10], values[tenth == 9]
    if min(len(last), len(before)) < 2:
        return np.nan, np.nan
    variance = last.var(ddof=1) / len(last) + before.var(ddof=1) / len(before)
    return last.mean() - before.mean(), variance


def steps_to_reach(steps: NDArray[np.float64], values: NDArray[np.float64], target: float) -> float:
    """The first step at which a curve is at the target, by linear interpolation; NaN: never.

    A curve that starts at or above the target gives its first step.

    Args:
        steps: (n,), increasing.
        values: (n,).
        target: the level to reach.
    """
    reached = np.flatnonzero(values >= target)
    if len(reached) == 0:
        return float("nan")
    i = int(reached[0])
    if i == 0:
        return float(steps[0])
    part = (target - values[i - 1]) / (values[i] - values[i - 1])
    return float(steps[i - 1] + part * (steps[i] - steps[i - 1]))


def proportion_interval(count: int, n: int) -> tuple[float, float]:
    """The 95 % interval (Wilson 1927) of a proportion: over the examples, for one network.

    Args:
        count: examples that have the property.
        n: examples.
    """
    interval = binomtest(count, n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
