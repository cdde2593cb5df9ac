import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnrepro.measure.intervals import (
    band,
    band_over_runs,
    mean_over_examples,
    mean_over_seeds,
    proportion_interval,
)

VALUES = [0.71, 0.74, 0.72, 0.69]


def test_interval_is_students_t() -> None:
    over_seeds = mean_over_seeds(VALUES)
    expected = stats.t.interval(0.95, 3, np.mean(VALUES), stats.sem(VALUES))
    assert (over_seeds.low, over_seeds.high) == pytest.approx(expected)
    assert (over_seeds.mean, over_seeds.n) == (pytest.approx(np.mean(VALUES)), 4)


def test_interval_of_ratios_is_that_of_their_logarithms() -> None:
    ratios = [2.0, 8.0, 3.0]
    over_seeds = mean_over_seeds(ratios, on_logarithms=True)
    expected = stats.ttest_1samp(np.log(ratios), 0).confidence_interval(0.95)
    assert (over_seeds.low, over_seeds.high) == pytest.approx(np.exp(expected))
    assert over_seeds.mean == pytest.approx(stats.gmean(ratios))
    turned = mean_over_seeds([1 / ratio for ratio in ratios], on_logarithms=True)
    assert turned.low == pytest.approx(1 / over_seeds.high), "which one is above does not matter"


def test_interval_excludes_0_exactly_where_the_t_test_rejects_it() -> None:
    rejected = []
    for seed in range(200):
        values = np.random.default_rng(seed).normal(0.7, 1, 3)
        rejected.append(stats.ttest_1samp(values, 0).pvalue < 0.05)
        low, high = mean_over_seeds(values)[1:3]
        assert (low > 0 or high < 0) == rejected[-1]
    assert 0 < sum(rejected) < 200


def test_three_seeds_cover_the_true_mean_as_often_as_is_said() -> None:
    over_seeds = band(np.random.default_rng(1).normal(3.0, 1.0, (3, 2000)))
    covered = np.mean((over_seeds.low <= 3.0) & (over_seeds.high >= 3.0))
    assert covered == pytest.approx(0.95, abs=0.015)


def test_one_seed_has_no_interval() -> None:
    mean, low, high, n = mean_over_seeds([0.5])
    assert (mean, n) == (0.5, 1)
    assert np.isnan([low, high]).all()
    assert np.isnan(band(np.array([[1.0, 2.0]])).low).all()


def test_seeds_without_a_number_are_left_out() -> None:
    assert mean_over_seeds([np.nan, *VALUES]) == mean_over_seeds(VALUES)
    nothing = mean_over_seeds([np.nan])
    assert nothing.n == 0
    assert np.isnan(nothing[:3]).all()


def test_curve_that_ends_early_counts_as_far_as_it_goes() -> None:
    long = pd.Series([0.1, 0.2, 0.3], index=[0, 10, 20])
    short = pd.Series([0.3, np.nan, 0.5], index=[0, 5, 10])
    steps, over_seeds = band_over_runs([long, short])
    assert steps.tolist() == [0, 10, 20]
    assert over_seeds.mean.tolist() == pytest.approx([0.2, 0.35, 0.3])
    assert over_seeds.n.tolist() == [2, 2, 1]
    assert np.isnan(over_seeds.low).tolist() == [False, False, True]


def test_seeds_that_all_have_every_step_are_banded_step_by_step() -> None:
    curves = [pd.Series([0.1, 0.2 + end], index=[0, 10]) for end in (0.0, 0.1, 0.2)]
    steps, over_seeds = band_over_runs(curves)
    assert steps.tolist() == [0, 10]
    assert over_seeds.mean.tolist() == pytest.approx([0.1, 0.3])
    low, high = stats.t.interval(0.95, 2, 0.3, stats.sem([0.2, 0.3, 0.4]))
    assert (over_seeds.low[1], over_seeds.high[1]) == pytest.approx((low, high))


def test_intervals_of_proportions_stay_between_0_and_1() -> None:
    low, high = proportion_interval(60, 100)
    assert (low, high) == (pytest.approx(0.5020, abs=1e-4), pytest.approx(0.6906, abs=1e-4))
    assert proportion_interval(0, 50)[0] == 0
    assert proportion_interval(50, 50)[1] == 1


@pytest.mark.parametrize("gains", [14, 8])
def test_a_paired_bootstrap_is_like_the_normal_interval_of_many_examples(gains: int) -> None:
    differences = np.zeros(400)
    differences[:gains] = 1
    differences[-4:] = -1
    mean, low, high, n = mean_over_examples(differences)
    half = 1.96 * differences.std(ddof=1) / 20
    assert (mean, n) == (pytest.approx(differences.mean()), 400)
    assert [low, high] == pytest.approx([mean - half, mean + half], abs=0.3 * half)
    assert (low > 0) == (gains == 14)
