"""The recipes change what the paper, or the study, changes, and nothing else."""

import pytest

from bnrepro.config import load
from bnrepro.config.explain import explain


def _fields(experiment: str, *overrides: str) -> dict[str, object]:
    config = load([f"experiment={experiment}", *overrides])
    fields = {field.key: field.value for field in explain(config)}
    del fields["experiment"]
    return fields


def _changes(parent: str, child: str, figure: str = "fig2") -> dict[str, object]:
    before, after = _fields(f"{figure}/{parent}"), _fields(f"{figure}/{child}")
    return {key: after[key] for key in after if before.get(key) != after[key]}


def test_bn_baseline_adds_batch_normalization_and_nothing_else() -> None:
    changes = _changes("inception", "bn_baseline")
    assert changes == {
        "steps": round(16.64e6 * 40_000 / 31e6),
        "norm.name": "batch",
        "norm.eps": 1e-5,
        "norm.momentum": 0.1,
    }


def test_bn_x5_makes_the_seven_changes() -> None:
    changes = _changes("bn_baseline", "bn_x5")
    del changes["steps"]
    decay = changes.pop("optim.decay_every")
    assert _fields("fig2/bn_baseline")["optim.decay_every"] / decay == pytest.approx(6, rel=0.01)
    assert changes == {
        "optim.lr_multiplier": 5,
        "model.dropout": 0.0,
        "optim.weight_decay": pytest.approx(2e-4 / 5),
        "model.lrn": False,
        "order.shuffle": "within_shards",
        "augmentation.distortion": "weak",
    }


@pytest.mark.parametrize(
    ("parent", "child", "changed"),
    [
        ("bn_x5", "bn_x30", {"optim.lr_multiplier": 30}),
        ("bn_x5", "bn_x5_sigmoid", {"model.activation": "sigmoid"}),
        ("inception", "inception_x5", {"optim.lr_multiplier": 5}),
        ("inception", "inception_sigmoid", {"model.activation": "sigmoid"}),
    ],
)
def test_variants_change_one_thing(parent: str, child: str, changed: dict[str, object]) -> None:
    changes = _changes(parent, child)
    del changes["steps"]
    assert changes == changed


@pytest.mark.parametrize(
    ("experiment", "rate"),
    [
        ("inception", 0.0015),
        ("bn_baseline", 0.0015),
        ("bn_x5", 0.0075),
        ("bn_x30", 0.045),
        ("bn_x5_sigmoid", 0.0075),
    ],
)
def test_rates_and_batch_are_the_papers_at_every_scale(experiment: str, rate: float) -> None:
    for scale in ("smoke", "laptop", "gpu", "paper"):
        config = load([f"experiment=fig2/{experiment}", f"scale={scale}"])
        assert config.learning_rate(0) == pytest.approx(rate)
        assert config.batch_size == 32


def test_one_number_scales_the_time() -> None:
    paper = load(["experiment=fig2/inception", "scale=paper"])
    assert (paper.steps, paper.optim.decay_every) == (31_000_000, 320_000)
    short = load(["experiment=fig2/inception", "inception_steps=31000"])
    assert (short.steps, short.optim.decay_every) == (31_000, 320)


def test_members_of_the_ensemble_change_what_section_423_names() -> None:
    allowed = {"model.conv_gain", "model.dropout", "model.per_activation_modules"}
    parent = _fields("fig2/bn_x30")
    members = [_fields(f"fig4/member_{member}") for member in range(1, 7)]
    changes = [{key: of[key] for key in of if of[key] != parent[key]} for of in members]
    for change in changes:
        assert change
        assert set(change) <= allowed
        assert change.get("model.dropout", 0.05) in (0.05, 0.1)
    assert set().union(*changes) == allowed
    assert len({str(change) for change in changes}) == 6


@pytest.mark.parametrize("size", [2, 4, 8, 16, 32])
def test_networks_of_the_statistics_study_see_equal_examples(size: int) -> None:
    changes = _changes("batch_60", f"batch_{size}", "statistics")
    whole = _fields("statistics/batch_60")
    assert changes.pop("batch_size") == size
    assert changes.pop("optim.lr_multiplier") == pytest.approx(size / 60), "0.1 at 60"
    ages = zip(changes.pop("evaluation.at"), whole["evaluation.at"], strict=True)
    for age, age_60 in ages:
        assert age * size == pytest.approx(age_60 * 60, abs=size / 2)
    for key in ("steps", "evaluation.every", "evaluation.population_batches", "record.every"):
        assert changes.pop(key) * size == pytest.approx(whole[key] * 60, rel=0.01), key
    assert changes == {}


def test_statistics_study_trains_the_network_of_figure_1() -> None:
    figure_1, trained = _fields("fig1/with_bn"), _fields("statistics/batch_60")
    different = {key for key in trained if trained[key] != figure_1[key]}
    recorded = ("evaluation.", "record.", "measures")
    assert {key for key in different if not key.startswith(recorded)} == {"steps"}
