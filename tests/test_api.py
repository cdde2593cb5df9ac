"""bnrepro from Python."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import bnrepro
from bnrepro.cli import app
from bnrepro.errors import UserError
from tests.synthetic import write_run


def test_import_is_light() -> None:
    code = (
        "import sys, bnrepro; assert 'compare' in bnrepro.__all__; "
        "sys.exit(bool({'torch', 'matplotlib', 'hydra', 'numpy', 'pandas'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_all_that_is_offered_is_there_whatever_else_was_imported() -> None:
    code = (
        "import bnrepro.runs, bnrepro.comparison, bnrepro.training, bnrepro.cli, bnrepro; "
        "assert all(callable(getattr(bnrepro, name)) for name in bnrepro.__all__ if name != 'nn'); "
        "bnrepro.nn.BatchNorm(3)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        _ = bnrepro.tarin


def test_run_is_trained_loaded_and_used(tmp_path: Path) -> None:
    told = ("debug=two_steps", f"runtime.runs={tmp_path}")
    run = bnrepro.train(*told)
    assert run.state == "finished"
    assert run.config.norm.name == "batch"
    assert run.curves.index.tolist() == [0, 1, 2]
    assert run.curves["test/accuracy"].notna().any()
    logits = run.network()(torch.zeros(5, 1, 28, 28))
    assert logits.shape == (5, 10)
    again = bnrepro.load_run(run.id[:8], tmp_path)
    assert again.path == run.path
    assert again.config == run.config
    assert bnrepro.train(*told).path == run.path, "what is done is not done again"


def test_runs_are_a_table(tmp_path: Path) -> None:
    curve = [0.1, 0.4, 0.6, 0.7, 0.8, 0.9]
    for seed in range(2):
        write_run(tmp_path, "fig1/with_bn", {"test/accuracy": curve}, ["optim.lr=0.7"], seed)
    write_run(tmp_path, "fig1/without_bn", {"test/accuracy": curve}, diverged=True)
    table = bnrepro.list_runs(runs=tmp_path)
    assert table["optim.lr"].tolist() == [0.7, 0.7, 0.1], "each run's own, where one differs"
    assert np.isnan(table["final_accuracy"]).tolist() == [False, False, True]
    assert table["final_accuracy"][0] == pytest.approx(np.mean(curve[1:]))
    assert (table["best_accuracy"] == table["best_accuracy"][0]).all()
    assert [Path(path).name for path in table["path"]] == table["id"].tolist()
    assert len(bnrepro.list_runs("state=diverged", runs=tmp_path)) == 1
    assert bnrepro.list_runs(runs=tmp_path / "none").empty


def test_run_without_rows_has_no_accuracy(tmp_path: Path) -> None:
    directory = write_run(tmp_path, "fig1/with_bn", {"test/accuracy": [0.5]})
    directory.metrics.unlink()
    run = bnrepro.load_run(directory.path)
    assert run.curves.empty
    assert math.isnan(run.final_accuracy)
    assert math.isnan(run.best_accuracy)


def test_damaged_run_is_said(tmp_path: Path) -> None:
    directory = write_run(tmp_path, "fig1/with_bn", {"test/accuracy": [0.5]})
    directory.config.write_text("config: [")
    with pytest.raises(UserError, match=r"config\.yaml: damaged"):
        bnrepro.load_run(directory.path)


def test_comparison_is_a_table_and_a_folder(tmp_path: Path) -> None:
    for norm, accuracy in (("batch", 0.9), ("none", 0.5)):
        for seed in range(2):
            curve = {"test/accuracy": [accuracy] * 5}
            write_run(tmp_path / "runs", "fig1/with_bn", curve, [f"norm={norm}"], seed)
    done = bnrepro.compare(
        "norm=batch,none", "seed=range(2)", train=False, runs=tmp_path / "runs", out=tmp_path
    )
    assert done.table is not None
    assert done.table["line"].tolist() == ["norm=batch", "norm=none"]
    assert done.table["final_accuracy"].tolist() == pytest.approx([0.9, 0.5])
    assert done.folder is not None
    assert {file.parent for file in done.files} == {done.folder}


def test_experiments_and_runs_are_compared_by_name(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    ids = []
    for network, accuracy in (("with_bn", 0.9), ("without_bn", 0.5)):
        for seed in range(2):
            written = write_run(
                runs, f"fig1/{network}", {"test/accuracy": [accuracy] * 5}, (), seed
            )
        ids.append(written.path.name)
    tables = []
    for told in (["fig1/*"], ids):
        done = bnrepro.compare(*told, train=False, runs=runs, out=tmp_path)
        assert done.table is not None
        tables.append(done.table)
    assert tables[0].equals(tables[1])
    assert tables[0]["n"].tolist() == [2, 2], "all seeds of a run's recipe"
    with pytest.raises(UserError, match=r"fig1/with_b: no experiment.*did you mean fig1/with_bn"):
        bnrepro.compare("fig1/with_b", train=False, runs=runs, out=tmp_path)
    with pytest.raises(UserError, match=r"optim\.lr=1: .* is a run, of which nothing"):
        bnrepro.compare(*ids, "optim.lr=1", train=False, runs=runs, out=tmp_path)


@pytest.mark.parametrize("command", [["evaluate"], ["export", "--format", "onnx"], ["verify"]])
def test_commands_take_the_beginning_of_an_id(tmp_path: Path, command: list[str]) -> None:
    for seed in range(17):  # of which two begin alike
        write_run(tmp_path, "fig1/with_bn", {"test/accuracy": [0.5]}, seed=seed)
    firsts = [name[0] for name in bnrepro.list_runs(runs=tmp_path)["id"]]
    common = next(digit for digit in firsts if firsts.count(digit) > 1)
    done = CliRunner().invoke(app, [*command, common, "--runs", str(tmp_path)])
    assert isinstance(done.exception, UserError)
    assert "runs begin so" in str(done.exception)
