"""Run directories with probes and histograms: what a dashboard reads, without training."""

import json
import math
from pathlib import Path

import pytest

from bnrepro.runs import Row, RunDirectory, State
from bnrepro.runs import write_run as write_directory
from bnrepro.runs.tags import (
    PERCENTILES,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_LOSS,
    activation_input,
)
from tests.synthetic import config_of

_LAYERS = [f"hidden.{i}" for i in range(3)]


def write_run(
    runs: Path,
    experiment: str,
    *overrides: str,
    seed: int = 0,
    rows: int = 6,
    state: State = State.FINISHED,
    probe: bool = True,
) -> RunDirectory:
    """A run of ``rows`` evaluations, 10 steps apart."""
    config = config_of(runs, experiment, *overrides, seed=seed)
    steps = range(0, 10 * rows, 10)
    written = [_row(step, seed, probe) for step in steps]
    directory = write_directory(config, written, state=state)
    for step in steps if probe else ():
        _add_histograms(directory, step)
    return directory


def add_row(directory: RunDirectory, step: int, seed: int = 0, probe: bool = True) -> None:
    """One evaluation more."""
    with directory.metrics.open("a") as file:
        file.write(json.dumps(_row(step, seed, probe)) + "\n")
    if probe:
        _add_histograms(directory, step)


def _row(step: int, seed: int, probe: bool) -> Row:
    row: Row = {"step": step}
    if step:
        row[TRAIN_LOSS] = 2 * math.exp(-step / 30)
    row |= {TEST_ACCURACY: 0.9 - math.exp(-step / 20) * 0.8 + seed / 100, TEST_LOSS: 1.0}
    for layer in _LAYERS if probe else ():
        for which in ("unit", "all"):
            for percentile, value in zip(PERCENTILES, (-1.0, 0.1, 1.2), strict=True):
                row[activation_input(layer, which, percentile)] = value + step / 100
    return row


def _add_histograms(directory: RunDirectory, step: int) -> None:
    bins = {"low": -2.0, "high": 2.0 + step / 50, "counts": [1, 4, 9, 4, 1]}
    with directory.histograms.open("a") as file:
        for layer in _LAYERS:
            file.write(json.dumps({"step": step, "layer": layer, **bins}) + "\n")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Both networks of Figure 1 with two seeds, one also with another rate; BN-x5 going on."""
    folder = tmp_path / "runs"
    for network in ("with_bn", "without_bn"):
        for seed in (0, 1):
            write_run(folder, f"fig1/{network}", seed=seed)
    write_run(folder, "fig1/with_bn", "optim.lr=0.3")
    write_run(folder, "fig2/bn_x5", probe=False, state=State.RUNNING)
    return folder
