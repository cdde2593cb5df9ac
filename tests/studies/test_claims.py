"""What the studies conclude, on curves made up for the purpose."""

from dataclasses import replace

import pytest

from bnrepro.measure.quantities import SPEED_UP
from bnrepro.measure.verdict import Verdict
from bnrepro.render.tables import table_cells
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import PERCENTILES, TEST_LOSS, TRAIN_LOSS, activation_input
from bnrepro.studies.registry import studies, study
from tests.studies.conftest import Conclude, evidence_of
from tests.synthetic import ended_run

CLAIMS = {claim.name: claim for one in studies() for claim in one.claims}


def _curve(steps_to_half: int, best: float = 0.5, length: int = 20_000) -> dict[int, float]:
    """A straight rise from 0.1, at 0.5 after so many steps; level at its best."""
    steps = range(0, length + 50, 50)
    return {step: min(best, 0.1 + 0.4 * step / steps_to_half) for step in steps}


def _seeds(steps_to_half: int, best: float = 0.5, n: int = 3) -> list[EndedRun]:
    return [ended_run(_curve(steps_to_half, best), seed) for seed in range(n)]


def _rising(length: int, best: float = 0.9) -> list[EndedRun]:
    return [ended_run(_curve(24_000, best, length), seed) for seed in range(3)]


DIVERGED = [ended_run([0.1] * 5, seed, diverged=True) for seed in range(3)]
STUCK = [ended_run([0.1] * 100, seed) for seed in range(3)]


@pytest.mark.parametrize(
    ("claim", "paper"),
    [
        ("baseline_half", 2.33),
        ("x5_fourteen", 14.76),
        ("x30_higher_in_the_end", 0.018),
        ("x30_highest", 0.021),
        ("sigmoid_below_relu", 0.032),
        ("sigmoid_trains", 0.956),
        ("mnist_higher", 0.0093),
        ("many_crops", 0.0321),
        ("ensemble", 0.0189),
        ("better_shuffling", 0.01),
    ],
)
def test_papers_numbers_stand_in_the_claims(claim: str, paper: float) -> None:
    assert CLAIMS[claim].paper == pytest.approx(paper, rel=0.01)


def test_papers_speed_ups_stand_in_the_table() -> None:
    speed_ups = {line.label: line.numbers.get("speed_up") for line in study("fig2").lines}
    assert speed_ups["Inception"] == 1
    for label, paper in (("BN-Baseline", 2.3), ("BN-x5", 14.8), ("BN-x30", 11.5)):
        assert speed_ups[label] == pytest.approx(paper, abs=0.05)


@pytest.mark.parametrize(
    ("steps", "verdict", "reason"),
    [
        (1000, Verdict.REPRODUCED, ""),
        (9500, Verdict.PARTLY, "the direction alone: smaller"),
        (12000, Verdict.NOT_REPRODUCED, "the direction is not the paper's"),
    ],
)
def test_direction_and_size_of_the_speed_up(
    conclude: Conclude, steps: int, verdict: Verdict, reason: str
) -> None:
    runs = {"Inception": _seeds(10_000), "BN-x5": _seeds(steps, best=0.6)}
    found = conclude("fig2", "x5_fourteen", runs)
    assert (found.verdict, found.judgement.reason) == (verdict, reason)
    assert found.sample
    assert found.sample.seeds == (0, 1, 2)


@pytest.mark.parametrize(
    ("inception", "reason"),
    [
        (_seeds(24_000), "Inception is still rising where it was stopped"),
        (STUCK, "Inception stays at chance: nothing to compare with"),
        (DIVERGED, "Inception diverged with seed 0, 1, 2: nothing to compare with"),
    ],
)
def test_unsound_reference_leaves_a_claim_undecided(
    conclude: Conclude, inception: list[EndedRun], reason: str
) -> None:
    found = conclude(
        "fig2", "x5_fourteen", {"Inception": inception, "BN-x5": _seeds(500, best=0.9)}
    )
    assert (found.verdict, found.judgement.reason) == (Verdict.UNDECIDED, reason)


@pytest.mark.parametrize(
    ("twice_as_long", "best", "verdict", "reason"),
    [
        (_rising(40_000), 0.9, Verdict.REPRODUCED, "the same against it: 24.0"),
        (_rising(40_000), 0.7, Verdict.UNDECIDED, "still rises, and against it: -, not reproduced"),
        (DIVERGED, 0.9, Verdict.UNDECIDED, "still rises, and against it: -, undecided"),
        ([], 0.9, Verdict.UNDECIDED, "still rises"),
    ],
)
def test_reference_that_still_rises_counts_where_twice_its_length_says_the_same(
    conclude: Conclude,
    twice_as_long: list[EndedRun],
    best: float,
    verdict: Verdict,
    reason: str,
) -> None:
    runs = {
        "Inception": _rising(20_000),  # to 0.43; the longer one to 0.77
        "Inception, twice as long": twice_as_long,
        "BN-x5": _seeds(1000, best),
    }
    found = conclude("fig2", "x5_fourteen", runs)
    said = found.judgement.reason.replace("Inception, twice as long", "it")
    said = said.replace("Inception is still rising where it was stopped", "still rises")
    assert found.verdict is verdict
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("level", "best", "verdict", "reason"),
    [
        (0.6, 0.7, Verdict.REPRODUCED, "against it, which has levelled off; against Inception: "),
        (0.6, 0.59, Verdict.NOT_REPRODUCED, "no seed gets there; against it"),
    ],
)
def test_reference_trained_twice_as_long_decides_alone_where_it_levels_off(
    conclude: Conclude, level: float, best: float, verdict: Verdict, reason: str
) -> None:
    runs = {
        "Inception": _rising(20_000),  # to 0.43
        "Inception, twice as long": _rising(40_000, level),
        "BN-x5": _seeds(1000, best),
    }
    found = conclude("fig2", "x5_fourteen", runs)
    assert found.verdict is verdict
    said = found.judgement.reason.replace("Inception, twice as long", "it")
    assert said.startswith(reason)


@pytest.mark.parametrize(
    ("steps", "verdict"), [(50_000, Verdict.REPRODUCED), (49_999, Verdict.UNDECIDED)]
)
def test_reference_as_long_as_the_papers_may_still_rise(
    conclude: Conclude, steps: int, verdict: Verdict
) -> None:
    runs = {"without BN": _rising(20_000), "with BN": _seeds(8000, 0.9)}
    for of_line in runs.values():
        of_line[:] = [
            replace(run, config=run.config.model_copy(update={"steps": steps})) for run in of_line
        ]
    assert conclude("fig1", "mnist_sooner", runs).verdict is verdict


def test_two_seeds_reproduce_nothing(conclude: Conclude) -> None:
    runs = {"Inception": _seeds(10_000, n=2), "BN-x5": _seeds(700, best=0.6, n=2)}
    found = conclude("fig2", "x5_fourteen", runs)
    assert (found.verdict, found.judgement.reason) == (
        Verdict.UNDECIDED,
        "2 seeds, fewer than 3",
    )


def test_what_has_not_run_is_named(conclude: Conclude) -> None:
    found = conclude("fig2", "x30_higher_in_the_end", {"BN-x5": _seeds(500)})
    assert (found.verdict, found.judgement.reason) == (Verdict.NOT_RUN, "needs BN-x30")
    assert found.sample is None


def test_divergence_counts_against_a_gain(conclude: Conclude) -> None:
    better = [*_seeds(500, best=0.6)[:2], DIVERGED[2]]
    runs = {"without BN": _seeds(500), "with BN": better}
    found = conclude("fig1", "mnist_higher", runs)
    assert found.verdict is Verdict.NOT_REPRODUCED
    assert found.sample
    assert found.sample.never == 1


def test_x30_starts_slower_and_ends_higher(conclude: Conclude) -> None:
    runs = {"BN-x5": _seeds(3000, best=0.5), "BN-x30": _seeds(4000, best=0.518)}
    assert conclude("fig2", "x30_slower_at_first", runs).mean.low > 0
    assert conclude("fig2", "x30_higher_in_the_end", runs).verdict is Verdict.REPRODUCED
    turned = {"BN-x5": runs["BN-x30"], "BN-x30": runs["BN-x5"]}
    for claim in ("x30_slower_at_first", "x30_higher_in_the_end"):
        assert conclude("fig2", claim, turned).verdict is Verdict.NOT_REPRODUCED


def test_inception_at_five_times_its_rate(conclude: Conclude) -> None:
    def verdict(runs: list[EndedRun]) -> Verdict:
        return conclude("fig2", "inception_x5_fails", {"Inception at x5": runs}).verdict

    assert verdict(DIVERGED) is Verdict.REPRODUCED
    assert verdict([*DIVERGED[:2], STUCK[2]]) is Verdict.PARTLY
    assert verdict(_seeds(500)) is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("best", "verdict"),
    [
        (0.49, Verdict.REPRODUCED),
        (0.26, Verdict.REPRODUCED),
        (0.24, Verdict.NOT_REPRODUCED),
        (0.19, Verdict.NOT_REPRODUCED),  # chance counts as nothing
    ],
)
def test_sigmoid_network_is_measured_against_bn_x5(
    conclude: Conclude, best: float, verdict: Verdict
) -> None:
    runs = {"BN-x5": _seeds(500), "BN-x5-Sigmoid": _seeds(500, best)}
    assert conclude("fig2", "sigmoid_trains", runs).verdict is verdict


def test_sigmoid_inception_at_chance_is_what_the_paper_says(conclude: Conclude) -> None:
    name = "sigmoid_inception_at_chance"
    assert conclude("fig2", name, {"Inception, sigmoid": STUCK}).verdict is Verdict.REPRODUCED
    trains = {"Inception, sigmoid": _seeds(500)}
    assert conclude("fig2", name, trains).verdict is Verdict.NOT_REPRODUCED


def _probed(spread: float) -> list[EndedRun]:
    tags = {
        activation_input("hidden.2", "unit", percentile): [0.0, spread, 2 * spread]
        for percentile in PERCENTILES
    }
    return [ended_run([0.1, 0.5, 0.9], seed, tags=tags) for seed in range(3)]


def test_steadier_inputs_need_no_plateau(conclude: Conclude) -> None:
    runs = {"without BN": _probed(2.0), "with BN": _probed(1.0)}
    found = conclude("fig1", "mnist_stable", runs)
    assert found.mean.mean == pytest.approx(2)
    assert found.verdict is not Verdict.UNDECIDED


def test_dropout_is_judged_by_accuracy_and_by_the_gap(conclude: Conclude) -> None:
    def runs(best: float, train: float) -> list[EndedRun]:
        losses = {TRAIN_LOSS: [train] * 401, TEST_LOSS: [2.0] * 401}
        return [ended_run(_curve(500, best), seed, tags=losses) for seed in range(3)]

    both = {"BN-x5": runs(0.55, 1.0), "BN-x5 with Dropout": runs(0.5, 1.5)}
    assert conclude("seven_changes", "dropout_can_go", both).verdict is Verdict.REPRODUCED
    overfits = conclude("seven_changes", "dropout_no_overfitting", both)
    assert overfits.verdict is Verdict.NOT_REPRODUCED
    assert overfits.mean.mean == pytest.approx(0.5)


def test_figure_2_opens_with_what_holds_and_what_does_not() -> None:
    runs = {"Inception": _seeds(10_000), "BN-Baseline": _seeds(10_500, best=0.6)}
    evidence = evidence_of("fig2", runs)
    assert study("fig2").remarks
    first, second, third = study("fig2").remarks(evidence)
    assert f"BN-Baseline {evidence.sample(SPEED_UP, 'BN-Baseline').mean.mean:.1f}" in first
    assert "the paper: BN-Baseline 2.3, BN-x5 14.8, BN-x30 11.5" in first
    assert "only independent comparison" in second
    assert third.startswith("Best accuracies, highest first: BN-Baseline 0.600, Inception 0.5")
    faster = evidence_of("fig2", {**runs, "BN-Baseline": _seeds(2000, best=0.6)})
    assert "BN alone makes it faster" in study("fig2").remarks(faster)[1]


def test_figure_2_says_what_is_left_against_inception_trained_twice_as_long() -> None:
    runs = {
        "Inception": _seeds(10_000),
        "Inception, twice as long": _rising(40_000),  # to 0.765
        "BN-Baseline": _seeds(2000, best=0.6),
        "BN-x5": _seeds(1000, best=0.9),
    }
    evidence = evidence_of("fig2", runs)
    assert study("fig2").remarks
    _, second, *_ = study("fig2").remarks(evidence)
    assert second == (
        "Trained twice as long, Inception reaches 0.765, and against that the same number is: "
        "BN-Baseline never, BN-x5 24.0 (24.0 to 24.0)."
    )


@pytest.mark.parametrize(("best", "said"), [(0.49, True), (0.51, False)])
def test_table_says_that_a_mean_leaves_out_a_seed(best: float, said: bool) -> None:
    runs = {
        "Inception": _seeds(10_000),  # to 0.5
        "BN-x5": [*_seeds(1000, 0.9, n=2), ended_run(_curve(1000, best), 2)],
    }
    cells = table_cells(evidence_of("fig2", runs))
    assert cells
    assert bool(cells.note) is said


@pytest.mark.parametrize(("steps", "said"), [(990, True), (1010, False)])
def test_figure_2_says_where_the_sigmoid_network_is_first(steps: int, said: bool) -> None:
    runs = {
        "Inception": _seeds(10_000),
        "BN-x5": _seeds(1000, best=0.9),
        "BN-x5-Sigmoid": _seeds(steps, best=0.9),
    }
    assert study("fig2").remarks
    text = " ".join(study("fig2").remarks(evidence_of("fig2", runs)))
    assert ("is the first to match it here" in text) is said


@pytest.mark.parametrize(
    ("at_x5", "said"),
    [(_seeds(2000, best=0.6), True), (STUCK, False), ([*_seeds(500)[:2], DIVERGED[2]], False)],
)
def test_figure_2_says_what_the_rate_does_without_bn(at_x5: list[EndedRun], said: bool) -> None:
    runs = {"Inception": _seeds(10_000), "Inception at x5": at_x5, "BN-x5": _seeds(1000, best=0.7)}
    assert study("fig2").remarks
    text = " ".join(study("fig2").remarks(evidence_of("fig2", runs)))
    sentence = (
        "Inception trains here, to 0.600 (at its own rate 0.500). Against that BN-x5 needs 2.1"
    )
    assert (sentence in text) is said


@pytest.mark.parametrize("name", ["rate_tolerance", "start_sensitivity"])
def test_remarks_name_the_groups_as_they_are_written(name: str) -> None:
    one = study(name)
    runs = {line.label: _seeds(500 + 100 * i) for i, line in enumerate(one.lines)}
    assert one.remarks
    without, with_bn, *_ = one.remarks(evidence_of(name, runs))
    assert without.startswith("Without BN")
    assert with_bn.startswith("With BN")


def test_care_is_the_worst_start_over_the_best_without_bn_over_the_same_with() -> None:
    lines = study("start_sensitivity").lines
    level = {"without BN": iter([400, 4000, *[1000] * 7]), "with BN": iter([400, *[800] * 4])}
    runs = {}
    for line in lines:
        steps = next(level[line.group])
        curve = {50 * i: min(0.5, 0.08 * 50 * i / steps) for i in range(200)}
        runs[line.label] = [ended_run(curve, seed) for seed in range(3)]
    assert CLAIMS["less_care"].table
    care = CLAIMS["less_care"].table(evidence_of("start_sensitivity", runs))
    assert care == pytest.approx(dict.fromkeys(range(3), 5))
    del runs[lines[-1].label][2]
    assert set(CLAIMS["less_care"].table(evidence_of("start_sensitivity", runs))) == {0, 1}, (
        "a seed that some start lacks would be compared over other starts than the rest"
    )
