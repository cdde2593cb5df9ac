"""metrics.jsonl as arrays: a long run has a million rows, and as objects they take gigabytes."""

from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnrepro.runs.rows import parse_row

Columns = dict[str, NDArray[np.float64]]
"""The values of each tag, (n,)."""


def read_columns(metrics: Path) -> tuple[NDArray[np.int64], Columns, list[str]]:
    """The rows of a metrics.jsonl that can be read, by columns; never all of them as objects.

    Steps only grow: a row that is not beyond the one before it is damaged, too.

    Returns:
        The steps (n,); each tag's values (n,), NaN where a row lacks it; and what is wrong with
        each of the rows that were left out.
    """
    steps = array("q")
    columns: dict[str, array[float]] = {}
    damage = []
    with metrics.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = parse_row(line, number)
                if steps and row["step"] <= steps[-1]:
                    raise ValueError(f"line {number} is not beyond the step before it")
                values = {tag: float(value) for tag, value in row.items() if tag != "step"}
                steps.append(int(row["step"]))
            except OverflowError:
                damage.append(f"line {number} holds a number beyond all range")
                continue
            except ValueError as error:
                damage.append(str(error))
                continue
            for tag, value in values.items():
                column = columns.setdefault(tag, array("d"))
                _fill(column, len(steps) - 1)
                column.append(value)
    for column in columns.values():
        _fill(column, len(steps))
    together = {tag: np.asarray(column) for tag, column in columns.items()}
    return np.asarray(steps), together, damage


def _fill(column: "array[float]", length: int) -> None:
    column.extend(array("d", [np.nan]) * (length - len(column)))
