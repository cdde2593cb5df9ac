from pathlib import Path

import pytest
import yaml

from bnrepro.config import load, parse_stored, read_stored, recipe_id, run_id, run_path
from bnrepro.errors import UserError


def test_where_and_how_it_runs_is_no_part_of_a_run() -> None:
    base = ["data=mnist"]
    for elsewhere in (
        "runtime.runs=other",
        "runtime.device=cpu",
        "runtime.threads=2",
        "runtime.compile=off",
        "runtime.checkpoint_seconds=1",
        "data.root=there",
    ):
        assert run_id(load([*base, elsewhere])) == run_id(load(base)), elsewhere


def test_what_it_computes_is() -> None:
    ids = {
        run_id(load([override]))
        for override in ("seed=0", "seed=1", "steps=7", "optim.lr=0.2", "norm=layer", "scale=smoke")
    }
    assert len(ids) == 6


STORED = sorted((Path(__file__).parent / "stored").glob("*.yaml"))


@pytest.mark.parametrize("file", STORED, ids=lambda file: file.stem)
def test_runs_of_the_first_schema_are_read_and_keep_their_ids(file: Path) -> None:
    """Written by the version that had probe.enabled, evaluation.compare and init_gain."""
    stored = read_stored(file)
    assert stored is not None
    assert run_id(stored[0]) == yaml.safe_load(file.read_text())["run_id"]


def test_switches_of_the_first_schema_are_the_measures_of_this_one() -> None:
    configs = {file.stem: read_stored(file)[0] for file in STORED}
    assert configs["fig1_with_bn"] == load(["experiment=fig1/with_bn"]).model_copy(
        update={"evaluation": configs["fig1_with_bn"].evaluation}
    )
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


def test_equal_values_are_equal_runs_however_written() -> None:
    assert run_id(load(["optim.lr=0.1"])) == run_id(load(["optim.lr=1e-1"])) == run_id(load([]))
    assert run_id(load(["optim.lr=1"])) == run_id(load(["optim.lr=1.0"]))


def test_recipe_is_all_but_the_seed() -> None:
    assert recipe_id(load(["seed=1"])) == recipe_id(load(["seed=2"]))
    assert recipe_id(load(["steps=1"])) != recipe_id(load(["steps=2"]))


def test_directory_is_experiment_and_id() -> None:
    config = load(["experiment=fig1/with_bn", "runtime.runs=here"])
    assert run_path(config) == Path("here/fig1/with_bn") / run_id(config)


def test_fields_added_since_left_the_names_of_finished_runs() -> None:
    """Runs of days cannot be made again because a field with a default was added."""
    assert run_id(load(["experiment=fig2/bn_x30", "seed=0"])) == "d4a5ee1b648a"
    assert run_id(load(["experiment=fig1/with_bn", "seed=0"])) == "106f966dcef5"
    assert run_id(load(["experiment=fig4/member_5", "seed=0"])) == "9a3e36112420"
    assert run_id(load(["experiment=fig1/without_bn", "scale=smoke"])) == "dd5d23d2fef4"
