"""Runs listed, chosen, sorted and averaged."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bnrepro.cli import app
from bnrepro.config import read_stored
from bnrepro.errors import UserError
from bnrepro.runs import RunDirectory, find_runs, last_values
from bnrepro.sweep import ListedRun, read_runs
from bnrepro.sweep.groups import mean_by
from bnrepro.sweep.selection import select, sort
from tests.synthetic import write_run

Status = Callable[..., Result]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two networks at two rates, two seeds each, and a third that diverged."""
    for seed in range(2):
        for network, accuracy in (("with_bn", 0.8), ("without_bn", 0.5)):
            for rate in ("0.1", "0.45"):
                curve = {"test/accuracy": [0.1, accuracy + 0.1 * seed]}
                write_run(tmp_path, f"fig1/{network}", curve, [f"optim.lr={rate}"], seed)
    curve = {"test/accuracy": [0.1, 0.2]}
    write_run(tmp_path, "fig1/without_bn", curve, ["optim.lr=0.45"], seed=2, diverged=True)
    return tmp_path


@pytest.fixture
def listed(runs: Path) -> list[ListedRun]:
    return [*read_runs(find_runs(runs))]


@pytest.fixture
def status(runs: Path) -> Status:
    return lambda *options: CliRunner().invoke(app, ["status", "--runs", str(runs), *options])


@pytest.mark.parametrize(
    ("conditions", "count"),
    [
        ([], 9),
        (["state=diverged"], 1),
        (["norm=batch"], 4),
        (["norm.name=batch", "seed=1"], 2),
        (["experiment=fig1/*"], 9),
        (["experiment=*without*", "optim.lr=0.45"], 3),
        (["optim.lr=4.5e-1"], 5),
        (["optim.lr=0.4"], 0),
        (["model.hidden=[100,100,100]"], 9),
        (["norm.momentum=null"], 5),  # networks without BN have none
    ],
)
def test_runs_are_chosen_by_config_and_state(
    listed: list[ListedRun], conditions: list[str], count: int
) -> None:
    assert len(select(listed, conditions)) == count


def test_runs_are_sorted_by_any_key_and_those_without_it_come_last(
    listed: list[ListedRun],
) -> None:
    by_rate = [run.config.optim.lr for run in sort(listed, "optim.lr")]
    assert by_rate == sorted(by_rate)
    accuracies = [run.row.accuracy for run in sort(listed, "-accuracy")]
    assert accuracies == sorted(accuracies, reverse=True)
    for key in ("norm.momentum", "-norm.momentum"):
        norms = [run.config.norm.name for run in sort(listed, key)]
        assert norms == ["batch"] * 4 + ["none"] * 5


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("optim.learning_rate=1", "optim.learning_rate: no such key; did you mean optim"),
        ("finished", "finished: no condition; write key=value"),
    ],
)
def test_wrong_conditions_are_named(condition: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        select([], [condition])


def test_means_are_over_the_seeds_that_finished(listed: list[ListedRun]) -> None:
    by_both = mean_by(listed, ["norm", "optim.lr"])
    last = next(one for one in by_both if (one["norm"], one["optim.lr"]) == ("none", "0.45"))
    assert (last["runs"], last["n"], last["diverged"], last["recipes"]) == (3, 2, 1, 1)
    assert last["accuracy"] == pytest.approx(0.55)
    assert last["low"] < 0.5 < 0.6 < last["high"], "two seeds, by Student's t"
    assert [one["recipes"] for one in mean_by(listed, ["norm"])] == [2, 2]


def test_status_shows_ids_and_all_that_was_changed_in_a_pipe(runs: Path, status: Status) -> None:
    curve = {"test/accuracy": [0.1, 0.9]}
    many = ["optim.lr=0.3", "optim.momentum=0.9", "model.hidden=[64,64,64,64]", "batch_size=32"]
    directory = write_run(runs, "fig1/with_bn", curve, many)
    shown = status().stdout
    [line] = [line for line in shown.splitlines() if line.startswith(directory.path.name)]
    assert set(line.split()[-4:]) == {*many}
    assert "10 of 10 done: 1 diverged, 9 finished; all: smoke" in shown


def test_status_averages_over_seeds(status: Status) -> None:
    shown = status("--group-by", "norm,optim.lr", "--filter", "norm=batch").stdout.splitlines()
    assert [line.split()[:4] for line in shown] == [
        ["norm", "optim.lr", "runs", "n"],
        ["batch", "0.1", "2", "2"],
        ["batch", "0.45", "2", "2"],
    ]
    assert json.loads(status("--group-by", "norm", "--json").stdout)[0]["n"] == 4
    assert status("--filter", "seed=7").stdout.endswith("meets that; 9 do not\n")


def test_blocks_of_a_stored_config_are_read_as_yaml_reads_the_whole(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [directory.config for directory in find_runs(runs)]
    stored = [read_stored(file) for file in files]
    monkeypatch.setattr("bnrepro.config.stored._parse_blocks", _refuse)
    assert [read_stored(file) for file in files] == stored
    assert all(stored)


def _refuse(_text: str) -> None:
    raise ValueError


@pytest.mark.parametrize("filling", [0, 100, 10_000])
def test_last_values_are_found_behind_rows_that_lack_them(tmp_path: Path, filling: int) -> None:
    metrics = RunDirectory(tmp_path).metrics
    others = "".join(f'{{"step": {step}}}\n' for step in range(10, 10 + filling // 4))
    metrics.write_text(f'{{"step": 1, "a": 0.5}}\n{{"step": 2, "a": 0.7}}\n{others}{{"st')
    last = 9 + filling // 4 if filling else 2
    assert last_values(metrics, ["step", "a"]) == {"step": last, "a": 0.7}
