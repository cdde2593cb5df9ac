"""The recipes of Figures 2 and 4 change what the paper changes, and nothing else."""

import pytest

from bnrepro.config import load
from bnrepro.config.explain import explain


def _fields(experiment: str, *overrides: str) -> dict[str, object]:
    name = experiment if "/" in experiment else f"fig2/{experiment}"
    config = load([f"experiment={name}", *overrides])
    fields = {field.key: field.value for field in explain(config)}
    del fields["experiment"]
    return fields


def _changes(parent: str, child: str) -> dict[str, object]:
    before, after = _fields(parent), _fields(child)
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
    assert _fields("bn_baseline")["optim.decay_every"] / decay == pytest.approx(6, rel=0.01)
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
        assert config.optim.learning_rate(0) == pytest.approx(rate)
        assert config.batch_size == 32


def test_one_number_scales_the_time() -> None:
    paper = load(["experiment=fig2/inception", "scale=paper"])
    assert (paper.steps, paper.optim.decay_every) == (31_000_000, 320_000)
    short = load(["experiment=fig2/inception", "inception_steps=31000"])
    assert (short.steps, short.optim.decay_every) == (31_000, 320)


def test_members_of_the_ensemble_change_what_section_423_names() -> None:
    allowed = {"model.init_gain", "model.dropout", "model.per_activation_modules"}
    changes = [_changes("bn_x30", f"fig4/member_{member}") for member in range(1, 7)]
    for change in changes:
        assert change
        assert set(change) <= allowed
        assert change.get("model.dropout", 0.05) in (0.05, 0.1)
    assert set().union(*changes) == allowed
    assert len({str(change) for change in changes}) == 6
