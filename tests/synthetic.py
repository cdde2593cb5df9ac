"""Run directories written without training."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from bnrepro.config import RunConfig, load, run_id
from bnrepro.runs import RunDirectory, State, Status

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


@cache
def _config(*overrides: str) -> RunConfig:
    return load(overrides)


def write_run(
    runs: Path,
    experiment: str,
    curves: Mapping[str, Sequence[float]],
    overrides: Sequence[str] = (),
    seed: int = 0,
    diverged: bool = False,
) -> RunDirectory:
    """A run of scale smoke that ended, evaluated every 10 steps: the values of each tag.

    A run of the fully connected networks gets percentiles of its last layer, unless they are given.
    """
    config = _config(f"experiment={experiment}", "scale=smoke", *overrides)
    config = config.model_copy(update={"seed": seed})
    directory = RunDirectory(runs / experiment / run_id(config))
    directory.path.mkdir(parents=True)
    length = max(len(values) for values in curves.values())
    tags = dict(curves)
    if experiment.startswith("fig1"):
        for which in ("unit", "all"):
            for percentile in (15, 50, 85):
                tags.setdefault(
                    f"probe/hidden.2/{which}/p{percentile}", [0.1 * percentile] * length
                )
    rows = [
        {"step": 10 * i} | {tag: values[i] for tag, values in tags.items() if i < len(values)}
        for i in range(length)
    ]
    directory.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = {
        "run_id": run_id(config),
        "config": config.model_dump(mode="json"),
        "provenance": [PROVENANCE],
    }
    directory.config.write_text(yaml.safe_dump(content, sort_keys=False))
    state = State.DIVERGED if diverged else State.FINISHED
    directory.write_status(Status(state, 10 * (length - 1), config.steps, 60.0, 1.0, 1, "host"))
    return directory
