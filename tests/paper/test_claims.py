"""Verdicts on curves made up for the purpose."""

import numpy as np
import pandas as pd
import pytest

from bnrepro.paper.claims import CLAIMS, ENSEMBLE_TABLE, SCALE_TABLE, Finding, check
from bnrepro.paper.evidence import Evidence, SeedRun
from bnrepro.paper.verdict import Verdict, above, below

BY_NAME = {claim.name: claim for claim in CLAIMS}
INCEPTION = {0: 0.02, 1000: 0.3, 2000: 0.4}  # its best at step 2000


def _run(curve: dict[int, float], seed: int = 0, diverged: bool = False) -> SeedRun:
    return SeedRun(seed, diverged, 0.02, pd.DataFrame({"test/accuracy": curve}))


def _seeds(curve: dict[int, float]) -> list[SeedRun]:
    """Two seeds that went alike: one alone has no interval to judge by."""
    return [_run(curve, 0), _run(curve, 1)]


def _check(name: str, **runs: list[SeedRun]) -> Finding:
    """Check a claim on runs by their experiment's last word."""
    named = {f"{'fig1' if 'with' in key else 'fig2'}/{key}": found for key, found in runs.items()}
    return check(BY_NAME[name], Evidence(named))


def test_size_of_a_claim_counts() -> None:
    inception = _seeds(INCEPTION)
    sooner = _check("x5_fourteen", inception=inception, bn_x5=_seeds({0: 0.0, 100: 0.4}))
    assert sooner.mean == pytest.approx(20)
    assert sooner.verdict is Verdict.REPRODUCED
    halved = _check("x5_fourteen", inception=inception, bn_x5=_seeds({0: 0.0, 1000: 0.4}))
    assert (halved.mean, halved.verdict) == (2, Verdict.PARTLY), "sooner, but not 14 times"
    later = _check("x5_fourteen", inception=inception, bn_x5=_seeds({0: 0.0, 4000: 0.4}))
    assert later.verdict is Verdict.NOT_REPRODUCED
    half = _check("baseline_half", inception=inception, bn_baseline=_seeds({0: 0.0, 999: 0.4}))
    assert half.verdict is Verdict.REPRODUCED


def test_seed_that_never_gets_there_is_counted_and_shown() -> None:
    inception = [_run(INCEPTION, seed) for seed in range(3)]
    fast = [_run({0: 0.0, 50: 0.4}, seed) for seed in range(2)]
    found = _check("x5_fourteen", inception=inception, bn_x5=[*fast, _run({0: 0.0, 50: 0.3}, 2)])
    assert (found.n, found.never) == (3, 1)
    assert found.mean == pytest.approx(40), "over those that did"
    assert found.verdict is Verdict.PARTLY, "one in three never did: not reproduced as stated"
    none = _check("x5_fourteen", inception=inception, bn_x5=[_run({0: 0.0, 50: 0.3}, 2)])
    assert (none.n, none.never, none.verdict) == (1, 1, Verdict.NOT_REPRODUCED)
    assert np.isnan(none.mean)


def test_interval_over_seeds_decides() -> None:
    without = [_run({0: 0.1, 10: 0.9}, seed) for seed in range(3)]
    better = [_run({0: 0.1, 10: 0.9 + gain}, i) for i, gain in enumerate((0.01, 0.02, 0.03))]
    found = _check("mnist_higher", without_bn=without, with_bn=better)
    assert found.verdict is Verdict.REPRODUCED
    assert 0 < found.low < found.mean < found.high
    mixed = [_run({0: 0.1, 10: 0.9 + gain}, i) for i, gain in enumerate((-0.01, 0.02, 0.03))]
    assert _check("mnist_higher", without_bn=without, with_bn=mixed).verdict is Verdict.PARTLY
    worse = [_run({0: 0.1, 10: 0.9 + gain}, i) for i, gain in enumerate((-0.04, 0.02, 0.01))]
    found = _check("mnist_higher", without_bn=without, with_bn=worse)
    assert found.verdict is Verdict.NOT_REPRODUCED


def test_equal_curves_reproduce_nothing() -> None:
    same = {0: 0.1, 10: 0.9}
    for name in ("mnist_higher", "mnist_sooner"):
        found = _check(name, without_bn=[_run(same)], with_bn=[_run(same)])
        assert found.verdict is Verdict.NOT_REPRODUCED


def test_seeds_are_compared_with_their_own() -> None:
    without = [_run({0: 0.1, 10: 0.5}, 0), _run({0: 0.1, 10: 0.8}, 1)]
    with_bn = [_run({0: 0.1, 10: 0.9}, 1), _run({0: 0.1, 10: 0.9}, 2)]
    found = _check("mnist_higher", without_bn=without, with_bn=with_bn)
    assert found.sample.seeds == (1,)
    assert found.mean == pytest.approx(0.1)


def test_divergence_counts_against_and_a_diverged_reference_is_no_reference() -> None:
    good = {0: 0.1, 10: 0.9}
    found = _check(
        "mnist_higher",
        without_bn=[_run({0: 0.1, 10: 0.5}, seed) for seed in range(2)],
        with_bn=[_run(good, 0), _run({0: 0.1, 5: 0.95}, 1, diverged=True)],
    )
    assert (found.never, found.verdict) == (1, Verdict.NOT_REPRODUCED)
    found = _check("mnist_higher", without_bn=[_run(good, diverged=True)], with_bn=[_run(good)])
    assert found.verdict is Verdict.NOT_RUN


def test_matching_a_network_that_stays_at_chance_is_no_speed_up() -> None:
    stuck = [_run({0: 0.018, 1000: 0.03})]
    found = _check("x5_fourteen", inception=stuck, bn_x5=[_run({0: 0.0, 10: 0.4})])
    assert found.verdict is Verdict.NOT_RUN
    assert "no seed" in found.sample.missing


def test_inception_at_five_times_its_rate() -> None:
    diverged = _run({0: 0.02}, 0, diverged=True)
    stuck = _run({0: 0.02, 10: 0.03}, 1)
    trains = _run({0: 0.02, 10: 0.3}, 2)
    name = "inception_x5_fails"
    assert _check(name, inception_x5=[diverged]).verdict is Verdict.REPRODUCED
    assert _check(name, inception_x5=[diverged, stuck]).verdict is Verdict.PARTLY
    assert _check(name, inception_x5=[trains, stuck]).verdict is Verdict.NOT_REPRODUCED


def test_sigmoid_networks() -> None:
    inception = _seeds(INCEPTION)
    for best, verdict in (
        (0.4, Verdict.REPRODUCED),
        (0.3, Verdict.PARTLY),
        (0.1, Verdict.NOT_REPRODUCED),
        (0.02, Verdict.NOT_REPRODUCED),
    ):
        runs = _seeds({0: 0.02, 10: best})
        assert _check("sigmoid_trains", inception=inception, bn_x5_sigmoid=runs).verdict is verdict
    name = "sigmoid_inception_at_chance"
    at_chance = _check(name, inception_sigmoid=_seeds({0: 0.02, 10: 0.025}))
    assert (at_chance.mean, at_chance.verdict) == (1.25, Verdict.REPRODUCED)
    trains = _check(name, inception_sigmoid=_seeds({0: 0.02, 10: 0.2}))
    assert trains.verdict is Verdict.NOT_REPRODUCED


def test_x30_is_slower_at_first_and_higher_in_the_end() -> None:
    x5 = _seeds({0: 0.02, 10: 0.3, 20: 0.4})
    x30 = _seeds({0: 0.02, 10: 0.2, 20: 0.3, 40: 0.5})
    first = _check("x30_slower_at_first", bn_x5=x5, bn_x30=x30)
    assert first.mean == pytest.approx(0.1), "over what BN-x5 trained only"
    assert first.verdict is Verdict.REPRODUCED
    last = _check("x30_higher_in_the_end", bn_x5=x5, bn_x30=x30)
    assert last.mean == pytest.approx(0.1)
    assert last.verdict is Verdict.REPRODUCED


def test_stability_is_of_the_last_hidden_layers_unit() -> None:
    def probed(last: list[float]) -> list[SeedRun]:
        rows = {"test/accuracy": [0.1, 0.5, 0.9]}
        for percentile in (15, 50, 85):
            rows[f"probe/hidden.0/unit/p{percentile}"] = [0.0, 9.0, 0.0]
            rows[f"probe/hidden.1/unit/p{percentile}"] = last
        table = pd.DataFrame(rows, index=[0, 10, 20])
        return [SeedRun(seed, False, 0.1, table) for seed in (0, 1)]

    moving, steady = probed([0.0, 1.0, 2.0]), probed([0.0, 0.5, 1.0])
    found = _check("mnist_stable", without_bn=moving, with_bn=steady)
    assert found.mean == pytest.approx(2)
    assert found.verdict is Verdict.REPRODUCED
    found = _check("mnist_stable", without_bn=steady, with_bn=moving)
    assert found.verdict is Verdict.NOT_REPRODUCED


def test_claims_on_studies_read_their_tables() -> None:
    scales = pd.DataFrame(
        {
            "scale": [0.1, 10.0],
            "output_difference": [1e-6, 1e-7],
            "input_gradient_difference": [1e-6, 0.0],
            "weight_gradient_ratio_times_scale": [1.0, 1 - 2e-6],
        }
    )
    found = check(BY_NAME["scale_invariance"], Evidence(tables={SCALE_TABLE: scales}))
    assert found.mean == pytest.approx(2e-6)
    assert found.verdict is Verdict.REPRODUCED
    scales.loc[0, "output_difference"] = 0.01
    found = check(BY_NAME["scale_invariance"], Evidence(tables={SCALE_TABLE: scales}))
    assert found.verdict is Verdict.NOT_REPRODUCED
    errors = pd.DataFrame(
        {
            "seed": 5 * [0] + 5 * [1],
            "model": 2 * ["member_1", "member_2", "ensemble", "member_1", "ensemble"],
            "crops": 2 * [144, 144, 144, 1, 1],
            "top1_error": 2 * [0.3, 0.28, 0.25, 0.2, 0.4],
        }
    )
    found = check(BY_NAME["ensemble"], Evidence(tables={ENSEMBLE_TABLE: errors}))
    assert found.mean == pytest.approx(0.03)
    assert found.verdict is Verdict.REPRODUCED


def test_nothing_run_is_no_verdict() -> None:
    for claim in CLAIMS:
        found = check(claim, Evidence())
        assert found.verdict is Verdict.NOT_RUN
        assert found.sample.missing, claim.name


def test_one_seed_has_no_interval_and_reproduces_partly_at_best() -> None:
    assert above(1)(np.array([1.01])) is Verdict.PARTLY
    assert above(1)(np.array([1.01, 1.02])) is Verdict.REPRODUCED
    assert above(1)(np.array([1.0])) is Verdict.NOT_REPRODUCED
    assert below(2)(np.array([1.99])) is Verdict.PARTLY
    assert below(2)(np.array([1.0, np.nan, 1.0])) is Verdict.NOT_REPRODUCED


def test_the_papers_numbers_are_on_the_papers_side() -> None:
    for claim in CLAIMS:
        if not np.isnan(claim.paper):
            assert claim.judge(np.full(3, claim.paper)) is Verdict.REPRODUCED, claim.name
        assert claim.needs
        assert claim.rule.startswith("Reproduced: ")
