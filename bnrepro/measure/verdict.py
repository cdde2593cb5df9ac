"""From a number a seed to a verdict. Nothing else decides one; a rule says itself what it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

import numpy as np

from bnrepro.measure.curves import late_gain
from bnrepro.measure.intervals import FEWEST_SEEDS, Mean, mean_over_seeds
from bnrepro.measure.quantities import Sample, at_chance
from bnrepro.runs.ended import EndedRun

_FACTOR = 2.0  # how far from the paper's number a size may be


class Verdict(StrEnum):
    """How a claim fared."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    UNDECIDED = "undecided"
    NOT_RUN = "not run"


class Judgement(NamedTuple):
    """A verdict and why.

    Attributes:
        verdict: the verdict.
        reason: a clause; empty where the rule says it all.
    """

    verdict: Verdict
    reason: str = ""


class Rule(Protocol):
    """Judges a sample of at least one seed."""

    @property
    def sentence(self) -> str:
        """When the claim counts as reproduced, and when as partly."""

    def judge(self, sample: Sample, on_logarithms: bool) -> Judgement:
        """The verdict on a sample; ``on_logarithms``: its means are of logarithms."""


@dataclass(frozen=True)
class Above:
    """The number is above a level; its size is judged apart from its direction.

    Attributes:
        level: what separates the claim from its opposite: 1 for a ratio, 0 for a difference.
        size: the paper's number; NaN: it gives none, and the direction is all there is.
        worst: what a seed that never got there counts as; it is not left out.
        over_examples: the interval is over held-out examples, of the networks at hand, and needs
            no number of seeds.
    """

    level: float
    size: float = float("nan")
    worst: float = float("nan")
    over_examples: bool = False

    @property
    def sentence(self) -> str:
        """When the claim counts as reproduced, and when as partly."""
        few = "" if self.over_examples else f"fewer than {FEWEST_SEEDS} seeds"
        if np.isnan(self.size):
            return (
                f"Reproduced: the interval is above {self.level:g}; partly: the mean is"
                f"{few and f'; undecided: {few}'}"
            )
        return (
            f"Reproduced: the interval is above {self.level:g} and the mean within a factor of "
            f"{_FACTOR:g} of the paper's number; partly: one of the two, and where it is the "
            f"direction alone, whether larger or smaller is said; undecided: the interval includes "
            f"{self.level:g} and sizes as the paper's{few and f', or {few}'}"
        )

    def judge(self, sample: Sample, on_logarithms: bool) -> Judgement:
        """The verdict on a sample."""
        never, n = sample.never, len(sample.values)
        if self.over_examples:
            over_seeds = sample.mean
        elif n < FEWEST_SEEDS:
            return Judgement(Verdict.UNDECIDED, too_few(n))
        elif not np.isnan(self.worst):
            over_seeds = mean_over_seeds(
                np.nan_to_num(sample.values, nan=self.worst), on_logarithms
            )
        elif never == n:
            return Judgement(Verdict.NOT_REPRODUCED, "no seed gets there")
        else:
            over_seeds = sample.mean
        if over_seeds.mean <= self.level:
            return Judgement(Verdict.NOT_REPRODUCED, "the direction is not the paper's")
        if never and np.isnan(self.worst):
            return Judgement(Verdict.PARTLY, f"{never} of {n} seeds never get there")
        if over_seeds.low > self.level:
            return self._size(over_seeds)
        return self._no_direction(over_seeds)

    def _size(self, over_seeds: Mean) -> Judgement:
        if np.isnan(self.size) or self._is_like_the_papers(over_seeds.mean):
            return Judgement(Verdict.REPRODUCED)
        smaller = over_seeds.mean < self.size
        return Judgement(
            Verdict.PARTLY, f"the direction alone: {'smaller' if smaller else 'larger'}"
        )

    def _no_direction(self, over_seeds: Mean) -> Judgement:
        """The mean is above the level, the interval is not."""
        spans = f"the interval includes {self.level:g}"
        if np.isnan(self.size) or self._is_like_the_papers(over_seeds.mean):
            return Judgement(Verdict.PARTLY, spans)
        low, high = self._sizes()
        if over_seeds.high < low or over_seeds.low > high:
            return Judgement(Verdict.NOT_REPRODUCED, f"{spans}, and not the paper's size")
        return Judgement(Verdict.UNDECIDED, f"{spans}, and the paper's size")

    def _sizes(self) -> tuple[float, float]:
        return self.size / _FACTOR, self.size * _FACTOR

    def _is_like_the_papers(self, mean: float) -> bool:
        low, high = self._sizes()
        return low <= mean <= high


@dataclass(frozen=True)
class Below:
    """The number is below a level.

    Attributes:
        level: the level.
    """

    level: float

    @property
    def sentence(self) -> str:
        """When the claim counts as reproduced, and when as partly."""
        return (
            f"Reproduced: the interval is below {self.level:g}; partly: the mean is. "
            f"Fewer than {FEWEST_SEEDS} seeds: undecided"
        )

    def judge(self, sample: Sample, on_logarithms: bool) -> Judgement:
        """The verdict on a sample."""
        n = len(sample.values)
        if n < FEWEST_SEEDS:
            return Judgement(Verdict.UNDECIDED, too_few(n))
        if sample.never:
            reason = f"{sample.never} of {n} seeds have no number"
            return Judgement(Verdict.NOT_REPRODUCED, reason)
        over_seeds = mean_over_seeds(sample.values, on_logarithms)
        if over_seeds.high < self.level:
            return Judgement(Verdict.REPRODUCED)
        if over_seeds.mean < self.level:
            return Judgement(Verdict.PARTLY, f"the interval includes {self.level:g}")
        return Judgement(Verdict.NOT_REPRODUCED)


@dataclass(frozen=True)
class Within:
    """What is computed, not sampled: every value is below a bound.

    Attributes:
        bound: on rounding, say.
    """

    bound: float

    @property
    def sentence(self) -> str:
        """When the claim counts as reproduced."""
        return f"Reproduced: below {self.bound:g}, a bound on rounding; computed, not sampled"

    def judge(self, sample: Sample, on_logarithms: bool) -> Judgement:
        """The verdict on a sample."""
        del on_logarithms
        holds = bool((sample.values < self.bound).all())
        return Judgement(Verdict.REPRODUCED if holds else Verdict.NOT_REPRODUCED)


@dataclass(frozen=True)
class EverySeedFails:
    """Failures: 1 diverged, 1/2 stayed at chance, 0 trained."""

    sentence: str = (
        "Reproduced: every seed diverges; partly: more than half diverge or stay at chance. "
        f"Fewer than {FEWEST_SEEDS} seeds: undecided"
    )

    def judge(self, sample: Sample, on_logarithms: bool) -> Judgement:
        """The verdict on a sample."""
        del on_logarithms
        values = sample.values
        if len(values) < FEWEST_SEEDS:
            return Judgement(Verdict.UNDECIDED, too_few(len(values)))
        if (values == 1).all():
            return Judgement(Verdict.REPRODUCED)
        if (values > 0).mean() > 0.5:
            return Judgement(Verdict.PARTLY, f"{(values == 1).sum()} of {len(values)} diverge")
        return Judgement(Verdict.NOT_REPRODUCED, "it trains")


def unsound_reference(label: str, references: Sequence[EndedRun], sample: Sample) -> str:
    """Why a comparison with a reference proves nothing, wherever it was stopped; empty: it does.

    Args:
        label: the reference's.
        references: its runs.
        sample: what was measured against them.
    """
    if sample.lost_references:
        seeds = ", ".join(map(str, sample.lost_references))
        return f"{label} diverged with seed {seeds}: nothing to compare with"
    if any(at_chance(run) for run in references):
        return f"{label} stays at chance: nothing to compare with"
    return ""


def unsettled_reference(label: str, references: Sequence[EndedRun]) -> str:
    """Why what is compared with a reference's best, or its end, depends on where it was stopped.

    Empty where the reference has levelled off.

    Args:
        label: the reference's.
        references: its runs.
    """
    gain = late_gain([run.accuracy for run in references])
    if np.isnan(gain.gain):
        return f"{label} has too few evaluations to tell whether it still rises"
    return f"{label} is still rising where it was stopped" if gain.is_rising else ""


def too_few(n: int) -> str:
    """That a sample is too small to judge."""
    return f"{n} seed{'s' if n != 1 else ''}, fewer than {FEWEST_SEEDS}"
