"""bnrepro from Python. ``import bnrepro`` offers all of it as ``bnrepro.train`` and so on.

What a user can put right is a `bnrepro.errors.UserError`: one line, as on the command line.
"""

import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
from rich.console import Console

from bnrepro.comparison import Comparison
from bnrepro.comparison import compare as run_comparison
from bnrepro.config import RunConfig, changes, load, read_stored
from bnrepro.errors import RunFailedError, UserError
from bnrepro.measure.curves import best_point, points, running_mean
from bnrepro.runs import RunDirectory, State, find_run, find_runs
from bnrepro.runs.columns import read_columns
from bnrepro.runs.tags import TEST_ACCURACY
from bnrepro.sweep import Launcher, read_runs
from bnrepro.sweep.selection import select, value_of

if TYPE_CHECKING:
    from torch import nn


class Run:
    """A run that has been started.

    Attributes:
        path: its folder.
        config: what it was told; ``config.optim.lr``, say.
    """

    def __init__(self, path: Path, config: RunConfig) -> None:
        self.path = path
        self.config = config

    def __repr__(self) -> str:
        """Where it is, and how it stands."""
        return f"<Run {self.path}: {self.state}>"

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits: a hash of what it computes."""
        return self.path.name

    @property
    def state(self) -> State:
        """How it stands now: running, finished, diverged, preempted or failed."""
        status = RunDirectory(self.path).look()
        return status.state if status else State.FAILED

    @cached_property
    def curves(self) -> pd.DataFrame:
        """What was recorded, indexed by step, a column a tag (``test/accuracy``, ``train/loss``).

        NaN where nothing was recorded of a tag. Rows that are damaged are left out.
        """
        metrics = RunDirectory(self.path).metrics
        if not metrics.exists():
            return pd.DataFrame(index=pd.Index([], dtype="int64", name="step"))
        steps, columns, _ = read_columns(metrics)
        return pd.DataFrame(columns, index=pd.Index(steps, name="step"))

    @property
    def final_accuracy(self) -> float:
        """Held-out accuracy, a fraction: mean of the last five evaluations; NaN: not finished."""
        if self.state is not State.FINISHED or TEST_ACCURACY not in self.curves:
            return math.nan
        return float(running_mean(points(self.curves[TEST_ACCURACY])).values[-1])

    @property
    def best_accuracy(self) -> float:
        """The highest mean of five evaluations up to now; NaN: none has been made."""
        if TEST_ACCURACY not in self.curves:
            return math.nan
        return best_point(running_mean(points(self.curves[TEST_ACCURACY])))[1]

    def network(self, device: Literal["auto", "cpu", "cuda", "mps"] = "cpu") -> "nn.Module":
        """The trained network with its moving averages, in evaluation mode.

        It takes images as the run's network received them, float32 (N, C, H, W), and returns
        logits (N, classes). The run's data must be there: their shapes are the network's.

        Args:
            device: where to put it; auto: a GPU, if there is one.

        Raises:
            UserError: the run has not finished, or its weights or data are missing or damaged.
        """
        from bnrepro.inference.trained import load_trained

        return load_trained(RunDirectory(self.path), device, _console()).model


def train(*overrides: str) -> Run:
    """Train one run in this process, or go on where it stopped; one that is done is not repeated.

    Progress goes to standard error. PyTorch's number of threads becomes ``runtime.threads``.

    Args:
        overrides: Hydra's, as of `bnrepro train`: ``"norm=batch"``, ``"optim.lr=0.1"``; below
            which folder it lies is one, too: ``"runtime.runs=D"``.

    Raises:
        UserError: an override is wrong, or the device or the data are not available.
        RunFailedError: the disk is full, say; the same call goes on.
        KeyboardInterrupt: it was stopped by a signal; the same call goes on.
    """
    from bnrepro.training import run

    outcome = run(load(overrides), _console())
    if outcome.signal is not None:
        raise KeyboardInterrupt
    return _read(outcome.directory)


def load_run(name: str | Path, runs: str | Path = "runs") -> Run:
    """A run that is there.

    Args:
        name: its folder, or as many digits of its id as no other run begins with.
        runs: folder of the run directories.

    Raises:
        UserError: there is none, or there are several, or its config.yaml cannot be read.
    """
    return _read(find_run(str(name), Path(runs)))


def list_runs(*conditions: str, runs: str | Path = "runs") -> pd.DataFrame:
    """Every run below a folder, a row each.

    Args:
        conditions: ``"state=finished"``, ``"experiment=fig2/*"``, ``"optim.lr=0.1"``: all must
            hold, as for `bnrepro status --filter`.
        runs: the folder.

    Returns:
        ``id``, ``experiment``, ``scale``, ``seed``, ``state``, ``data.name``, ``model.name``,
        ``norm.name``; a column for each other key of the config in which some run differs from its
        preset; ``final_accuracy`` and ``best_accuracy`` as in
        `Run`; ``path``.

    Raises:
        UserError: a condition names no key.
    """
    listed = select(list(read_runs(find_runs(Path(runs)))), conditions)
    keys = dict.fromkeys(("data.name", "model.name", "norm.name"))
    keys |= {key: None for run in listed for key in changes(run.config) or {}}
    names = ["id", "experiment", "scale", "seed", "state", *keys]
    records = []
    for one in listed:
        run = Run(Path(one.row.directory), one.config)
        values = {name: value_of(one, name) for name in names}
        accuracies = {"final_accuracy": run.final_accuracy, "best_accuracy": run.best_accuracy}
        records.append(values | accuracies | {"path": one.row.directory})
    return pd.DataFrame(records, columns=[*names, "final_accuracy", "best_accuracy", "path"])


def compare(
    *overrides: str,
    metric: str = TEST_ACCURACY,
    x: Literal["step", "examples", "seconds"] = "step",
    to: float | None = None,
    train: bool = True,
    workers: int | None = None,
    runs: str | Path = "runs",
    out: str | Path = "reports",
) -> Comparison:
    """Train what is missing of a sweep, average over seeds, compare every line with the first.

    Args:
        overrides: as of `bnrepro compare`: ``"norm=batch,none"``, ``"seed=range(3)"``, names of
            experiments, or runs' ids.
        metric: ``test/accuracy``, ``test/loss`` or ``train/loss``.
        x: what the picture's axis counts.
        to: an accuracy to count the steps to; None: none.
        train: whether to train what is missing.
        workers: runs side by side; None: one per core, or one per GPU.
        runs: folder of the run directories.
        out: folder to write the picture, the page and the numbers to.

    Raises:
        UserError: an override is wrong, or nothing to compare has ended.
        RunFailedError: a run failed, or could not be done.
        KeyboardInterrupt: it was stopped by a signal; the same call goes on.
    """
    launcher = Launcher(workers) if train else None
    arguments = (overrides, metric, x, to, launcher, Path(runs), Path(out))
    comparison = run_comparison(*arguments, _console())
    if (swept := comparison.swept) is not None:
        if swept.signal is not None:
            raise KeyboardInterrupt
        for row in (*swept.failed, *swept.undone):
            raise RunFailedError(f"{row.directory}: {row.state}; {row.message}")
    return comparison


def _read(directory: RunDirectory) -> Run:
    stored = read_stored(directory.config)
    if stored is None:
        raise UserError(f"{directory.config}: damaged, or of a version that this one cannot read")
    return Run(directory.path, stored[0])


def _console() -> Console:
    return Console(stderr=True)
