import numpy as np
import pandas as pd
import pytest

from bnrepro.statistics import INTERVAL, band, band_over_runs, late_gain, steps_to_reach


def test_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    samples = np.random.default_rng(1).normal(3.0, 1.0, (20, 300))
    over_seeds = band(samples)
    covered = np.mean((over_seeds.low <= 3.0) & (over_seeds.high >= 3.0))
    assert 0.88 < covered < 0.98
    assert over_seeds.n.tolist() == [20] * 300


def test_interval_of_five_seeds_is_as_narrow_as_is_said() -> None:
    samples = np.random.default_rng(1).normal(3.0, 1.0, (5, 1000))
    over_seeds = band(samples)
    covered = np.mean((over_seeds.low <= 3.0) & (over_seeds.high >= 3.0))
    assert covered == pytest.approx(0.84, abs=0.03)
    assert "84 %" in INTERVAL


def test_interval_is_the_same_each_time() -> None:
    samples = np.random.default_rng(1).normal(size=(5, 4))
    np.testing.assert_array_equal(band(samples).low, band(samples).low)


def test_one_seed_has_no_interval() -> None:
    over_seeds = band(np.array([[1.0, 2.0]]))
    assert over_seeds.mean.tolist() == [1.0, 2.0]
    assert np.isnan(over_seeds.low).all()


def test_curve_that_ends_early_counts_as_far_as_it_goes() -> None:
    long = pd.Series([0.1, 0.2, 0.3], index=[0, 10, 20])
    short = pd.Series([0.3, np.nan, 0.5], index=[0, 5, 10])
    steps, over_seeds = band_over_runs([long, short])
    assert steps.tolist() == [0, 10, 20]
    assert over_seeds.mean.tolist() == pytest.approx([0.2, 0.35, 0.3])
    assert over_seeds.n.tolist() == [2, 2, 1]
    assert np.isnan(over_seeds.low).tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 0.5, 1.0], 15.0), ([0.8, 0.5, 1.0], 0.0), ([0.0, 0.75, 0.2], 10.0)],
)
def test_steps_to_reach_interpolates_the_first_crossing(
    values: list[float], expected: float
) -> None:
    assert steps_to_reach(np.array([0.0, 10.0, 20.0]), np.array(values), 0.75) == expected


def test_level_that_is_never_reached_is_never() -> None:
    assert np.isnan(steps_to_reach(np.array([0.0, 1.0]), np.array([0.0, 0.5]), 0.75))


def _noisy(final_slope: float, seed: int) -> pd.Series:
    """Over 200 evaluations a rise that ends in a slope per tenth of the steps, with noise."""
    x = np.linspace(0, 1, 201)
    noise = np.random.default_rng(seed).normal(0, 0.004, len(x))
    return pd.Series(1 - np.exp(-40 * x) + 10 * final_slope * x + noise, index=50 * np.arange(201))


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_curve_that_still_rises_is_told_from_one_that_has_levelled_off(seeds: int) -> None:
    def share_rising(slope: float) -> float:
        many = range(0, 100 * seeds, seeds)
        curves = [[_noisy(slope, first + i) for i in range(seeds)] for first in many]
        return float(np.mean([late_gain(some).is_rising for some in curves]))

    assert share_rising(0.0) < 0.1
    assert share_rising(-0.01) == 0
    assert share_rising(0.01) == 1
    assert late_gain([_noisy(0.01, i) for i in range(5)]).gain == pytest.approx(0.01, abs=0.003)


def test_too_few_points_tell_no_rise() -> None:
    assert not late_gain([pd.Series([0.1, 0.5, 0.9], index=[0, 10, 20])]).is_rising
    assert not late_gain([pd.Series([np.nan], index=[0])]).is_rising
    assert not late_gain([]).is_rising
