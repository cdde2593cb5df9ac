"""Runs made up for the purpose: as directories, and as what is read of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from bnrepro.config import RunConfig, preset
from bnrepro.runs import Row, RunDirectory, State
from bnrepro.runs import write_run as write_directory
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import PERCENTILES, TEST_ACCURACY, activation_input

PROVENANCE = {
    "bnrepro": "0.1.0",
    "git_commit": "0123456789ab",
    "python": "3.12.1",
    "torch": "2.15.0",
    "numpy": "2.4.6",
    "system": "Linux",
    "processor": "a processor",
    "device": "cpu",
    "threads": 1,
    "compiled": True,
}

LAST_LAYER = "hidden.2"


def config_of(
    runs: Path, experiment: str, *overrides: str, scale: str = "smoke", seed: int = 0
) -> RunConfig:
    """The config of a run below a folder."""
    config = preset(experiment, scale, *overrides)
    runtime = config.runtime.model_copy(update={"runs": str(runs)})
    return config.model_copy(update={"seed": seed, "runtime": runtime})


def write_run(
    runs: Path,
    experiment: str,
    curves: Mapping[str, Sequence[float]],
    overrides: Sequence[str] = (),
    seed: int = 0,
    diverged: bool = False,
    scale: str = "smoke",
    every: int = 10,
) -> RunDirectory:
    """A run that ended, evaluated at every so many steps: the values of each tag.

    A run of the fully connected networks gets percentiles of its last layer, unless they are given.
    """
    tags = dict(curves)
    length = max(len(values) for values in tags.values())
    if experiment.startswith("fig1"):
        for which in ("unit", "all"):
            for percentile in PERCENTILES:
                tag = activation_input(LAST_LAYER, which, percentile)
                tags.setdefault(tag, [0.1 * percentile] * length)
    rows: list[Row] = [
        {"step": every * i} | {tag: values[i] for tag, values in tags.items() if i < len(values)}
        for i in range(length)
    ]
    config = config_of(runs, experiment, *overrides, scale=scale, seed=seed)
    state = State.DIVERGED if diverged else State.FINISHED
    return write_directory(config, rows, [PROVENANCE], state)


def ended_run(
    accuracy: Mapping[int, float] | Sequence[float],
    seed: int = 0,
    diverged: bool = False,
    tags: Mapping[str, Sequence[float]] | None = None,
) -> EndedRun:
    """A run of ten classes (chance: 0.1) that ended, as it is read.

    Args:
        accuracy: by step, or of evaluations 10 steps apart.
        seed: of the run.
        diverged: whether it ended so.
        tags: values of other tags, at the same steps.
    """
    curve = dict(accuracy) if isinstance(accuracy, Mapping) else dict(enumerate(accuracy))
    factor = 1 if isinstance(accuracy, Mapping) else 10
    steps = pd.Index([factor * step for step in curve], name="step")
    rows = pd.DataFrame({TEST_ACCURACY: [*curve.values()], **(tags or {})}, index=steps)
    told = {"seed": seed, "inception_steps": max(1, int(steps.max()))}
    config = preset("fig1/with_bn", "smoke").model_copy(update=told)
    return EndedRun(RunDirectory(Path()), config, [PROVENANCE], 60.0, diverged, rows)
