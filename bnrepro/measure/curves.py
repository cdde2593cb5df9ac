"""Levels and crossings of a curve, read off its running mean: single evaluations are noisy."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

WINDOW = 5
"""Evaluations in the running mean: the best of 80 single ones would be above the level by luck."""


class Points(NamedTuple):
    """A curve.

    Attributes:
        steps: (n,), increasing.
        values: (n,).
    """

    steps: NDArray[np.float64]
    values: NDArray[np.float64]


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


def points(curve: pd.Series) -> Points:
    """A recorded curve; NaN rows are left out."""
    curve = curve.dropna()
    return Points(curve.index.to_numpy(dtype=np.float64), curve.to_numpy(dtype=np.float64))


def running_mean(curve: Points, window: int = WINDOW) -> Points:
    """Means over ``window`` neighbouring points, each at the step of the middle one.

    Whole windows only; a curve shorter than the window is a single mean.
    """
    window = min(window, len(curve.values))
    if window <= 1:
        return curve
    steps = np.lib.stride_tricks.sliding_window_view(curve.steps, window)
    values = np.lib.stride_tricks.sliding_window_view(curve.values, window)
    return Points(steps[:, window // 2].copy(), values.mean(axis=1))


def best_point(curve: Points) -> tuple[float, float]:
    """The first step at which a curve is at its maximum, and that maximum."""
    i = int(curve.values.argmax())
    return float(curve.steps[i]), float(curve.values[i])


def steps_to_reach(curve: Points, target: float) -> float:
    """The first step at which a curve is at the target, by linear interpolation; NaN: never.

    A curve that starts at or above the target gives its first step.
    """
    steps, values = curve
    reached = np.flatnonzero(values >= target)
    if len(reached) == 0:
        return float("nan")
    i = int(reached[0])
    if i == 0:
        return float(steps[0])
    part = (target - values[i - 1]) / (values[i] - values[i - 1])
    return float(steps[i - 1] + part * (steps[i] - steps[i - 1]))


def late_gain(curves: Sequence[pd.Series]) -> LateGain:
    """Whether curves are still rising at their end, and how fast: a tenth against the one before.

    Args:
        curves: one per seed, indexed by step; NaN rows are left out.
    """
    gains = np.array([_late_gain(points(curve)) for curve in curves], dtype=np.float64)
    if gains.size == 0:
        return LateGain(np.nan, np.nan)
    gain, variance = gains.T
    noise = np.sqrt(variance.sum()) / len(gain)
    if len(gain) > 1:
        noise = max(noise, gain.std(ddof=1) / np.sqrt(len(gain)))
    return LateGain(float(gain.mean()), float(noise))


def _late_gain(curve: Points) -> tuple[float, float]:
    """The gain of one curve, and the variance of it by the scatter of its points."""
    steps, values = curve
    tenth = np.ceil(10 * steps / steps.max(initial=1))  # (n,), 10: the last
    last, before = values[tenth == 10], values[tenth == 9]
    if min(len(last), len(before)) < 2:
        return np.nan, np.nan
    variance = last.var(ddof=1) / len(last) + before.var(ddof=1) / len(before)
    return last.mean() - before.mean(), variance
