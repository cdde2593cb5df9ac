"""Run directories in, curves out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from bnrepro.config import RunConfig, recipe_id, validate
from bnrepro.errors import UserError
from bnrepro.run_directory import RunDirectory, State, find_runs, read_rows


@dataclass(frozen=True)
class FinishedRun:
    """One run that ended: finished or diverged.

    Attributes:
        directory: where it is.
        config: what it was told.
        provenance: versions, commit and machine of each process that worked on it.
        seconds: time spent in training.
        diverged: whether it ended in a non-finite loss.
        rows: its metrics, indexed by step, a column a tag; NaN where a tag has no row.
    """

    directory: RunDirectory
    config: RunConfig
    provenance: list[dict[str, Any]]
    seconds: float
    diverged: bool
    rows: pd.DataFrame


def finished_runs(runs: Path, preset: RunConfig) -> list[FinishedRun]:
    """Every ended run of a preset, by seed: runs whose config differs in the seed alone.

    Runs of the same experiment with anything else changed are samples of another curve and are
    left out.

    Raises:
        UserError: a row of such a run's metrics.jsonl cannot be read.
    """
    found = []
    for directory in find_runs(runs / preset.experiment):
        status = directory.read_status()
        if status is None or not status.state.is_final:
            continue
        try:
            content = yaml.safe_load(directory.config.read_text(encoding="utf-8"))
            config, provenance = validate(content["config"]), content["provenance"]
        except (UserError, KeyError, TypeError, OSError, yaml.YAMLError):
            continue  # damaged, or written by another version: not this preset
        if recipe_id(config) != recipe_id(preset):
            continue
        try:
            rows = pd.DataFrame(list(read_rows(directory.metrics))).set_index("step")
        except (OSError, ValueError, KeyError) as error:
            raise UserError(
                f"{directory.metrics}: {error}; remove {directory.path} and run it again"
            ) from error
        diverged = status.state is State.DIVERGED
        found.append(FinishedRun(directory, config, provenance, status.seconds, diverged, rows))
    return sorted(found, key=lambda run: run.config.seed)
