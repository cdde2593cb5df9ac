"""Figure 4, the table: single crop, 144 crops, and the ensemble of six."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from bnrepro.config import RunConfig
from bnrepro.paper.figure4 import ENSEMBLE_SIZE, FIGURE_4, Figure4Row
from bnrepro.predictions import Method, Predictions, ensemble, read_predictions
from bnrepro.reports.figures import (
    NothingRunError,
    Runs,
    Written,
    collect,
    folder_of,
    write_csv,
    write_setup,
)
from bnrepro.reports.runs import FinishedRun
from bnrepro.reports.wording import interval
from bnrepro.statistics import band

MEMBERS = tuple(f"fig4/member_{number}" for number in range(1, ENSEMBLE_SIZE + 1))

_ENSEMBLE = "ensemble"
_NOT_RUN = "not run here"
_ERRORS = ("top1_error", "top5_error")
_COLUMNS = ["model", "resolution", "crops", "models", "seeds", "top-1 error, here", "paper"]
COLUMNS = [*_COLUMNS, "top-5 error, here", "paper"]
"""Of the table as it is shown."""


class _Measured(NamedTuple):
    """A network, or the ensemble of a seed, evaluated in one way; a row of ``fig4.csv``."""

    seed: int
    model: str
    crops: int
    examples: int
    top1_error: float
    top5_error: float


def write_fig4(runs: Path, scale: str, results: Path, overrides: list[str]) -> Written:
    """Write Figure 4: errors of the members and of their ensemble, beside the paper's table.

    ``fig4.csv`` (every network and ensemble of every seed), ``table.csv`` and ``fig4.md`` (the rows
    of the paper, means over members and seeds), ``setup.json``. From predictions that `bnrepro
    evaluate` or `bnrepro reproduce fig4` kept in the run directories. A seed whose six members are
    not all there has no ensemble, and is named.

    Args:
        runs: folder of the run directories.
        scale: which scale's runs.
        results: the results folder.
        overrides: what else the runs were told, besides their experiment, scale and seed.

    Raises:
        UserError: no member has run and been evaluated, or the results cannot be written.
    """
    found = collect("fig4", list(MEMBERS), runs, scale, overrides)
    measured, notes = _measure(found)
    if not measured:
        raise NothingRunError(
            f"fig4: no member at scale={scale} under {runs} has been evaluated; run "
            f"`bnrepro reproduce fig4 --scale {scale}`",
            list(MEMBERS),
        )
    folder = folder_of("fig4", results, scale, overrides)
    write_csv(pd.DataFrame(measured), folder / "fig4.csv")
    table = _table(pd.DataFrame(measured), next(run.config for run in _all(found)))
    write_csv(table, folder / "table.csv")
    write_setup(found, "Figure 4 of the paper; errors on ImageNet", folder / "setup.json")
    (folder / "fig4.md").write_text(_markdown(table, scale, overrides), encoding="utf-8")
    missing = [name for name, ended in found.items() if not ended]
    return Written(folder, missing, (*found.notes, *notes))


def methods_of(config: RunConfig) -> list[Method]:
    """How a member is evaluated: as in training, on the centre and on 144 crops."""
    evaluation = config.evaluation
    batches = evaluation.population_batches if evaluation.statistics != "moving" else 0
    return [Method(evaluation.statistics, batches, crops) for crops in (1, 144)]


def fig4_cells(folder: Path) -> list[list[str]]:
    """The rows of `COLUMNS`, read back from ``table.csv``."""
    return _cells(
        pd.read_csv(folder / "table.csv", dtype={"resolution": str, "paper_resolution": str})
    )


def _all(found: Runs) -> list[FinishedRun]:
    return [run for ended in found.values() for run in ended]


def _measure(found: Runs) -> tuple[list[_Measured], list[str]]:
    """Every member, and the ensemble of every seed that has all six; what is absent."""
    rows: list[_Measured] = []
    notes: list[str] = []
    for seed in sorted({run.config.seed for run in _all(found)}):
        members = {
            name: run
            for name, ended in found.items()
            for run in ended
            if run.config.seed == seed and not run.diverged
        }
        for method in methods_of(next(iter(members.values())).config) if members else ():
            made = {
                name: predictions
                for name, run in members.items()
                if (predictions := read_predictions(run.directory, method)) is not None
            }
            rows += [_row(seed, name, method, one) for name, one in made.items()]
            if len(made) == ENSEMBLE_SIZE:
                together = ensemble(list(made.values()))
                rows.append(_row(seed, _ENSEMBLE, method, together))
            else:
                absent = ", ".join(name for name in MEMBERS if name not in made)
                notes.append(
                    f"fig4: seed {seed} has no ensemble on {method.crops} crops: {absent} not run "
                    "to the end or not evaluated"
                )
    return rows, notes


def _row(seed: int, name: str, method: Method, made: Predictions) -> _Measured:
    model = name.removeprefix("fig4/")
    errors = (1 - made.accuracy(1), 1 - made.accuracy(5))
    return _Measured(seed, model, method.crops, len(made), *errors)


def _table(measured: pd.DataFrame, config: RunConfig) -> pd.DataFrame:
    """The rows of the paper: errors here, as means over seeds of the mean over members."""
    rows = []
    for row in FIGURE_4:
        rows.append(
            {
                "model": row.model,
                "resolution": str(config.input_size) if row.is_ours else row.resolution,
                "crops": row.crops,
                "models": row.models,
                **_here(measured, row),
                "paper_top1_error": row.top1_error,
                "paper_top5_error": row.top5_error,
            }
        )
    return pd.DataFrame(rows).astype({"crops": "Int64", "models": "Int64"})


def _here(measured: pd.DataFrame, row: Figure4Row) -> dict[str, float]:
    of_crops = measured[measured["crops"] == row.crops] if row.is_ours else measured[:0]
    is_ensemble = of_crops["model"] == _ENSEMBLE
    of_row = of_crops[is_ensemble if row.models == ENSEMBLE_SIZE else ~is_ensemble]
    by_seed = of_row.groupby("seed")[list(_ERRORS)].mean()
    here: dict[str, float] = {"seeds": len(by_seed)}
    for error in _ERRORS:
        mean = low = high = np.nan
        if len(by_seed):
            over_seeds = band(by_seed[[error]].to_numpy(dtype=np.float64))
            mean, low, high = (float(part[0]) for part in over_seeds[:3])
        here |= {error: mean, f"{error}_low": low, f"{error}_high": high}
    return here


def _cells(table: pd.DataFrame) -> list[list[str]]:
    cells = []
    for row in table.to_dict("records"):
        counts = ["-" if pd.isna(row[key]) else str(int(row[key])) for key in ("crops", "models")]
        errors = []
        for error in _ERRORS:
            mean, low, high = (100 * row[f"{error}{end}"] for end in ("", "_low", "_high"))
            errors.append(f"{interval(mean, low, high, '.2f')} %" if row["seeds"] else _NOT_RUN)
            errors.append(_percent(row[f"paper_{error}"]))
        seeds = str(row["seeds"]) if row["seeds"] else "-"
        cells.append([row["model"], row["resolution"], *counts, seeds, *errors])
    return cells


def _percent(error: float) -> str:
    return "-" if np.isnan(error) else f"{100 * error:.4g} %"


def _markdown(table: pd.DataFrame, scale: str, overrides: list[str]) -> str:
    lines = [
        f"# Figure 4, scale {scale}{' ' if overrides else ''}{' '.join(overrides)}",
        "",
        "Single networks: the mean over the six members. Errors on held-out data of this scale; "
        "the paper's are on ImageNet.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
        *(f"| {' | '.join(row)} |" for row in _cells(table)),
    ]
    return "\n".join(lines) + "\n"
