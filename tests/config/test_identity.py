from pathlib import Path

from bnrepro.config import load, recipe_id, run_id, run_path, validate
from bnrepro.config.identity import computation


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


def test_fields_of_later_versions_leave_earlier_runs_their_ids() -> None:
    config = load(["data=mnist"])
    values = computation(config)
    assert not {"at", "compare"} & set(values["evaluation"])
    stored = config.model_dump(mode="json")
    for later in ("at", "compare"):
        del stored["evaluation"][later]
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


def test_fields_added_since_left_the_names_of_finished_runs() -> None:
    """Runs of days cannot be made again because a field with a default was added."""
    assert run_id(load(["experiment=fig2/bn_x30", "seed=0"])) == "0d6a130e3b4b"
    assert run_id(load(["experiment=fig1/with_bn", "seed=0"])) == "106f966dcef5"
