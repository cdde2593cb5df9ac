"""config.yaml as every writer writes it, and a whole run directory from rows that are there."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from bnrepro.config import STORED_VERSION, RunConfig, run_id, run_path, seal
from bnrepro.runs.atomic import write_atomically
from bnrepro.runs.directory import RunDirectory, State, Status
from bnrepro.runs.rows import Row


def write_config(
    directory: RunDirectory, config: RunConfig, provenance: Sequence[dict[str, Any]]
) -> None:
    """Replace config.yaml in one move, with its digest as a last comment.

    Args:
        directory: of the run.
        config: what it was told.
        provenance: versions, commit and machine of each process that worked on it.
    """
    content = {
        "version": STORED_VERSION,
        "run_id": run_id(config),
        "config": config.model_dump(mode="json"),
        "provenance": list(provenance),
    }
    write_atomically(directory.config, seal(yaml.safe_dump(content, sort_keys=False)).encode())


def write_run(
    config: RunConfig,
    rows: Sequence[Row],
    provenance: Sequence[dict[str, Any]] = (),
    state: State = State.FINISHED,
) -> RunDirectory:
    """A run directory without training: for tests, benchmarks, and curves from elsewhere.

    Args:
        config: the run; decides where it lies.
        rows: its metrics, in order of their steps.
        provenance: as in `write_config`.
        state: where it stands; it took a minute.

    Raises:
        FileExistsError: the run is there.
    """
    directory = RunDirectory(run_path(config))
    directory.path.mkdir(parents=True)
    write_config(directory, config, provenance)
    directory.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    step = int(rows[-1]["step"]) if rows else 0
    directory.write_status(Status(state, step, config.steps, 60.0, step / 60, 1, "host"))
    return directory
