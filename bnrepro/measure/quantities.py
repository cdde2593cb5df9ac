"""Numbers that a run, or a run beside its reference, has: each defined once, for all that show it.

A value is a float; NaN: the run never got to where the number could be taken (it did not reach a
level, or diverged before the end); None: there is nothing to measure, and the seed is not counted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bnrepro.measure.curves import WINDOW, Points, best_point, points, running_mean, steps_to_reach
from bnrepro.measure.intervals import Mean, mean_over_examples, mean_over_seeds
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import (
    PERCENTILES,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_LOSS,
    activation_input,
    observed_layers,
)

Unit = Literal["times", "points", "accuracy", "steps", "nats", "number"]


@dataclass(frozen=True)
class Quantity:
    """A number of one run, or of a run beside its reference, the run of the same seed.

    Attributes:
        name: its column in tables.
        sentence: what is measured.
        unit: times: a ratio; points: a difference of accuracies, as a fraction.
        measure: of the run, and of the reference where it has one.
        of_pair: whether it needs the reference.
    """

    name: str
    sentence: str
    unit: Unit
    measure: Callable[[EndedRun, EndedRun], float | None]
    of_pair: bool = False

    @property
    def is_difference(self) -> bool:
        """Whether it is 0 of the reference itself, whatever that is."""
        return self.of_pair and self.unit in ("points", "nats")

    @property
    def on_logarithms(self) -> bool:
        """Whether means are taken of logarithms: of ratios, and of steps, which are above 0."""
        return self.unit in ("times", "steps")


SeedValues = Mapping[int, float] | Mapping[int, NDArray[np.float64]]
"""What is known of each seed: a number, or paired differences on the same held-out examples, an
array (examples,)."""


class Sample(NamedTuple):
    """A number a seed.

    Attributes:
        seeds: (n,).
        values: (n,), NaN: the seed never got there.
        mean: over the seeds that have a value; or over held-out examples (`sample_of`).
        lost_references: seeds whose reference diverged, so that nothing could be compared.
    """

    seeds: tuple[int, ...]
    values: NDArray[np.float64]
    mean: Mean
    lost_references: tuple[int, ...] = ()

    @property
    def never(self) -> int:
        """Seeds that never got there."""
        return int(np.isnan(self.values).sum())


def sample_of(values: SeedValues, on_logarithms: bool = False) -> Sample:
    """A sample of values; of differences on examples, with the interval over these."""
    numbers = np.array([*values.values()], dtype=np.float64)
    if numbers.ndim == 1:
        return Sample(tuple(values), numbers, mean_over_seeds(numbers, on_logarithms))
    return Sample(tuple(values), numbers.mean(axis=1), mean_over_examples(numbers.mean(axis=0)))


def sample(
    quantity: Quantity, runs: Sequence[EndedRun], references: Sequence[EndedRun] = ()
) -> Sample:
    """Measure every seed; of a pair, every seed that the reference has, too."""
    lost: list[int] = []
    values: list[tuple[int, float | None]] = []
    by_seed = {run.seed: run for run in references}
    for run in runs:
        if not quantity.of_pair:
            values.append((run.seed, quantity.measure(run, run)))
        elif run.seed in by_seed and by_seed[run.seed].diverged:
            lost.append(run.seed)
        elif run.seed in by_seed:
            values.append((run.seed, quantity.measure(run, by_seed[run.seed])))
    known = [(seed, value) for seed, value in values if value is not None]
    numbers = np.array([value for _, value in known], dtype=np.float64)
    # A run whose only evaluation is at step 0 counts as one step: 0 has no logarithm.
    positive = np.maximum(numbers, 1) if quantity.unit == "steps" else numbers
    mean = mean_over_seeds(positive, quantity.on_logarithms)
    return Sample(tuple(seed for seed, _ in known), numbers, mean, tuple(lost))


_levels: WeakKeyDictionary[EndedRun, dict[str, Points]] = WeakKeyDictionary()


def level(run: EndedRun, tag: str = TEST_ACCURACY) -> Points:
    """The running mean of a recorded curve; most quantities start from it."""
    of_run = _levels.setdefault(run, {})
    if tag not in of_run:
        of_run[tag] = running_mean(points(run.recorded(tag)))
    return of_run[tag]


def at_chance(run: EndedRun) -> bool:
    """Whether its running mean is never above twice the accuracy of guessing."""
    return bool(level(run).values.max() <= 2 * run.chance)


def final(tag: str = TEST_ACCURACY) -> Quantity:
    """The mean over the last evaluations."""
    unit: Unit = "accuracy" if tag == TEST_ACCURACY else "nats"
    name = {TEST_ACCURACY: "final_accuracy", TEST_LOSS: "final_loss"}.get(tag, tag)
    return Quantity(
        name,
        "accuracy at the end (mean of the last five evaluations)"
        if tag == TEST_ACCURACY
        else f"{tag} at the end (mean of the last five values)",
        unit,
        lambda run, _: np.nan if run.diverged else float(level(run, tag).values[-1]),
    )


def best(tag: str = TEST_ACCURACY) -> Quantity:
    """The best level: the highest accuracy, the lowest loss."""
    if tag == TEST_ACCURACY:
        return BEST
    return Quantity(
        f"best_{tag}",
        f"lowest {tag} (running mean of five values)",
        "nats",
        lambda run, _: float(level(run, tag).values.min()),
    )


BEST = Quantity(
    "best_accuracy",
    "best accuracy (running mean of five evaluations)",
    "accuracy",
    lambda run, _: best_point(level(run))[1],
)


def steps_to(accuracy: float) -> Quantity:
    """Steps to a fixed accuracy."""
    return Quantity(
        f"steps_to_{accuracy:g}",
        f"steps to an accuracy of {accuracy:g} (running mean of five evaluations)",
        "steps",
        lambda run, _: steps_to_reach(level(run), accuracy),
    )


def _steps_to_match(run: EndedRun, reference: EndedRun) -> float | None:
    if at_chance(reference):
        return None
    return steps_to_reach(level(run), best_point(level(reference))[1])


STEPS_TO_MATCH = Quantity(
    "steps_to_match",
    "steps to the reference's best accuracy",
    "steps",
    _steps_to_match,
    of_pair=True,
)


def _speed_up(share: float) -> Callable[[EndedRun, EndedRun], float | None]:
    def measure(run: EndedRun, reference: EndedRun) -> float | None:
        if at_chance(reference):
            return None
        target = share * best_point(level(reference))[1]
        own, steps = (steps_to_reach(level(one), target) for one in (run, reference))
        # No ratio to a start that is as good.
        return None if steps == 0 or own == 0 else steps / own

    return measure


SPEED_UP = Quantity(
    "speed_up",
    "steps of the reference to its best accuracy, over steps to the same",
    "times",
    _speed_up(1),
    of_pair=True,
)


def speed_up_to(share: float) -> Quantity:
    """`SPEED_UP` to a share of the reference's best: it says how much its end decides."""
    return Quantity(
        f"speed_up_to_{share:g}",
        f"steps of the reference to {share:.0%} of its best accuracy, over steps to the same",
        "times",
        _speed_up(share),
        of_pair=True,
    )


def _gain(run: EndedRun, reference: EndedRun, value: Callable[[EndedRun], float]) -> float:
    return np.nan if run.diverged else value(run) - value(reference)


def final_gain(tag: str = TEST_ACCURACY) -> Quantity:
    """The end beside the reference's of the same seed."""
    is_accuracy = tag == TEST_ACCURACY
    return Quantity(
        "final_gain" if is_accuracy else f"final_{tag}_gain",
        f"final {'accuracy' if is_accuracy else tag} minus the reference's",
        "points" if is_accuracy else "nats",
        lambda run, reference: _gain(run, reference, lambda one: float(level(one, tag).values[-1])),
        of_pair=True,
    )


FINAL_GAIN = final_gain()

BEST_GAIN = Quantity(
    "best_gain",
    "best accuracy minus the reference's",
    "points",
    lambda run, reference: _gain(run, reference, lambda one: best_point(level(one))[1]),
    of_pair=True,
)


def _best_share(run: EndedRun, reference: EndedRun) -> float | None:
    if at_chance(reference):
        return None
    if run.diverged or at_chance(run):
        return np.nan
    return best_point(level(run))[1] / best_point(level(reference))[1]


BEST_SHARE = Quantity(
    "best_share", "best accuracy over the reference's", "times", _best_share, of_pair=True
)


def _mean_lag(run: EndedRun, reference: EndedRun) -> float | None:
    """Below the reference on average, until the reference is at nine tenths of its best."""
    steps, values = points(run.accuracy)
    reference_steps, reference_values = points(reference.accuracy)
    end = steps_to_reach(level(reference), 0.9 * best_point(level(reference))[1])
    if run.diverged and steps[-1] < end:
        return np.nan
    both = (reference_steps > 0) & (reference_steps <= min(end, steps[-1]))
    if not both.any():
        return None
    return float((reference_values[both] - np.interp(reference_steps[both], steps, values)).mean())


EARLY_LAG = Quantity(
    "early_lag",
    "accuracy below the reference's, on average until the reference is at nine tenths of its best",
    "points",
    _mean_lag,
    of_pair=True,
)

TIMES_CHANCE = Quantity(
    "times_chance",
    "best accuracy over that of guessing",
    "times",
    lambda run, _: None if np.isnan(run.chance) else best_point(level(run))[1] / run.chance,
)


def _failure(run: EndedRun, _: EndedRun) -> float | None:
    if run.diverged:
        return 1.0
    return None if np.isnan(run.chance) else 0.5 * at_chance(run)


FAILURE = Quantity(
    "failure",
    "1 where a seed diverges, 1/2 where it stays at chance (never above twice), 0 where it trains",
    "number",
    _failure,
)


def _drift(run: EndedRun) -> float:
    layers = observed_layers(list(run.rows.columns))
    if not layers:
        return np.nan
    tags = [activation_input(layers[-1], "unit", percentile) for percentile in PERCENTILES]
    return float(run.rows[tags].dropna().std(ddof=0).mean())


DRIFT = Quantity(
    "drift",
    "drift of the {15, 50, 85}th percentiles of the input to one sigmoid of the last hidden layer "
    "(their standard deviation over training)",
    "number",
    lambda run, _: _drift(run),
)


def _steadiness(run: EndedRun, reference: EndedRun) -> float | None:
    if run.diverged:
        return np.nan
    own = _drift(run)
    return _drift(reference) / own if own != 0 else None


STEADINESS = Quantity(
    "steadiness",
    f"the reference's {DRIFT.sentence}, over its own",
    "times",
    _steadiness,
    of_pair=True,
)


def _generalization_gap(run: EndedRun) -> float:
    return float(level(run, TEST_LOSS).values[-1] - level(run, TRAIN_LOSS).values[-1])


GAP_CHANGE = Quantity(
    "gap_change",
    "gap between held-out and training loss at the end, minus the reference's",
    "nats",
    lambda run, reference: (
        np.nan if run.diverged else _generalization_gap(run) - _generalization_gap(reference)
    ),
    of_pair=True,
)


def last(name: str, tag: str) -> Quantity:
    """The last recorded value of a tag: where evaluations are too far apart for a running mean."""

    def measure(run: EndedRun, _: EndedRun) -> float | None:
        if tag not in run.rows:
            return None
        return np.nan if run.diverged else float(run.recorded(tag).iloc[-1])

    return Quantity(f"last_{name}", f"the last {tag}", "accuracy", measure)


def gain(quantity: Quantity) -> Quantity:
    """A quantity of one run minus the reference's of the same seed."""

    def measure(run: EndedRun, reference: EndedRun) -> float | None:
        own, other = quantity.measure(run, run), quantity.measure(reference, reference)
        return None if own is None or other is None else own - other

    return Quantity(
        f"{quantity.name}_gain",
        f"{quantity.sentence}, minus the reference's",
        "points" if quantity.unit == "accuracy" else quantity.unit,
        measure,
        of_pair=True,
    )


def _length(run: EndedRun, share: float) -> int | None:
    """Steps of a share of Figure 2's curves."""
    whole = run.config.inception_steps
    return None if whole is None else round(share * whole)


def accuracy_after(share: float) -> Quantity:
    """The accuracy after a share of the length of Figure 2's curves (``inception_steps``)."""

    def measure(run: EndedRun, _: EndedRun) -> float | None:
        step = _length(run, share)
        if step is None:
            return None
        if run.diverged and run.rows.index.max() < step:
            return np.nan
        return float(run.accuracy.loc[:step].iloc[-WINDOW:].mean())

    return Quantity(
        f"accuracy_after_{share:g}",
        f"accuracy after {share:.0%} of the steps (mean of the last five evaluations before)",
        "accuracy",
        measure,
    )


def speed_up_within(share: float) -> Quantity:
    """`SPEED_UP` as far as a share of Figure 2's curves goes: runs of any length compare alike."""

    def early(run: EndedRun) -> Points:
        steps, values = level(run)
        end = _length(run, share)
        shown = steps <= (np.inf if end is None else end)
        return Points(steps[shown], values[shown])

    def measure(run: EndedRun, reference: EndedRun) -> float | None:
        points = early(reference)
        if not len(points.steps):
            return None
        steps, target = best_point(points)
        if target <= 2 * reference.chance:
            return None
        own = steps_to_reach(early(run), target)
        return None if own == 0 else steps / own

    return Quantity(
        f"speed_up_within_{share:g}",
        f"steps of the reference to its best accuracy in {share:.0%} of the steps, over steps to "
        "the same",
        "times",
        measure,
        of_pair=True,
    )
