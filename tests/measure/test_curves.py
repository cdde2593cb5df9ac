import numpy as np
import pandas as pd
import pytest

from bnrepro.measure.curves import Points, best_point, late_gain, running_mean, steps_to_reach


def _points(values: list[float]) -> Points:
    return Points(10 * np.arange(len(values), dtype=float), np.array(values))


def test_running_mean_is_of_whole_windows_at_their_middle() -> None:
    smooth = running_mean(_points([0, 1, 2, 3, 4, 15, 6]))
    assert smooth.steps.tolist() == [20, 30, 40]
    assert smooth.values.tolist() == [2, 5, 6]


def test_curve_shorter_than_the_window_is_one_mean() -> None:
    smooth = running_mean(_points([0.1, 0.2, 0.6]))
    assert smooth.steps.tolist() == [10]
    assert smooth.values.tolist() == pytest.approx([0.3])
    assert running_mean(_points([0.1])).values.tolist() == [0.1]


def test_one_lucky_evaluation_is_no_level() -> None:
    curve = _points([0.5] * 20)
    curve.values[7] = 0.9
    assert best_point(running_mean(curve))[1] == pytest.approx(0.58)


def test_best_point_is_the_first_of_the_highest() -> None:
    assert best_point(_points([0.1, 0.7, 0.3, 0.7])) == (10, 0.7)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], 15.0),
        ([0.8, 0.5, 1.0], 0.0),  # it starts above
        ([0.0, 0.75, 0.2], 10.0),  # and falls again
        ([0.0, 0.5, 0.4, 1.0], pytest.approx(20 + 10 * 0.35 / 0.6)),
    ],
)
def test_steps_to_reach_interpolates_the_first_crossing(
    values: list[float], expected: float
) -> None:
    assert steps_to_reach(_points(values), 0.75) == expected


def test_level_that_is_never_reached_is_never() -> None:
    assert np.isnan(steps_to_reach(_points([0.0, 0.5]), 0.75))


def _noisy(final_slope: float, seed: int) -> pd.Series:
    """Over 200 evaluations a rise that ends in a slope per tenth of the steps, with noise."""
    x = np.linspace(0, 1, 201)
    noise = np.random.default_rng(seed).normal(0, 0.004, len(x))
    return pd.Series(1 - np.exp(-40 * x) + 10 * final_slope * x + noise, index=50 * np.arange(201))


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_curve_that_still_rises_is_told_from_one_that_has_levelled_off(seeds: int) -> None:
    def share_rising(slope: float) -> float:
        many = range(0, 50 * seeds, seeds)
        curves = [[_noisy(slope, first + i) for i in range(seeds)] for first in many]
        return float(np.mean([late_gain(some).is_rising for some in curves]))

    assert share_rising(0.0) < 0.1
    assert share_rising(-0.01) == 0
    assert share_rising(0.01) == 1
    assert late_gain([_noisy(0.01, i) for i in range(5)]).gain == pytest.approx(0.01, abs=0.003)


def test_too_few_points_tell_no_rise() -> None:
    for curves in ([pd.Series([0.1, 0.5, 0.9], index=[0, 10, 20])], []):
        gain = late_gain(curves)
        assert np.isnan(gain.gain)
        assert not gain.is_rising
