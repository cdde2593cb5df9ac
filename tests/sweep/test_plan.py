"""How runs stand, and how long they would take."""

from pathlib import Path

import pytest
from rich.console import Console

from bnrepro.config import differences, expand, load, run_path
from bnrepro.runs import RunDirectory, State, Status, find_runs
from bnrepro.sweep import observe, plan, read_runs, table


def test_plan_holds_each_run_once_and_times_each_recipe_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    timed = []
    monkeypatch.setattr(
        "bnrepro.training.estimate.estimate_seconds",
        lambda config, console: timed.append(config.optim.lr) or 100.0,
    )
    configs = expand(["seed=choice(1,1,2)", "optim.lr=0.1,0.2", f"runtime.runs={tmp_path}"])
    rows = plan(configs, Console(quiet=True))
    assert [row.seed for row in rows] == [1, 1, 2, 2]
    assert [row.seconds_left for row in rows] == [100.0] * 4
    assert timed == [0.1, 0.2]


def test_what_was_changed_against_the_preset_is_named() -> None:
    base = ["experiment=fig1/with_bn", "scale=smoke"]
    changed = load([*base, "optim.lr=0.7", "seed=4", "runtime.threads=2"])
    assert [*differences(changed, load(base))] == ["optim.lr"]
    unread = load([*base, "evaluation.compare=[moving]", "optim.lr=0.7"])
    assert [*differences(unread, load(base))] == ["optim.lr"], "the measure is not taken"
    read = load([*base, "evaluation.compare=[moving]", "measures=[evaluation_statistics]"])
    assert [*differences(read, load(base))] == ["evaluation.compare", "measures"]


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
    assert not [*read_runs(find_runs(tmp_path))], "without a config.yaml it is no run yet"
