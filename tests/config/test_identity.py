from pathlib import Path

import pytest
import yaml

from bnrepro.config import (
    load,
    parse_stored,
    read_stored,
    recipe_id,
    run_id,
    run_path,
    validate,
)
from bnrepro.config.identity import computation
from bnrepro.errors import UserError

MNIST = ["data=mnist"]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "runtime.runs=other",
        "runtime.device=cpu",
        "runtime.threads=2",
        "runtime.compile=off",
        "runtime.checkpoint_seconds=1",
        "data.root=there",
    ],
)
def test_where_and_how_it_runs_is_no_part_of_a_run(elsewhere: str) -> None:
    assert run_id(load([*MNIST, elsewhere])) == run_id(load(MNIST))


def test_labels_are_no_part_of_a_run() -> None:
    config = load(["experiment=fig2/bn_x5", "scale=laptop"])
    labels = {"experiment": "mine", "scale": "gpu", "inception_steps": 7, "budget": "paper"}
    for label, value in labels.items():
        assert getattr(config, label) != value
        assert run_id(config.model_copy(update={label: value})) == run_id(config), label


def test_one_computation_at_three_scales_is_one_run() -> None:
    ids = {
        run_id(load(["experiment=fig1/with_bn", f"scale={scale}"]))
        for scale in ("laptop", "gpu", "paper")
    }
    assert len(ids) == 1
    assert run_id(load(["experiment=fig1/with_bn", "scale=smoke"])) not in ids


def test_same_network_by_another_preset_is_the_same_run() -> None:
    turned = load(["experiment=fig1/without_bn", "scale=laptop", "norm=batch"])
    assert run_id(turned) == run_id(load(["experiment=fig1/with_bn", "scale=laptop"]))


def test_what_it_computes_is() -> None:
    overrides = ("seed=0", "seed=1", "steps=7", "optim.lr=0.2", "norm=layer", "optim.bias_rate=2")
    assert len({run_id(load([override])) for override in overrides}) == len(overrides)


STORED = sorted((Path(__file__).parent / "stored").glob("*.yaml"))


def test_runs_of_the_first_schema_are_read_and_found_by_what_they_compute() -> None:
    """Written by the version that had probe.enabled, evaluation.compare and init_gain."""
    stored = read_stored(STORED[0])
    assert stored is not None
    assert STORED[0].stem == "fig1_with_bn"
    assert run_id(stored[0]) == run_id(
        load(["experiment=fig1/with_bn", "scale=laptop", "data.binarize=threshold"])
    )
    assert run_id(stored[0]) != yaml.safe_load(STORED[0].read_text())["run_id"], "labels left it"


def test_switches_of_the_first_schema_are_the_measures_of_this_one() -> None:
    configs = {file.stem: read_stored(file)[0] for file in STORED}
    assert configs["fig1_with_bn"].measures == ("activation_histograms", "activation_inputs")
    assert configs["fig4_member_1"].measures == ()
    assert configs["fig4_member_1"].model.conv_gain == 2
    compared = configs["statistics_batch_2"]
    assert compared.measures == ("evaluation_statistics",)
    assert set(compared.evaluation.compare) == {"population", "moving", "batch"}


def test_what_is_recorded_besides_is_part_of_a_run() -> None:
    chosen = ["", "activation_inputs", "activation_histograms", "evaluation_statistics"]
    pairs = ["activation_inputs,activation_histograms", "activation_inputs,evaluation_statistics"]
    ids = {run_id(load([f"measures=[{names}]"])) for names in chosen + pairs}
    assert len(ids) == 6
    compare = "measures=[evaluation_statistics]"
    statistics = ["population", "pooled", "population,pooled", "population,moving,batch"]
    assert len({run_id(load([compare, f"evaluation.compare=[{s}]"])) for s in statistics}) == 4


def test_a_selection_has_no_order_and_counts_where_it_is_used() -> None:
    measures = [
        "activation_inputs,evaluation_statistics",
        "evaluation_statistics,activation_inputs",
    ]
    assert len({run_id(load([f"measures=[{names}]"])) for names in measures}) == 1
    assert run_id(load(["evaluation.compare=[pooled]"])) == run_id(load([]))


def test_config_that_no_version_stored_is_refused() -> None:
    for values in ({}, {"measures": []}, [], None, {"model": 3, "measures": []}):
        with pytest.raises(UserError):
            parse_stored(values)


def test_fields_of_later_versions_leave_earlier_runs_their_ids() -> None:
    config = load([*MNIST, "data.binarize=threshold"])
    values = computation(config)
    later = {
        "evaluation": ("at",),
        "optim": ("bias_rate", "bias_decay"),
        "data": ("binarize",),
    }
    stored = config.model_dump(mode="json")
    for section, fields in later.items():
        for field in fields:
            assert field not in values[section]
            del stored[section][field]
    assert run_id(validate(stored)) == run_id(config)


def test_equal_values_are_equal_runs_however_written() -> None:
    assert run_id(load(["optim.lr=0.1"])) == run_id(load(["optim.lr=1e-1"])) == run_id(load([]))
    assert run_id(load(["optim.lr=1"])) == run_id(load(["optim.lr=1.0"]))


def test_recipe_is_all_but_the_seed() -> None:
    assert recipe_id(load(["seed=1"])) == recipe_id(load(["seed=2"]))
    assert recipe_id(load(["steps=1"])) != recipe_id(load(["steps=2"]))


def test_directory_is_experiment_and_id() -> None:
    config = load(["experiment=fig1/with_bn", "runtime.runs=here"])
    assert run_path(config) == Path("here/fig1/with_bn") / run_id(config)


def test_names_of_finished_runs_stay_what_they_are() -> None:
    """Runs of days cannot be made again because a field with a default was added."""
    assert run_id(load(["experiment=fig2/bn_x30", "scale=laptop"])) == "0fcbfb06b027"
    assert run_id(load(["experiment=fig1/with_bn", "scale=laptop"])) == "5f1dc31bdde8"
