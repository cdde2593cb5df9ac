"""Every threshold of every rule from both sides, close by."""

import numpy as np
import pytest
from scipy import stats

from bnrepro.measure.intervals import mean_over_seeds
from bnrepro.measure.quantities import Sample
from bnrepro.measure.verdict import (
    Above,
    Below,
    EverySeedFails,
    Rule,
    Verdict,
    Within,
    unsettled_reference,
    unsound_reference,
)
from tests.synthetic import ended_run

CLOSE = 1e-3
NAN = float("nan")


def _sample(values: list[float], ratio: bool = False) -> Sample:
    numbers = np.array(values, dtype=float)
    return Sample(tuple(range(len(values))), numbers, mean_over_seeds(numbers, ratio))


def _judge(rule: Rule, values: list[float], ratio: bool = False) -> tuple[str, str]:
    return rule.judge(_sample(values, ratio), ratio)


def _verdict(rule: Rule, values: list[float], ratio: bool = False) -> Verdict:
    return rule.judge(_sample(values, ratio), ratio).verdict


def _seeds(mean: float, half_width: float) -> list[float]:
    """Three seeds with this mean and this half of the 95 % interval."""
    quantile = float(stats.t.ppf(0.975, 2))
    distance = half_width * 3**0.5 / quantile
    return [mean - distance, mean, mean + distance]


def _ratios(mean: float, low: float) -> list[float]:
    """Three ratios with this geometric mean and this lower end of the 95 % interval."""
    return np.exp(_seeds(np.log(mean), np.log(mean / low))).tolist()


def test_samples_of_these_tests_have_the_intervals_that_they_say() -> None:
    assert mean_over_seeds(_seeds(0.5, 0.2))[:3] == pytest.approx((0.5, 0.3, 0.7))
    assert mean_over_seeds(_ratios(4, 2), on_logarithms=True)[:3] == pytest.approx((4, 2, 8))


@pytest.mark.parametrize(
    ("low", "verdict"), [(CLOSE, Verdict.REPRODUCED), (-CLOSE, Verdict.PARTLY)]
)
def test_interval_just_above_the_level_reproduces(low: float, verdict: Verdict) -> None:
    assert _verdict(Above(0), _seeds(0.5, 0.5 - low)) is verdict
    assert _verdict(Above(0, 0.5), _seeds(0.5, 0.5 - low)) is verdict
    assert _verdict(Above(1), _ratios(4, 1 + low), ratio=True) is verdict


@pytest.mark.parametrize(
    ("mean", "verdict"), [(CLOSE, Verdict.PARTLY), (-CLOSE, Verdict.NOT_REPRODUCED)]
)
def test_mean_just_above_the_level_is_partly(mean: float, verdict: Verdict) -> None:
    assert _verdict(Above(0), _seeds(mean, 0.1)) is verdict


@pytest.mark.parametrize("paper", [2.3, 14.8, 0.01])
@pytest.mark.parametrize(
    ("factor", "verdict", "direction"),
    [
        (0.5 * (1 - CLOSE), Verdict.PARTLY, "the direction alone: smaller"),
        (0.5 * (1 + CLOSE), Verdict.REPRODUCED, ""),
        (2 * (1 - CLOSE), Verdict.REPRODUCED, ""),
        (2 * (1 + CLOSE), Verdict.PARTLY, "the direction alone: larger"),
    ],
)
def test_size_counts_within_a_factor_of_two_of_the_papers(
    paper: float, factor: float, verdict: Verdict, direction: str
) -> None:
    mean = paper * factor
    assert _judge(Above(0, paper), _seeds(mean, mean / 10)) == (verdict, direction)


def test_a_slight_gain_does_not_pass_for_fourteen_times() -> None:
    assert _judge(Above(1, 14.8), _ratios(1.05, 1.04), ratio=True) == (
        Verdict.PARTLY,
        "the direction alone: smaller",
    )
    assert _verdict(Above(1, 14.8), _ratios(1.05, 0.9), ratio=True) is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("high", "verdict"),
    [
        (7.4 * (1 - CLOSE), Verdict.NOT_REPRODUCED),  # no size like the paper's
        (7.4 * (1 + CLOSE), Verdict.UNDECIDED),  # both are possible
    ],
)
def test_interval_that_holds_the_level_and_the_papers_size_decides_nothing(
    high: float, verdict: Verdict
) -> None:
    assert _verdict(Above(1, 14.8), _ratios(2, 4 / high), ratio=True) is verdict


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [(7.4 * (1 - CLOSE), Verdict.UNDECIDED), (7.4 * (1 + CLOSE), Verdict.PARTLY)],
)
def test_size_without_the_direction_is_partly(mean: float, verdict: Verdict) -> None:
    assert _verdict(Above(1, 14.8), _ratios(mean, 0.9), ratio=True) is verdict


def test_wrong_direction_is_not_reproduced_however_wide() -> None:
    assert _judge(Above(1, 14.8), _ratios(0.9, 0.01), ratio=True) == (
        Verdict.NOT_REPRODUCED,
        "the direction is not the paper's",
    )
    assert _verdict(Above(0), [0.0, 0.0, 0.0]) is Verdict.NOT_REPRODUCED, "equal is not above"


@pytest.mark.parametrize("rule", [Above(1), Above(1, 4), Above(0, worst=-1), Below(9)])
@pytest.mark.parametrize("values", [[4.0], [4.0, 4.1], [NAN], [4.0, NAN]])
def test_fewer_than_three_seeds_decide_nothing(rule: Rule, values: list[float]) -> None:
    n = len(values)
    verdict, reason = _judge(rule, values)
    assert verdict is Verdict.UNDECIDED
    assert reason == f"{n} seed{'s' if n > 1 else ''}, fewer than 3"
    assert _verdict(Above(1, 4), _ratios(4, 3), ratio=True) is Verdict.REPRODUCED


def test_seed_that_never_gets_there_keeps_a_claim_from_being_reproduced() -> None:
    rule = Above(1, 4)
    assert _verdict(rule, [4.0, 4.1, 4.2, 4.1], ratio=True) is Verdict.REPRODUCED
    assert _judge(rule, [4.0, 4.1, 4.2, NAN], ratio=True) == (
        Verdict.PARTLY,
        "1 of 4 seeds never get there",
    )
    assert _judge(rule, [NAN] * 3, ratio=True) == (Verdict.NOT_REPRODUCED, "no seed gets there")
    slower = _judge(rule, [0.5, 0.6, 0.5, NAN], ratio=True)
    assert slower.verdict is Verdict.NOT_REPRODUCED, "those that do are slower"


def test_seed_that_never_gets_there_counts_as_the_worst_where_there_is_one() -> None:
    rule = Above(0, worst=-1)
    assert _verdict(rule, [0.1, 0.1, 0.1]) is Verdict.REPRODUCED
    assert _verdict(rule, [0.1, 0.1, NAN]) is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("mean", "half_width", "verdict"),
    [
        (1.5, 0.5 - CLOSE, Verdict.REPRODUCED),
        (1.5, 0.5 + CLOSE, Verdict.PARTLY),
        (2 - CLOSE, 0.5, Verdict.PARTLY),
        (2 + CLOSE, 0.5, Verdict.NOT_REPRODUCED),
    ],
)
def test_below_a_level(mean: float, half_width: float, verdict: Verdict) -> None:
    assert _verdict(Below(2), _seeds(mean, half_width)) is verdict


def test_below_a_level_every_seed_needs_a_number() -> None:
    assert _judge(Below(2), [1.0, 1.0, NAN]) == (
        Verdict.NOT_REPRODUCED,
        "1 of 3 seeds have no number",
    )


@pytest.mark.parametrize(
    ("worst", "verdict"),
    [
        (1e-4 * (1 - CLOSE), Verdict.REPRODUCED),
        (1e-4, Verdict.NOT_REPRODUCED),
        (NAN, Verdict.NOT_REPRODUCED),
    ],
)
def test_what_is_computed_is_within_its_bound(worst: float, verdict: Verdict) -> None:
    assert _verdict(Within(1e-4), [1e-9, worst]) is verdict


@pytest.mark.parametrize(
    ("failures", "verdict"),
    [
        ([1, 1, 1], Verdict.REPRODUCED),
        ([1, 1, 0.5], Verdict.PARTLY),
        ([0.5, 0.5, 0.5], Verdict.PARTLY),
        ([1, 0.5, 0], Verdict.PARTLY),
        ([1, 1, 0, 0], Verdict.NOT_REPRODUCED),  # half is not more than half
        ([0, 0, 0], Verdict.NOT_REPRODUCED),
        ([1, 1], Verdict.UNDECIDED),
    ],
)
def test_every_seed_fails(failures: list[float], verdict: Verdict) -> None:
    assert _verdict(EverySeedFails(), failures) is verdict


LEVEL = [0.1, *np.linspace(0.1, 0.5, 20), *[0.5, 0.501] * 40]
RISING = [*np.linspace(0.1, 0.5, 101)]


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (LEVEL, ""),
        (RISING, "it is still rising where it was stopped"),
        ([0.1, 0.5, 0.5, 0.5], "it has too few evaluations to tell whether it still rises"),
    ],
)
def test_reference_must_have_levelled_off(curve: list[float], reason: str) -> None:
    assert unsettled_reference("it", [ended_run(curve, seed) for seed in range(3)]) == reason


@pytest.mark.parametrize(
    ("curve", "reason"),
    [
        (LEVEL, ""),
        (RISING, ""),
        ([0.1, *[0.2] * 100], "it stays at chance: nothing to compare with"),
        ([0.1, *[0.2001] * 100], ""),
    ],
)
def test_reference_must_train(curve: list[float], reason: str) -> None:
    references = [ended_run(curve, seed) for seed in range(3)]
    assert unsound_reference("it", references, _sample([1.0] * 3)) == reason


def test_one_seed_at_chance_or_diverged_spoils_a_reference() -> None:
    good = [ended_run(LEVEL, seed) for seed in range(2)]
    stuck = [*good, ended_run([0.1] * 100, seed=2)]
    assert "stays at chance" in unsound_reference("it", stuck, _sample([1.0] * 3))
    lost = _sample([1.0] * 2)._replace(lost_references=(1, 2))
    told = unsound_reference("it", good, lost)
    assert told == "it diverged with seed 1, 2: nothing to compare with"


@pytest.mark.parametrize("rule", [Above(0), Above(1, 14.8), Below(2), Within(1), EverySeedFails()])
def test_rule_says_itself_when_a_claim_is_reproduced(rule: Rule) -> None:
    assert rule.sentence.startswith("Reproduced: ")
    assert not rule.sentence.endswith(".")
