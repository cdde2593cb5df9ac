"""What the studies of gradients, rates and starts conclude from runs that are made up."""

from collections.abc import Callable, Mapping

import pytest

from bnrepro.measure.verdict import Verdict
from bnrepro.runs import tags
from bnrepro.runs.ended import EndedRun
from bnrepro.studies.evidence import check
from bnrepro.studies.registry import study
from tests.studies.conftest import Conclude, evidence_of
from tests.synthetic import ended_run

STUDIES = (
    "covariate_shift",
    "effective_rate",
    "gradient_flow",
    "initialization",
    "input_scale",
    "jacobian",
    "mlp_rate_tolerance",
    "smoothness",
)
EVALUATIONS = 30


def _runs(
    accuracy: float, recorded: Mapping[str, float] | None = None, diverged: bool = False
) -> list[EndedRun]:
    """Three seeds that are at an accuracy from the start, and record the same throughout."""
    values = {tag: [value] * EVALUATIONS for tag, value in (recorded or {}).items()}
    return [
        ended_run([accuracy + 0.001 * seed] * EVALUATIONS, seed, diverged, values)
        for seed in range(3)
    ]


@pytest.mark.parametrize("name", STUDIES)
def test_without_runs_there_is_no_answer_and_no_verdict(name: str) -> None:
    evidence = evidence_of(name, {})
    assert evidence.study.answer is not None
    assert evidence.study.answer(evidence) == ""
    assert {check(claim, evidence).verdict for claim in evidence.study.claims} == {Verdict.NOT_RUN}


def _by_place(name: str, accuracy: Callable[[str, float], float]) -> dict[str, list[EndedRun]]:
    return {line.label: _runs(accuracy(line.group, line.x)) for line in study(name).lines}


def test_width_of_the_starts_that_train_is_in_decades(conclude: Conclude) -> None:
    """With BN all nine half decades train, without BN those from 0.03 to 0.3."""
    runs = _by_place(
        "initialization", lambda group, x: 0.9 if "with BN" in group or 0.03 < x < 0.4 else 0.1
    )
    for claim in ("initial_weights_sigmoid", "initial_weights_relu"):
        concluded = conclude("initialization", claim, runs)
        assert concluded.mean.mean == pytest.approx(4.5 - 1.5)
        assert concluded.verdict is Verdict.REPRODUCED
    evidence = evidence_of("initialization", runs)
    assert "4.5 with BN and 1.5 without (sigmoid)" in evidence.study.answer(evidence)


def test_start_that_trains_with_neither_is_no_width(conclude: Conclude) -> None:
    runs = _by_place("initialization", lambda _group, x: 0.9 if x < 1 else 0.1)
    concluded = conclude("initialization", "initial_weights_sigmoid", runs)
    assert concluded.verdict is Verdict.NOT_REPRODUCED


def test_slower_network_trains_and_one_at_chance_does_not(conclude: Conclude) -> None:
    runs = _by_place("mlp_rate_tolerance", lambda group, _x: 0.9 if "with BN" in group else 0.4)
    assert conclude("mlp_rate_tolerance", "higher_rates_relu", runs).mean.mean == pytest.approx(1)
    runs = _by_place("mlp_rate_tolerance", lambda group, _x: 0.9 if "with BN" in group else 0.1)
    concluded = conclude("mlp_rate_tolerance", "higher_rates_relu", runs)
    assert concluded.verdict is Verdict.NOT_REPRODUCED
    evidence = evidence_of("mlp_rate_tolerance", runs)
    assert evidence.study.answer is not None
    assert "x300 with BN and none without (sigmoid)" in evidence.study.answer(evidence)


def test_largest_rates_are_compared(conclude: Conclude) -> None:
    limits = {"with BN": 100, "without BN": 5}
    runs = _by_place(
        "mlp_rate_tolerance", lambda group, x: 0.9 if x <= limits[group.split(", ")[1]] else 0.2
    )
    concluded = conclude("mlp_rate_tolerance", "higher_rates_relu", runs)
    assert concluded.mean.mean == pytest.approx(20)
    assert concluded.verdict is Verdict.REPRODUCED


def test_network_that_diverges_at_a_scale_of_the_input_counts(conclude: Conclude) -> None:
    runs = _by_place("input_scale", lambda _group, _x: 0.9)
    assert conclude("input_scale", "input_scale_mlp", runs).verdict is Verdict.NOT_REPRODUCED
    runs["MLP, without BN, times 100"] = _runs(0.9, diverged=True)
    concluded = conclude("input_scale", "input_scale_mlp", runs)
    assert concluded.mean.mean == pytest.approx(0.9, abs=0.01)
    assert concluded.verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(("apart", "verdict"), [(3, "reproduced"), (40, "not reproduced")])
def test_effective_rates_approach_where_they_are_nearer_than_30(
    conclude: Conclude, apart: float, verdict: str
) -> None:
    def of_rate(effective_rate: float) -> list[EndedRun]:
        rates = {tags.effective_rate(f"hidden.{i}"): effective_rate for i in range(3)}
        return _runs(0.9, rates | {tags.weight_norm(f"hidden.{i}"): 1.0 for i in range(3)})

    runs = {"x1": of_rate(0.1), "x5": of_rate(0.1), "x30": of_rate(0.1 * apart)}
    concluded = conclude("effective_rate", "effective_rates_approach", runs)
    assert concluded.mean.mean == pytest.approx(apart)
    assert concluded.verdict == verdict


def test_growth_of_gradients_is_a_layers(conclude: Conclude) -> None:
    """Twice as large a gradient in each lower layer; the first, of pixels, does not count."""
    norms = {tags.gradient_norm(f"hidden.{i}"): 2.0**-i for i in range(1, 20)}
    first_and_output = tags.gradient_norm("hidden.0"), tags.gradient_norm("output")
    recorded = {first_and_output[0]: 1e9} | norms | {first_and_output[1]: 1.0}
    concluded = conclude(
        "gradient_flow", "gradients_explode", {"ReLU, with BN, 20 layers": _runs(0.1, recorded)}
    )
    assert concluded.mean.mean == pytest.approx(2)
    assert concluded.claim.paper == pytest.approx(1.211, abs=0.001)


def test_deep_sigmoids_are_compared_even_with_a_network_at_chance(conclude: Conclude) -> None:
    runs = {"sigmoid, with BN, 10 layers": _runs(0.9), "sigmoid, without BN, 10 layers": _runs(0.1)}
    concluded = conclude("gradient_flow", "deep_sigmoids_train", runs)
    assert concluded.verdict is Verdict.REPRODUCED
    assert concluded.mean.mean == pytest.approx(0.8)


def test_saturation_is_compared_at_all_depths(conclude: Conclude) -> None:
    runs = {
        line.label: _runs(
            0.5,
            {tags.gradient_norm(layer): 1.0 for layer in ("hidden.0", "hidden.1", "output")}
            | {
                tags.saturation(layer): 0.1 if "with BN" in line.group else 0.3
                for layer in ("hidden.0", "hidden.1")
            },
        )
        for line in study("gradient_flow").lines
        if line.group.startswith("sigmoid")
    }
    concluded = conclude("gradient_flow", "sigmoids_saturate_less", runs)
    assert concluded.mean.mean == pytest.approx(0.2)
    assert concluded.verdict is Verdict.REPRODUCED


def test_smoother_is_what_varies_less(conclude: Conclude) -> None:
    def along(loss_high: float) -> dict[str, float]:
        return {tags.landscape("loss_high"): loss_high, tags.landscape("loss_low"): 1.0}

    runs = {"without BN": _runs(0.8, along(3.0)), "with BN": _runs(0.8, along(2.0))}
    concluded = conclude("smoothness", "loss_varies_less", runs)
    assert concluded.mean.mean == pytest.approx(2)
    assert concluded.verdict is Verdict.REPRODUCED


def test_shift_is_compared_by_the_angle_of_the_last_hidden_layers_gradient(
    conclude: Conclude,
) -> None:
    def turned(cosine: float) -> dict[str, float]:
        cosines = {"hidden.0": 1.0, "hidden.1": cosine, "output": 0.0}
        return {tags.gradient_shift(layer, "cosine"): c for layer, c in cosines.items()}

    runs = {"MLP, without BN": _runs(0.8, turned(0.9)), "MLP, with BN": _runs(0.9, turned(0.6))}
    concluded = conclude("covariate_shift", "gradients_shift_no_less_mlp", runs)
    assert concluded.mean.mean == pytest.approx(4)
    assert concluded.verdict is Verdict.REPRODUCED


@pytest.mark.parametrize(("share", "verdict"), [(0.7, "reproduced"), (0.3, "not reproduced")])
def test_near_one_are_most_singular_values_or_not(
    conclude: Conclude, share: float, verdict: str
) -> None:
    near = {tags.singular_values(f"hidden.{i}", "near_one"): share for i in (1, 2)}
    runs = {"sigmoid, with BN": _runs(0.9, near)}
    assert conclude("jacobian", "singular_values_near_one", runs).verdict == verdict


def test_answers_hold_where_a_network_diverged() -> None:
    runs = {line.label: _runs(0.9) for line in study("covariate_shift").lines}
    runs["convolutional, without BN"] = _runs(0.1, diverged=True)
    evidence = evidence_of("covariate_shift", runs)
    assert evidence.study.answer is not None
    assert "accuracy - / 0.9" in evidence.study.answer(evidence)
