"""Run directories written directly: what a dashboard reads, without training."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bnrepro.config import load, run_id
from bnrepro.runs import RunDirectory, State, Status

WriteRun = Callable[..., RunDirectory]


def write_run(
    runs: Path, *overrides: str, rows: int = 6, state: State = State.FINISHED, probe: bool = True
) -> RunDirectory:
    """A run of ``rows`` evaluations, 10 steps apart."""
    config = load([*overrides, "scale=smoke", f"runtime.runs={runs}"])
    directory = RunDirectory(runs / config.experiment / run_id(config))
    directory.path.mkdir(parents=True)
    content = {"run_id": run_id(config), "config": config.model_dump(mode="json")}
    directory.config.write_text(yaml.safe_dump({**content, "provenance": []}, sort_keys=False))
    directory.metrics.touch()
    for step in range(0, 10 * rows, 10):
        add_row(directory, step, config.seed, probe)
    status = Status(state, 10 * (rows - 1), config.steps, 1.0, 10.0, 1, "somewhere")
    directory.write_status(status)
    return directory


def add_row(directory: RunDirectory, step: int, seed: int = 0, probe: bool = True) -> None:
    """One evaluation more."""
    row: dict[str, Any] = {"step": step}
    if step:
        row["train/loss"] = 2 * math.exp(-step / 30)
    row |= {"test/accuracy": 0.9 - math.exp(-step / 20) * 0.8 + seed / 100, "test/loss": 1.0}
    layers = [f"hidden.{i}" for i in range(3)] if probe else []
    for layer in layers:
        for which in ("unit", "all"):
            for percentile, value in ((15, -1.0), (50, 0.1), (85, 1.2)):
                row[f"probe/{layer}/{which}/p{percentile}"] = value + step / 100
    with directory.metrics.open("a") as file:
        file.write(json.dumps(row) + "\n")
    if layers:
        with directory.histograms.open("a") as file:
            for layer in layers:
                bins = {"low": -2.0, "high": 2.0 + step / 50, "counts": [1, 4, 9, 4, 1]}
                file.write(json.dumps({"step": step, "layer": layer, **bins}) + "\n")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Both networks of Figure 1 with two seeds, one also with another rate; BN-x5 going on."""
    folder = tmp_path / "runs"
    for network in ("with_bn", "without_bn"):
        for seed in (0, 1):
            write_run(folder, f"experiment=fig1/{network}", f"seed={seed}")
    write_run(folder, "experiment=fig1/with_bn", "seed=0", "optim.lr=0.3")
    write_run(folder, "experiment=fig2/bn_x5", probe=False, state=State.RUNNING)
    return folder
