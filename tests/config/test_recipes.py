"""The recipes change what the paper, or the study, changes, and nothing else."""

import pytest

from bnrepro.config import RunConfig, load, preset
from bnrepro.config.explain import explain
from bnrepro.studies.evidence import line_config
from bnrepro.studies.registry import study
from bnrepro.studies.study import Line

T = 20_000  # the steps of a curve of Figure 2 at scale laptop


def _fields(config: RunConfig) -> dict[str, object]:
    fields = {field.key: field.value for field in explain(config)}
    del fields["experiment"]
    return fields


def _between(before: RunConfig, after: RunConfig) -> dict[str, object]:
    old, new = _fields(before), _fields(after)
    return {key: new[key] for key in new if old.get(key) != new[key]}


def _changes(parent: str, child: str, *overrides: str) -> dict[str, object]:
    return _between(*(preset(f"fig2/{name}", "laptop", *overrides) for name in (parent, child)))


def test_bn_baseline_adds_batch_normalization_and_nothing_else() -> None:
    assert _changes("inception", "bn_baseline") == {
        "norm.name": "batch",
        "norm.eps": 1e-5,
        "norm.momentum": 0.1,
        "norm.gamma": True,
        "norm.beta": True,
        "norm.placement": "before",
        "norm.group": "own",
    }


# With equal budgets every rate decays alike: the decay is the one change that is not made.
SIX_CHANGES = {
    "optim.lr_multiplier": 5,
    "model.dropout": 0.0,
    "optim.weight_decay": pytest.approx(2e-4 / 5),
    "model.lrn": False,
    "order.shuffle": "within_shards",
    "augmentation.distortion": "weak",
}


def test_bn_x5_makes_the_seven_changes() -> None:
    assert _changes("bn_baseline", "bn_x5") == SIX_CHANGES
    changes = _changes("bn_baseline", "bn_x5", "budget=paper")
    assert changes.pop("steps") == round(2.88e6 * T / 31e6)
    decay = preset("fig2/bn_baseline", "laptop", "budget=paper").optim.decay_every
    assert decay / changes.pop("optim.decay_every") == pytest.approx(6, rel=0.02)
    assert changes == SIX_CHANGES


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
    changes.pop("steps", None)
    assert changes == changed


NETWORKS = ("inception", "bn_baseline", "bn_x5", "bn_x30", "bn_x5_sigmoid")


@pytest.mark.parametrize("network", NETWORKS)
def test_equal_budgets_are_equal_in_steps_and_in_relative_decay(network: str) -> None:
    config = preset(f"fig2/{network}", "laptop")
    assert (config.budget, config.steps) == ("equal", T)
    decay = config.learning_rate(T) / config.learning_rate(0)
    assert decay == pytest.approx(0.019, abs=0.001), "Inception's over its 31.0e6 steps"


@pytest.mark.parametrize(
    ("network", "rate"),
    [*zip(NETWORKS, (0.0015, 0.0015, 0.0075, 0.045, 0.0075), strict=True)],
)
def test_rates_and_batch_are_the_papers_at_every_scale(network: str, rate: float) -> None:
    for scale in ("smoke", "laptop", "gpu", "paper"):
        config = preset(f"fig2/{network}", scale)
        assert config.learning_rate(0) == pytest.approx(rate)
        assert config.batch_size == 32


@pytest.mark.parametrize("network", NETWORKS)
def test_start_is_that_of_caffes_googlenet_taken_whole(network: str) -> None:
    for scale in ("smoke", "laptop", "gpu", "paper"):
        config = preset(f"fig2/{network}", scale)
        assert (config.data.scale, config.model.init) == ("pixels", "caffe")
        assert (config.optim.bias_rate, config.optim.bias_decay) == (2, False)


def test_one_number_scales_the_time() -> None:
    paper = preset("fig2/inception", "paper")
    assert (paper.steps, paper.optim.decay_every) == (31_000_000, 320_000)
    short = load(["experiment=fig2/inception", "scale=paper", "inception_steps=31000"])
    assert (short.steps, short.optim.decay_every) == (31_000, 320)


def test_members_of_the_ensemble_change_what_section_423_names() -> None:
    allowed = {"model.conv_gain", "model.dropout", "model.per_activation_modules"}
    parent = preset("fig2/bn_x30", "laptop")
    lines = study("fig4").lines
    changes = [_between(parent, line_config(line, "laptop")) for line in lines]
    for change in changes:
        assert change
        assert set(change) <= allowed
        assert change.get("model.dropout", 0.05) in (0.05, 0.1)
    assert set().union(*changes) == allowed
    assert len({str(change) for change in changes}) == len(lines) == 6


@pytest.mark.parametrize("line", study("evaluation_statistics").lines, ids=lambda line: line.label)
def test_networks_of_the_statistics_study_see_equal_examples_at_a_proportional_rate(
    line: Line,
) -> None:
    config = line_config(line, "laptop")
    size = config.batch_size
    assert config.steps * size == pytest.approx(600_000, rel=0.001)
    assert config.optim.lr / size == pytest.approx(0.1 / 60)
    examples = config.evaluation.population_batches * size
    assert examples == pytest.approx(6_000, rel=0.01), "no estimate has more to go by"
    different = _between(preset("fig1/with_bn", "laptop"), config)
    assert {key for key in different if not key.startswith(("evaluation.", "measures"))} <= {
        "steps",
        "batch_size",
        "optim.lr",
    }
