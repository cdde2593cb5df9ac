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
