"""Comparisons of runs that were written for the purpose, and one that is really trained."""

import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from bnrepro.comparison import Comparison, compare, label_configs
from bnrepro.config import expand, load
from bnrepro.errors import UserError
from bnrepro.runs import write_run
from tests.conftest import CommandLine


def _write(runs: Path, overrides: list[str], accuracies: list[float]) -> None:
    config = load([*overrides, f"runtime.runs={runs}"])
    rows = [{"step": 20 * i, "test/accuracy": value} for i, value in enumerate(accuracies)]
    write_run(config, rows)


def _compare(runs: Path, out: Path, *overrides: str, target: float | None = None) -> Comparison:
    quiet = Console(quiet=True)
    return compare(overrides, "test/accuracy", "step", target, None, runs, out, quiet)


def test_lines_are_named_by_what_differs_defaults_too() -> None:
    assert label_configs(expand(["norm=batch,none"])) == ["norm=batch", "norm=none"]
    assert label_configs(expand(["norm=batch,group", "optim.lr=0.1,0.2"])) == [
        "norm=batch optim.lr=0.1",
        "norm=batch optim.lr=0.2",
        "norm=group optim.lr=0.1",
        "norm=group optim.lr=0.2",
    ]
    assert label_configs([load([])]) == ["fig1/with_bn"]


def test_lines_are_named_by_the_swept_keys_alone() -> None:
    """Not by what follows from them: decays, intervals of evaluation, the warm-up."""
    assert label_configs(expand(["groups=1,2"]), ["groups"]) == ["groups=1", "groups=2"]
    scales = ["scale=smoke", "scale=laptop"]
    assert label_configs(expand(["scale=smoke,laptop"]), ["scale"]) == scales


@pytest.mark.parametrize("swept", [[], ["optim", "optim.lr"]])
def test_no_two_lines_have_one_name(swept: list[str]) -> None:
    """Once two of four were called optim=sgd, and one of them was lost."""
    labels = label_configs(expand(["optim=sgd,adam", "optim.lr=0.1,0.2"])[1:], swept)
    assert labels == [
        "optim=sgd optim.lr=0.2",
        "optim=adam optim.lr=0.1",
        "optim=adam optim.lr=0.2",
    ]


def test_seeds_are_paired_with_the_first_lines(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for seed, (with_bn, without) in enumerate(((0.9, 0.5), (0.8, 0.5), (0.7, 0.5))):
        _write(runs, ["norm=batch", f"seed={seed}"], [0.1, *[with_bn] * 9])
        _write(runs, ["norm=none", f"seed={seed}"], [0.1, *[without] * 9])
    done = _compare(runs, tmp_path / "out", "norm=batch,none", "seed=range(3)", target=0.6)
    assert done.cells is not None
    first, second = done.cells.rows
    assert first[0] == "norm=batch"
    assert first[4] == "-", "a line is not compared with itself"
    assert second[4].startswith("-0.3000 (")
    assert second[5] == "never"
    table = pd.read_csv(next(file for file in done.files if file.name == "table.csv"))
    assert table["final_accuracy"].tolist() == pytest.approx([0.8, 0.5])
    assert {file.suffix for file in done.files} == {".png", ".svg", ".csv", ".md", ".json", ".html"}


def test_each_comparison_has_a_place_of_its_own(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    _write(runs, [], [0.1, 0.9])
    long = ["seed=0"] * 30, ["seed=0"] * 31  # a name is cut
    folders = {_compare(runs, tmp_path, *told).folder for told in (["fig1/with_bn"], *long)}
    told, quiet = ["fig1/with_bn"], Console(quiet=True)
    over_time = compare(told, "test/accuracy", "seconds", None, None, runs, tmp_path, quiet)
    assert len({*folders, over_time.folder}) == 4


def test_fewer_seeds_than_before_are_said(tmp_path: Path) -> None:
    for seed in range(2):
        _write(tmp_path / "runs", [f"seed={seed}"], [0.1, 0.9])
    _write(tmp_path / "others", [], [0.1, 0.9])
    assert _compare(tmp_path / "runs", tmp_path, "fig1/with_bn").notes == ()
    [note] = _compare(tmp_path / "others", tmp_path, "fig1/with_bn").notes
    assert note.endswith("fig1/with_bn: 1 seeds, and 2 in the results that are replaced")


def test_line_that_has_not_run_is_named_with_what_runs_it(tmp_path: Path) -> None:
    """Once advice that `reproduce` would not take."""
    _write(tmp_path / "runs", [], [0.1, 0.9])
    done = _compare(tmp_path / "runs", tmp_path, "norm=batch,none")
    assert done.notes == ("not run: norm=none; without --no-train they are trained",)
    assert done.folder is not None
    page = (done.folder / "compare.html").read_text()
    assert "<code>bnrepro compare norm=batch,none</code> runs them" in page


def test_nothing_there_and_too_much_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing to compare"):
        _compare(tmp_path / "runs", tmp_path / "out", "norm=batch,none")
    with pytest.raises(UserError, match="9 lines"):
        _compare(tmp_path / "runs", tmp_path / "out", "steps=range(1,10)")


def test_command_trains_what_is_missing_and_writes_beside_the_runs(
    command_line: CommandLine, tmp_path: Path
) -> None:
    arguments = ("compare", "norm=batch,none", "debug=two_steps", "--json")
    done = command_line(*arguments)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row[0] for row in told["table"]["rows"]] == ["norm=batch", "norm=none"]
    assert all((tmp_path / file).is_file() for file in told["files"])
    assert all(file.startswith("reports/compare/") for file in told["files"])
    assert json.loads(command_line(*arguments, "--no-train").stdout) == told


@pytest.mark.parametrize("told", [["norm=none"], ["fig1/with_bn", "norm=none"]])
def test_line_named_by_its_experiment_says_what_was_changed(
    tmp_path: Path, told: list[str]
) -> None:
    _write(tmp_path, ["norm=none"], [0.1, *[0.8] * 9])
    done = _compare(tmp_path, tmp_path / "out", *told)
    assert done.cells
    assert [row[0] for row in done.cells.rows] == ["fig1/with_bn norm=none"]


@pytest.mark.parametrize(("accuracy", "is_told"), [(0.19, True), (0.21, False)])
def test_line_that_has_not_begun_to_learn_is_told(
    tmp_path: Path, accuracy: float, is_told: bool
) -> None:
    _write(tmp_path, ["norm=batch"], [0.1, *[0.8] * 9])
    _write(tmp_path, ["norm=none"], [0.1, *[accuracy] * 9])
    notes = _compare(tmp_path, tmp_path / "out", "norm=batch,none").notes
    assert [note for note in notes if "norm=none: its accuracy" in note] == list(notes)[:is_told]
    assert any("has not begun to learn" in note for note in notes) is is_told


@pytest.mark.parametrize(
    ("reason", "command"),
    [
        ("data.", ("compare", "norm=batch,none", "data=image_folder", "data.folder=gone")),
        ("/", ("reproduce", "fig2", "--scale", "paper", "--seeds", "1")),
    ],
)
def test_where_every_run_fails_it_is_said_why(
    command_line: CommandLine,
    reason: str,
    command: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BNREPRO_DATA", raising=False)
    done = command_line(*command)
    assert done.returncode == 1
    assert f"error: every run failed, the first one with: {reason}" in done.stderr


@pytest.mark.parametrize("option", [("--partition", "long"), ("--gpus", "2"), ("--tasks", "2")])
def test_options_of_a_cluster_need_one(command_line: CommandLine, option: tuple[str, ...]) -> None:
    done = command_line("sweep", "seed=0,1", *option, "--dry-run")
    assert done.returncode == 2
    assert f"error: {option[0]}: for the jobs of a cluster alone; give --slurm, too" in done.stderr
