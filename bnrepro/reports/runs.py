"""Run directories in, curves out."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bnrepro.config import RunConfig, differences, preset, read_stored
from bnrepro.runs import RunDirectory, State, find_runs, read_good_rows


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
        damage: what is wrong with the rows that were skipped.
    """

    directory: RunDirectory
    config: RunConfig
    provenance: list[dict[str, Any]]
    seconds: float
    diverged: bool
    rows: pd.DataFrame
    damage: tuple[str, ...] = ()


class EndedRuns(NamedTuple):
    """The ended runs of a preset.

    Attributes:
        runs: by seed.
        notes: a sentence for each kind of run that was left out, and for each damaged run.
    """

    runs: list[FinishedRun]
    notes: list[str]


def ended_runs(runs: Path, experiment: str, scale: str, *overrides: str) -> EndedRuns:
    """Every ended run of a preset, and what was left out.

    Runs of the same experiment and scale with anything but the seed changed are samples of another
    curve: they are counted, never averaged in. Rows that cannot be read are skipped and counted.

    Args:
        runs: folder of the run directories.
        experiment: the preset.
        scale: which scale's runs.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        UserError: there are runs of that experiment and scale, and an override is wrong.
    """
    found = []
    left_out: Counter[str] = Counter()
    for directory in find_runs(runs / experiment):
        status = directory.read_status()
        if status is None or not status.state.is_final:
            continue
        told = _read_config(directory.config, directory.config.stat().st_mtime_ns)
        if told is None:
            left_out["config.yaml cannot be read, or is another version's"] += 1
            continue
        config, provenance = told
        if (config.experiment, config.scale) != (experiment, scale):
            continue
        if changed := differences(config, preset(experiment, scale, *overrides)):
            left_out[f"different in {', '.join(changed)}"] += 1
            continue
        rows, damage = _read_rows(directory.metrics, _modified(directory.metrics))
        if rows.empty:
            left_out["metrics.jsonl holds no row"] += 1
            continue
        diverged = status.state is State.DIVERGED
        found.append(
            FinishedRun(directory, config, provenance, status.seconds, diverged, rows, damage)
        )
    found.sort(key=lambda run: run.config.seed)
    notes = [
        f"{experiment}: {count} run{'s' if count > 1 else ''} left out, {why}"
        for why, count in sorted(left_out.items())
    ]
    return EndedRuns(found, notes + [_damage_note(run) for run in found if run.damage])


def _damage_note(run: FinishedRun) -> str:
    skipped = len(run.damage)
    shown = ", ".join(run.damage[:3]) + (", ..." if skipped > 3 else "")
    return (
        f"{run.config.experiment}/{run.directory.path.name}/metrics.jsonl: "
        f"{skipped} row{'s' if skipped > 1 else ''} skipped: {shown}"
    )


# A report draws several figures from the same runs: a file that has not changed is read once.
@cache
def _read_config(file: Path, modified: int) -> tuple[RunConfig, list[dict[str, Any]]] | None:
    del modified
    return read_stored(file)


@cache
def _read_rows(file: Path, modified: int) -> tuple[pd.DataFrame, tuple[str, ...]]:
    del modified
    try:
        rows, damage = read_good_rows(file)
    except OSError:
        rows, damage = [], []
    table = pd.DataFrame.from_records(rows, index="step") if rows else pd.DataFrame()
    return table, tuple(damage)


def _modified(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0
