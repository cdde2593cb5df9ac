"""Runs that ended, found by what they compute: the one way from run directories to curves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bnrepro.config import RunConfig, read_stored, recipe_id
from bnrepro.runs.columns import read_columns
from bnrepro.runs.directory import RunDirectory, State, Status
from bnrepro.runs.store import find_runs, left_out
from bnrepro.runs.tags import TEST_ACCURACY


@dataclass(frozen=True, eq=False)
class EndedRun:
    """One run that ended: finished or diverged.

    Attributes:
        directory: where it is.
        config: what it was told.
        provenance: versions, commit and machine of each process that worked on it.
        seconds: time spent in training.
        diverged: whether it ended in a non-finite loss or parameter.
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

    @property
    def seed(self) -> int:
        """Runs of two networks with the same seed are compared."""
        return self.config.seed

    @property
    def accuracy(self) -> pd.Series:
        """Held-out accuracy, a fraction, by step."""
        return self.recorded(TEST_ACCURACY)

    def recorded(self, tag: str) -> pd.Series:
        """The values of a tag, by step, where it has one. Many tables and pictures ask for it."""
        if tag not in self._recorded:
            self._recorded[tag] = self.rows[tag].dropna()
        return self._recorded[tag]

    @cached_property
    def _recorded(self) -> dict[str, pd.Series]:
        return {}

    @property
    def chance(self) -> float:
        """The accuracy of guessing; NaN where the number of classes is not known."""
        classes = self.config.data.classes
        return 1 / classes if classes else float("nan")


@dataclass(frozen=True)
class _Found:
    """A run that ended, whose rows are read when they are wanted; several studies may want it."""

    directory: RunDirectory
    status: Status
    config: RunConfig
    provenance: list[dict[str, Any]]

    @cached_property
    def run(self) -> EndedRun | None:
        """None: it has no row that can be read."""
        rows, damage = _read_rows(self.directory.metrics)
        if rows.empty:
            return None
        diverged = self.status.state is State.DIVERGED
        return EndedRun(
            self.directory,
            self.config,
            self.provenance,
            self.status.seconds,
            diverged,
            rows,
            damage,
        )


@dataclass(frozen=True)
class EndedRuns:
    """Every ended run below a folder.

    Attributes:
        folder: of the run directories.
        notes: a sentence on what was left out.
    """

    folder: Path
    notes: list[str] = field(default_factory=list)

    @cached_property
    def _by_recipe(self) -> dict[str, list[_Found]]:
        recipes: dict[str, list[_Found]] = {}
        unreadable = []
        for directory in find_runs(self.folder):
            status = directory.read_status()
            if status is None or not status.state.is_final:
                continue
            stored = _read_config(directory.config, directory.config.stat().st_mtime_ns)
            if stored is None:
                unreadable.append(directory.path)
                continue
            found = _Found(directory, status, *stored)
            recipes.setdefault(recipe_id(found.config), []).append(found)
        if unreadable:
            self.notes.append(left_out(unreadable))
        return recipes

    def of(self, config: RunConfig) -> list[EndedRun]:
        """The ended runs that compute what a config says, whatever their seed, by seed.

        Rows that cannot be read are skipped and counted. A seed that was run twice counts once.
        """
        by_seed: dict[int, EndedRun] = {}
        for found in self._by_recipe.get(recipe_id(config), []):
            run = found.run
            if run is None:
                self._note(f"{found.directory.path}: left out, metrics.jsonl holds no row")
                continue
            by_seed.setdefault(run.seed, run)
            if run.damage:
                self._note(_damage_note(run))
        return [by_seed[seed] for seed in sorted(by_seed)]

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def union_of_provenance(runs: Sequence[EndedRun]) -> list[dict[str, Any]]:
    """Every combination of machine, versions and commit that some runs were made with."""
    provenance: list[dict[str, Any]] = []
    for run in runs:
        provenance += [entry for entry in run.provenance if entry not in provenance]
    return provenance


def _damage_note(run: EndedRun) -> str:
    skipped = len(run.damage)
    shown = ", ".join(run.damage[:3]) + (", ..." if skipped > 3 else "")
    return f"{run.directory.metrics}: {skipped} row{'s' if skipped > 1 else ''} skipped: {shown}"


# Several parts of a command look for runs: a file that has not changed is read once.
@cache
def _read_config(file: Path, modified: int) -> tuple[RunConfig, list[dict[str, Any]]] | None:
    del modified
    return read_stored(file)


def _read_rows(file: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    try:
        steps, columns, damage = read_columns(file)
    except OSError:
        return pd.DataFrame(), ()
    return pd.DataFrame(columns, index=pd.Index(steps, name="step"), copy=False), tuple(damage)
