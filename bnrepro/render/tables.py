"""A study's numbers: as files, and as cells of a table."""

import csv
import json
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bnrepro.measure.intervals import INTERVAL
from bnrepro.measure.wording import interval, number, seeds
from bnrepro.runs.ended import EndedRun, union_of_provenance
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Column, Line, OwnTable, Study, Table

_BLOCK = 10_000  # rows written at once
_SETUP = "setup.json"
_NEVER = " never"
_LEAVES_OUT = "A mean leaves out the seeds that never get there, and so is too good."


class Cells(NamedTuple):
    """A table as it is shown.

    Attributes:
        columns: headings.
        rows: a text a column.
        note: below it; empty: nothing is to be said.
    """

    columns: list[str]
    rows: list[list[str]]
    note: str = ""


def write_numbers(evidence: Evidence, numbers: pd.DataFrame | None, folder: Path) -> None:
    """``curves.csv`` (every seed), ``bands.csv`` (means), ``table.csv`` and ``setup.json``.

    Args:
        evidence: of the study.
        numbers: its table, by `table_numbers`.
        folder: to write to.
    """
    if any(evidence.runs.values()):
        _write_long(evidence.curves(), folder / "curves.csv")
        _write_long(evidence.bands(), folder / "bands.csv")
    if numbers is not None and len(numbers):
        write_csv(numbers, folder / "table.csv")
    content: dict[str, Any] = {
        "interval": INTERVAL,
        "paper": evidence.study.paper,
        "lines": {label: _setup(runs) for label, runs in evidence.runs.items() if runs},
    }
    (folder / _SETUP).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def fewer_than_before(evidence: Evidence) -> list[str]:
    """A sentence on each line that has more seeds in the results which these would replace."""
    try:
        before = json.loads((evidence.folder / _SETUP).read_text("utf-8"))["lines"]
        seeds_before = {label: len(line["seeds"]) for label, line in before.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []  # there are none, or others than ours
    return [
        f"{evidence.folder}: {label}: {len(evidence.runs.get(label, []))} seeds, and {count} in "
        "the results that are replaced"
        for label, count in seeds_before.items()
        if len(evidence.runs.get(label, [])) < count
    ]


def write_csv(table: pd.DataFrame, file: Path) -> None:
    """Six significant digits, no index."""
    table.to_csv(file, index=False, float_format="%.6g")


def _write_long(tables: Iterable[tuple[dict[str, str | int], pd.DataFrame]], file: Path) -> None:
    """Tables below each other, what each is of in the first columns; never all in memory."""
    with file.open("w", encoding="utf-8", newline="") as written:
        writer = csv.writer(written, lineterminator="\n")
        header = True
        for names, table in tables:
            if header:
                writer.writerow([*names, *table.columns])
                header = False
            for start in range(0, len(table), _BLOCK):
                block = table.iloc[start : start + _BLOCK]
                # DataFrame.to_csv takes three times as long for the same bytes.
                columns = [_texts(block[name]) for name in block]
                writer.writerows(zip(*map(repeat, names.values()), *columns, strict=False))
            del table  # before the next one is made


def _texts(column: pd.Series) -> list[str]:
    """As `write_csv` has them."""
    if column.dtype.kind == "f":
        return ["" if value != value else f"{value:.6g}" for value in column.tolist()]
    return column.astype(str).tolist()


def _setup(runs: list[EndedRun]) -> dict[str, Any]:
    return {
        "seeds": [run.seed for run in runs],
        "diverged_seeds": [run.seed for run in runs if run.diverged],
        "seconds": [run.seconds for run in runs],
        "config": runs[0].config.model_dump(
            mode="json", exclude={"runtime": True, "seed": True, "data": {"root"}}
        ),
        "provenance": union_of_provenance(runs),
    }


def table_numbers(evidence: Evidence) -> pd.DataFrame | None:
    """The study's table as numbers; None: it has none."""
    table = evidence.study.table
    if isinstance(table, OwnTable):
        return table.rows(evidence)
    if table is None:
        return None
    rows = []
    for line in evidence.study.lines:
        runs = evidence.runs[line.label]
        if not runs:
            continue
        row: dict[str, Any] = {
            "line": line.label,
            "n": len(runs),
            "diverged": sum(run.diverged for run in runs),
        }
        for column in table.columns:
            row |= _column_numbers(evidence, line, column)
        rows.append(row)
    return pd.DataFrame(rows)


def _is_beside_paper(column: Column, study: Study) -> bool:
    """Whether the paper has the number of some line."""
    return any(column.quantity.name in line.numbers for line in study.lines)


def _column_numbers(evidence: Evidence, line: Line, column: Column) -> dict[str, float]:
    measured = evidence.sample(column.quantity, line.label)
    name = column.quantity.name
    numbers = {
        name: measured.mean.mean,
        f"{name}_low": measured.mean.low,
        f"{name}_high": measured.mean.high,
        f"{name}_never": measured.never,
    }
    if _is_beside_paper(column, evidence.study):
        numbers[f"{name}_paper"] = line.numbers.get(name, np.nan)
    return numbers


def table_cells(evidence: Evidence) -> Cells | None:
    """The study's table as it is shown; None: it has none, or nothing ran."""
    return cells_of(table_numbers(evidence), evidence)


def cells_of(numbers: pd.DataFrame | None, evidence: Evidence) -> Cells | None:
    """Likewise, of what `table_numbers` found before: it measures every seed."""
    if numbers is None or numbers.empty:
        return None
    table = evidence.study.table
    if isinstance(table, OwnTable):
        shown = table.cells(numbers)
        return Cells([*shown.columns], shown.astype(str).to_numpy().tolist())
    assert isinstance(table, Table)
    columns = ["line", "seeds"]
    for column in table.columns:
        is_beside_paper = _is_beside_paper(column, evidence.study)
        columns += (
            [f"{column.heading}, here", evidence.study.numbers_of]
            if is_beside_paper
            else [column.heading]
        )
    rows = []
    for row in numbers.to_dict("records"):
        cells = [row["line"], seeds(row["n"], diverged=row["diverged"])]
        for column in table.columns:
            name = column.quantity.name
            mean, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
            is_itself = column.quantity.is_difference and row["line"] == evidence.study.reference
            cells.append(
                "-" if is_itself else _cell(mean, low, high, row[f"{name}_never"], column.form)
            )
            if _is_beside_paper(column, evidence.study):
                cells.append(number(row[f"{name}_paper"], column.form))
        rows.append(cells)
    leaves_out = any(cell.endswith(_NEVER) for cells in rows for cell in cells)
    return Cells(columns, rows, _LEAVES_OUT if leaves_out else "")


def _cell(mean: float, low: float, high: float, never: int, form: str) -> str:
    if not never:  # nothing to measure, or to compare with, is another thing than not run
        return "undefined" if np.isnan(mean) else interval(mean, low, high, form)
    if np.isnan(mean):
        return "never"
    return f"{interval(mean, low, high, form)}; {never}{_NEVER}"
