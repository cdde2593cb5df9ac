"""From a number a seed to a verdict. Nothing else decides one."""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bnrepro.statistics import band


class Verdict(StrEnum):
    """How a claim fared."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    NOT_RUN = "not run"


_BEYOND_ALL = 1e9

Rule = Callable[[NDArray[np.float64]], Verdict]
"""Judges the values of a sample of at least one seed; NaN: the seed never got there."""


def above(level: float, size: float | None = None, worst: float = 0.0) -> Rule:
    """Judge a number that the claim says is above a level.

    Reproduced: the whole 95 % interval of the mean over seeds is at or above the size that the
    claim states, or above the level where it states none. Partly: the mean is above the level, but
    the interval or the size does not hold; with one seed there is no interval that could. Not
    reproduced: the mean is not above the level.

    Args:
        level: what separates the claim from its opposite: 1 for a ratio, 0 for a difference.
        size: how far the claim says it goes.
        worst: what a seed that never got there counts as. It is not left out.
    """

    def judge(values: NDArray[np.float64]) -> Verdict:
        counted = np.where(np.isnan(values), worst, values)
        over_seeds = band(counted[:, None])
        low = over_seeds.low[0]  # NaN with one seed, and above nothing
        if low > level and (size is None or low >= size):
            return Verdict.REPRODUCED
        return Verdict.PARTLY if over_seeds.mean[0] > level else Verdict.NOT_REPRODUCED

    return judge


def below(level: float) -> Rule:
    """Judge a number that the claim says is below a level: `above`, mirrored."""
    mirrored = above(-level, worst=-_BEYOND_ALL)
    return lambda values: mirrored(-values)


def all_below(bound: float) -> Rule:
    """Judge what is computed, not sampled: reproduced if every value is below the bound."""
    return lambda values: Verdict.REPRODUCED if (values < bound).all() else Verdict.NOT_REPRODUCED


def every_seed_fails(values: NDArray[np.float64]) -> Verdict:
    """Judge failures: 1 diverged, 1/2 stayed at chance, 0 trained.

    Reproduced: every seed diverged. Partly: more than half of the seeds diverged or stayed at
    chance.
    """
    if (values == 1).all():
        return Verdict.REPRODUCED
    return Verdict.PARTLY if (values > 0).mean() > 0.5 else Verdict.NOT_REPRODUCED
