"""Every number that tables, claims and charts share, on curves that tell what it must be."""

from dataclasses import replace

import numpy as np
import pytest

from bnrepro.measure.quantities import (
    BEST,
    BEST_GAIN,
    BEST_SHARE,
    DRIFT,
    EARLY_LAG,
    FAILURE,
    FINAL_GAIN,
    GAP_CHANGE,
    SPEED_UP,
    STEADINESS,
    STEPS_TO_MATCH,
    TIMES_CHANCE,
    Quantity,
    accuracy_after,
    final,
    last,
    sample,
    speed_up_to,
    speed_up_within,
    steps_to,
)
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import PERCENTILES, TEST_LOSS, TRAIN_LOSS, activation_input
from tests.synthetic import ended_run


def _ramp(steps_to_half: int, best: float = 0.6, length: int = 4000) -> dict[int, float]:
    """A straight rise from 0.1, at 0.5 after so many steps, then level at the best."""
    rise = {s: 0.1 + 0.4 * s / steps_to_half for s in range(0, length + 1, 10)}
    return {step: min(best, value) for step, value in rise.items()}


def _value(quantity: Quantity, run: EndedRun, reference: EndedRun | None = None) -> float | None:
    return quantity.measure(run, reference or run)


CHANCE = ended_run([0.1, 0.12, 0.19, 0.11, 0.1, 0.1, 0.1])
DIVERGED = ended_run(_ramp(200, length=400), diverged=True)


def test_speed_up_is_the_ratio_of_steps_to_the_references_best() -> None:
    slow, fast = ended_run(_ramp(1000)), ended_run(_ramp(100))
    assert _value(SPEED_UP, fast, slow) == pytest.approx(10, rel=0.2)
    assert _value(SPEED_UP, slow, slow) == 1
    assert _value(STEPS_TO_MATCH, fast, slow) == pytest.approx(125, abs=25)
    assert np.isnan(_value(SPEED_UP, ended_run(_ramp(100, best=0.59)), slow)), "never there"


def test_speed_up_to_a_share_does_not_see_what_comes_later() -> None:
    slow, fast = ended_run(_ramp(1000)), ended_run(_ramp(100))
    assert _value(speed_up_to(0.5), fast, slow) == pytest.approx(10, rel=0.2)
    stuck = ended_run(_ramp(100, best=0.5))
    assert _value(speed_up_to(0.8), stuck, slow) == pytest.approx(10, rel=0.2)
    assert np.isnan(_value(speed_up_to(0.9), stuck, slow)), "0.54 is above 0.5"
    assert _value(speed_up_to(0.5), fast, CHANCE) is None


def test_reference_at_chance_is_nothing_to_compare_with() -> None:
    good = ended_run(_ramp(100))
    for quantity in (SPEED_UP, STEPS_TO_MATCH, BEST_SHARE):
        assert _value(quantity, good, CHANCE) is None, quantity.name
        measured = sample(quantity, [good], [CHANCE])
        assert (len(measured.values), measured.mean.n) == (0, 0)


def test_gains_are_differences_of_running_means() -> None:
    low, high = ended_run([0.1, *[0.5] * 9]), ended_run([0.1, *[0.7] * 6, *[0.6] * 5])
    assert _value(BEST_GAIN, high, low) == pytest.approx(0.2)
    assert _value(FINAL_GAIN, high, low) == pytest.approx(0.1)
    assert _value(BEST_SHARE, high, low) == pytest.approx(1.4)
    assert np.isnan(_value(BEST_SHARE, CHANCE, low)), "chance is no share of a level"
    for quantity in (BEST_GAIN, FINAL_GAIN, BEST_SHARE, GAP_CHANGE, STEADINESS):
        assert np.isnan(_value(quantity, DIVERGED, low)), quantity.name


def test_levels_and_ends() -> None:
    run = ended_run([0.1, *[0.8] * 5, *[0.6] * 5])
    assert _value(BEST, run) == pytest.approx(0.8)
    assert _value(final(), run) == pytest.approx(0.6)
    assert np.isnan(_value(final(), DIVERGED))
    assert _value(steps_to(0.35), ended_run(_ramp(800))) == pytest.approx(500)
    assert _value(TIMES_CHANCE, run) == pytest.approx(8)


def _with_length(run: EndedRun, inception_steps: int) -> EndedRun:
    config = run.config.model_copy(update={"inception_steps": inception_steps})
    return replace(run, config=config)


def test_accuracy_after_a_share_is_that_of_a_run_which_ends_there() -> None:
    long, short = ended_run(_ramp(4000)), ended_run(_ramp(4000, length=1000))
    quarter = accuracy_after(0.25)
    of_long, of_short, of_diverged = (
        _value(quarter, _with_length(run, 4000)) for run in (long, short, DIVERGED)
    )
    assert of_long == pytest.approx(0.198)
    assert of_long == of_short
    assert np.isnan(of_diverged), "it was gone by then"
    assert _value(quarter, _with_length(DIVERGED, 1200)) == pytest.approx(0.6)
    no_length = long.config.model_copy(update={"inception_steps": None})
    assert _value(quarter, replace(long, config=no_length)) is None


def test_speed_up_within_a_share_does_not_see_what_comes_later() -> None:
    long, short, fast = (
        _with_length(ended_run(_ramp(*steps)), 4000)
        for steps in ((4000,), (4000, 0.6, 2000), (1000,))
    )
    half = speed_up_within(0.5)
    assert _value(half, fast, long) == pytest.approx(4, rel=0.02)
    assert _value(half, fast, short) == pytest.approx(4, rel=0.02)
    assert np.isnan(_value(half, long, fast)), "later it gets there"
    assert _value(half, fast, _with_length(CHANCE, 4000)) is None


def test_early_lag_is_the_mean_below_the_reference_while_that_one_rises() -> None:
    reference = ended_run(_ramp(1000))
    behind = ended_run({step: max(0, value - 0.05) for step, value in _ramp(1000).items()})
    assert _value(EARLY_LAG, behind, reference) == pytest.approx(0.05)
    assert _value(EARLY_LAG, reference, reference) == 0
    curve = {step: 0.1 if step < 1500 else 0.9 for step in _ramp(1000)}
    assert _value(EARLY_LAG, ended_run(curve), reference) == pytest.approx(0.22, abs=0.02), (
        "what happens once the reference has arrived does not count"
    )
    assert np.isnan(_value(EARLY_LAG, DIVERGED, reference)), "gone before the reference arrived"
    late = ended_run(_ramp(1000, length=2000), diverged=True)
    assert _value(EARLY_LAG, late, reference) == 0


def test_failure_tells_divergence_from_chance_from_training() -> None:
    runs = [DIVERGED, CHANCE, ended_run(_ramp(100))]
    assert [_value(FAILURE, run) for run in runs] == [1, 0.5, 0]
    just = [ended_run([0.1, *[level] * 5]) for level in (0.2, 0.2001)]
    assert [_value(FAILURE, run) for run in just] == [0.5, 0], "twice chance is still chance"


def _probed(values: list[float]) -> EndedRun:
    first = {activation_input("hidden.0", "unit", p): [0.0, 9.0, 0.0] for p in PERCENTILES}
    deepest = {activation_input("hidden.1", "unit", p): values for p in PERCENTILES}
    return ended_run([0.1, 0.5, 0.9], tags=first | deepest)


def test_drift_is_of_the_last_hidden_layers_unit() -> None:
    moving, steady = _probed([0.0, 1.0, 2.0]), _probed([0.0, 0.5, 1.0])
    assert _value(DRIFT, moving) == pytest.approx(np.std([0, 1, 2]))
    assert _value(STEADINESS, steady, moving) == pytest.approx(2)
    assert _value(STEADINESS, moving, steady) == pytest.approx(0.5)
    assert _value(STEADINESS, _probed([1.0, 1.0, 1.0]), moving) is None, "no ratio to nothing"
    assert np.isnan(_value(DRIFT, ended_run([0.1, 0.9])))


def test_gap_change_is_between_training_and_held_out_loss() -> None:
    def run(train: float, test: float) -> EndedRun:
        return ended_run([0.5] * 6, tags={TRAIN_LOSS: [train] * 6, TEST_LOSS: [test] * 6})

    assert _value(GAP_CHANGE, run(1.0, 1.5), run(1.2, 1.4)) == pytest.approx(0.3)


def test_last_is_one_value_not_a_mean() -> None:
    run = ended_run([0.1] * 6, tags={"test/moving/accuracy": [0, 0, 0, 0, np.nan, 0.7]})
    assert _value(last("moving", "test/moving/accuracy"), run) == 0.7
    assert _value(last("pooled", "test/pooled/accuracy"), run) is None, "it was not recorded"


def test_seeds_are_compared_with_their_own() -> None:
    references = [ended_run([0.5] * 5, seed=0), ended_run([0.8] * 5, seed=1)]
    runs = [ended_run([0.9] * 5, seed=1), ended_run([0.9] * 5, seed=2)]
    measured = sample(BEST_GAIN, runs, references)
    assert measured.seeds == (1,)
    assert measured.mean.mean == pytest.approx(0.1)


def test_diverged_reference_is_counted_as_lost() -> None:
    references = [ended_run([0.5] * 5, seed=0), ended_run([0.5] * 2, seed=1, diverged=True)]
    runs = [ended_run([0.9] * 5, seed=seed) for seed in (0, 1)]
    measured = sample(BEST_GAIN, runs, references)
    assert (measured.seeds, measured.lost_references) == ((0,), (1,))
    alone = sample(BEST, runs, references)
    assert (alone.seeds, alone.lost_references) == ((0, 1), ()), "it needs none"


def test_seed_that_never_gets_there_is_counted_and_left_out_of_the_mean() -> None:
    slow = [ended_run(_ramp(1000), seed=seed) for seed in (0, 1)]
    runs = [ended_run(_ramp(100), seed=0), ended_run(_ramp(100, best=0.3), seed=1)]
    measured = sample(SPEED_UP, runs, slow)
    assert (measured.seeds, measured.never, measured.mean.n) == ((0, 1), 1, 1)
    assert measured.mean.mean == pytest.approx(10, rel=0.2)


def test_interval_of_steps_stays_above_nothing_however_far_seeds_lie_apart() -> None:
    runs = [ended_run(_ramp(steps), seed=seed) for seed, steps in enumerate((20, 400, 3000))]
    over_seeds = sample(steps_to(0.5), runs, ()).mean
    assert 0 < over_seeds.low < over_seeds.mean < over_seeds.high
    at_once = [ended_run([0.6], seed=seed) for seed in range(3)]
    assert sample(steps_to(0.5), at_once, ()).mean.mean == 1, "there at step 0"
