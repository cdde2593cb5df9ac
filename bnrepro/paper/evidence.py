"""What a claim is tested on, and the numbers that are read off it, one a seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnrepro.statistics import best_point, steps_to_reach

_ACCURACY = "test/accuracy"
_PERCENTILES = (15, 50, 85)


@dataclass(frozen=True)
class SeedRun:
    """One run of an experiment that ended.

    Attributes:
        seed: its seed; runs of two experiments with the same seed are compared.
        diverged: whether it ended in a non-finite loss or parameter.
        chance: the accuracy of guessing, 1 / classes; NaN where their number is not known.
        rows: what it recorded, indexed by step, a column a tag; NaN where a tag has no row.
    """

    seed: int
    diverged: bool
    chance: float
    rows: pd.DataFrame

    @property
    def accuracy(self) -> pd.Series:
        """Held-out accuracy, a fraction, by step."""
        return self.rows[_ACCURACY].dropna()

    @property
    def at_chance(self) -> bool:
        """Whether it is never above twice the accuracy of guessing: the best of many is luck."""
        return bool(self.accuracy.max() <= 2 * self.chance)


@dataclass(frozen=True)
class Evidence:
    """What there is to test claims on.

    Attributes:
        runs: the ended runs of each experiment.
        tables: the results of studies, by their file below the results of a scale.
    """

    runs: Mapping[str, Sequence[SeedRun]] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


class Sample(NamedTuple):
    """A number a seed.

    Attributes:
        seeds: (n,).
        values: (n,), NaN: the seed never got to where the number could be taken (it did not reach
            a level, or diverged before the end).
        missing: what it could not be measured without; empty where it was measured.
    """

    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    missing: str = ""


Quantity = Callable[[SeedRun], float | None]
"""A number of one run; None: it has none, and its seed is not in the sample."""

Comparison = Callable[[SeedRun, SeedRun], float | None]
"""A number of a run beside its reference, the run of the same seed."""


def each(experiment: str, quantity: Quantity) -> Callable[[Evidence], Sample]:
    """Measure every seed of an experiment."""

    def measure(evidence: Evidence) -> Sample:
        runs = evidence.runs.get(experiment, ())
        found = [(run.seed, quantity(run)) for run in runs]
        return _sample(found, "" if runs else f"needs {experiment}")

    return measure


def against(
    experiment: str, reference: str, comparison: Comparison
) -> Callable[[Evidence], Sample]:
    """Compare every seed of an experiment with the same seed of another.

    A reference that diverged has nothing to compare with; its seed is left out.
    """

    def measure(evidence: Evidence) -> Sample:
        runs = evidence.runs.get(experiment, ())
        references = evidence.runs.get(reference, ())
        absent = [
            name for name, there in ((experiment, runs), (reference, references)) if not there
        ]
        if absent:
            return _sample([], f"needs {', '.join(absent)}")
        by_seed = {run.seed: run for run in references if not run.diverged}
        found = [
            (run.seed, comparison(run, by_seed[run.seed])) for run in runs if run.seed in by_seed
        ]
        return _sample(found, "")

    return measure


def _sample(found: list[tuple[int, float | None]], missing: str) -> Sample:
    kept = [(seed, value) for seed, value in found if value is not None]
    if not kept and not missing:
        missing = "no seed has a number to compare"
    values = np.array([value for _, value in kept], dtype=np.float64)
    return Sample(tuple(seed for seed, _ in kept), values, missing)


def speed_up(run: SeedRun, reference: SeedRun) -> float | None:
    """How many times fewer steps to the reference's best accuracy than the reference took.

    NaN: never reached. None: there is nothing to match, as the reference stays at chance or is
    never better than one of the two was to begin with.
    """
    if reference.at_chance:
        return None
    steps, target = best_point(*_points(reference.accuracy))
    own = steps_to_reach(*_points(run.accuracy), target)
    return None if steps == 0 or own == 0 else steps / own


def final_gain(run: SeedRun, reference: SeedRun) -> float:
    """Final accuracy above the reference's; NaN: the run diverged."""
    if run.diverged:
        return np.nan
    return float(run.accuracy.iloc[-1] - reference.accuracy.iloc[-1])


def best_gain(run: SeedRun, reference: SeedRun) -> float:
    """Best accuracy above the reference's; NaN: the run diverged."""
    if run.diverged:
        return np.nan
    return float(run.accuracy.max() - reference.accuracy.max())


def best_share(run: SeedRun, reference: SeedRun) -> float | None:
    """Best accuracy as a share of the reference's.

    NaN: the run diverged or stays at chance. None: the reference stays at chance.
    """
    if reference.at_chance:
        return None
    if run.diverged or run.at_chance:
        return np.nan
    return float(run.accuracy.max() / reference.accuracy.max())


def mean_lag(run: SeedRun, reference: SeedRun) -> float:
    """How far a run is below the reference on average, for as long as the reference trained."""
    steps, values = _points(run.accuracy)
    reference_steps, reference_values = _points(reference.accuracy)
    both = (reference_steps > 0) & (reference_steps <= steps[-1])
    lag = reference_values[both] - np.interp(reference_steps[both], steps, values)
    return float(lag.mean()) if both.any() else np.nan


def times_chance(run: SeedRun) -> float | None:
    """Best accuracy over that of guessing; None: the number of classes is not known."""
    return None if np.isnan(run.chance) else float(run.accuracy.max() / run.chance)


def failure(run: SeedRun) -> float | None:
    """1: diverged; 1/2: finite, never above twice chance; 0: it trains."""
    if run.diverged:
        return 1.0
    return None if np.isnan(run.chance) else 0.5 * run.at_chance


def drift(run: SeedRun) -> float:
    """How much the inputs to one sigmoid of the last hidden layer move during training.

    The standard deviation over the evaluations of each of the {15, 50, 85}th percentiles, averaged
    over the three: 0 for a distribution that stays as it is. NaN: nothing was recorded.
    """
    layers = [tag.split("/")[1] for tag in run.rows.columns if tag.startswith("probe/")]
    if not layers:
        return np.nan
    tags = [f"probe/{layers[-1]}/unit/p{percentile}" for percentile in _PERCENTILES]
    return float(run.rows[tags].dropna().std(ddof=0).mean())


def steadiness(run: SeedRun, reference: SeedRun) -> float | None:
    """How many times less the inputs to the sigmoid `drift` than the reference's.

    NaN: the run diverged. None: nothing moved at all.
    """
    if run.diverged:
        return np.nan
    own = drift(run)
    return drift(reference) / own if own != 0 else None


def _points(curve: pd.Series) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return curve.index.to_numpy(dtype=np.float64), curve.to_numpy(dtype=np.float64)
