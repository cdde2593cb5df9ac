from pathlib import Path

import pytest

from bnrepro.config import differences, expand, load, run_path, with_late_values
from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory, State, Status
from bnrepro.sweep import Launcher, observe, plan, rows_of, table


def test_overrides_are_expanded_as_hydra_does() -> None:
    jobs = expand(["experiment=glob(fig2/*x5)", "seed=range(0,2)", "optim.lr_multiplier=1,5"])
    assert len(jobs) == 2 * 2 * 2
    assert jobs[0] == ["experiment=fig2/bn_x5", "seed=0", "optim.lr_multiplier=1"]
    assert len(expand(["experiment=glob(*,exclude=[fig*,ablation*,statistics*])"])) == 1
    with pytest.raises(UserError, match="matches none of"):
        expand(["experiment=glob(fig9/*)"])
    assert expand(["model.hidden=[1,2]"]) == [["model.hidden=[1,2]"]], "a list is one value"


@pytest.mark.parametrize("wrong", ["seed=range(", "seed=interval(0,1)"])
def test_sweep_that_cannot_be_read_is_one_line(wrong: str) -> None:
    with pytest.raises(UserError) as error:
        plan([wrong])
    assert "\n" not in str(error.value)


def test_value_of_a_swept_experiment_waits_until_it_is_chosen() -> None:
    told = ["experiment=fig2/bn_x5,fig2/bn_x30", "scale=smoke", "model.init=he", "seed=range(0,2)"]
    for_hydra = with_late_values(told)
    assert for_hydra == [*told[:2], "model.init=choice(he)", told[3]]
    assert expand(for_hydra) == expand(told), "the runs are the same"
    alone = ["experiment=fig2/bn_x5", "model.init=he", "seed=0,1"]
    assert with_late_values(alone) == alone


def test_plan_holds_each_run_once_and_nothing_for_hydra() -> None:
    planned = plan(["seed=1,1,2", "hydra/launcher=basic", "+hydra.verbose=true"])
    assert [run.config.seed for run in planned] == [1, 2]


def test_wrong_override_of_one_run_is_refused_before_any_starts() -> None:
    with pytest.raises(UserError, match="experiment=fig1/with: no such option"):
        plan(["experiment=fig1/with_bn,fig1/with"])


def test_what_was_changed_against_the_preset_is_named() -> None:
    base = ["experiment=fig1/with_bn", "scale=smoke"]
    changed = load([*base, "optim.lr=0.7", "seed=4", "runtime.threads=2"])
    assert [*differences(changed, load(base))] == ["optim.lr"]


def test_rows_tell_how_runs_stand(tmp_path: Path) -> None:
    config = load(["experiment=fig1/with_bn", "scale=smoke", f"runtime.runs={tmp_path}"])
    directory = RunDirectory(run_path(config))
    assert observe(config, directory).state == "waiting"
    directory.path.mkdir(parents=True)
    directory.write_status(Status(State.RUNNING, 10, 1000, 1.0, 20.0, 1, "host"))
    directory.metrics.write_text(
        '{"step": 0, "test/accuracy": 0.1}\n{"step": 20, "train/loss": 1.0}\n{"step": 40, "te'
    )
    row = observe(config, directory)
    assert (row.state, row.step, row.accuracy) == ("preempted", 20, 0.1), "no process holds it"
    with directory.lock():
        row = observe(config, directory)
    assert row.state == "running"
    assert row.seconds_left == (config.steps - 20) / 20.0
    assert table([row]).row_count == 1
    assert rows_of(tmp_path) == [], "without a config.yaml it is no run yet"


def test_slurm_jobs_get_their_resources(tmp_path: Path) -> None:
    told = Launcher(workers=8, slurm=True, partition="gpu", hours=1.5, gpus=1).overrides(tmp_path)
    assert {
        "hydra/launcher=submitit_slurm",
        "hydra.launcher.timeout_min=90",
        "hydra.launcher.partition=gpu",
        "hydra.launcher.gpus_per_node=1",
        "hydra.launcher.array_parallelism=8",
    } <= set(told)
