"""metrics.jsonl as arrays: a long run has a million rows, and as objects they take gigabytes."""

import json
from array import array
from collections.abc import Sequence
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnrepro.runs.rows import Row, are_rows, parse_row

Columns = dict[str, NDArray[np.float64]]
"""The values of each tag, (n,)."""

_BLOCK = 512  # rows that are objects at a time


def read_columns(metrics: Path) -> tuple[NDArray[np.int64], Columns, list[str]]:
    """The rows of a metrics.jsonl that can be read, by columns; never all of them as objects.

    Steps only grow: a row that is not beyond the one before it is damaged, too.

    Returns:
        The steps (n,); each tag's values (n,), NaN where a row lacks it; and what is wrong with
        each of the rows that were left out.
    """
    table = _Table()
    damage: list[str] = []
    number = 0  # of the line before
    with metrics.open("rb") as lines:
        while block := [*islice(lines, _BLOCK)]:
            if not table.add_together(block):
                damage += table.add_one_by_one(block, number + 1)
            number += len(block)
    return (*table.steps_and_columns(), damage)


class _Table:
    """Rows that were read so far, by columns."""

    def __init__(self) -> None:
        self.steps = array("q")
        self.columns: dict[str, array[float]] = {}

    def add_together(self, lines: Sequence[bytes]) -> bool:
        """Add undamaged lines, in a third of the time; False: one is damaged, none was added."""
        # Halves of an object on lines of their own would pass for one.
        if not all(line.startswith(b"{") and line.rstrip().endswith(b"}") for line in lines):
            return False
        try:
            rows = json.loads(f"[{b','.join(lines).decode()}]")
        except ValueError:
            return False
        if len(rows) != len(lines) or not are_rows(rows):
            return False
        try:
            self._add(rows)
        except (OverflowError, ValueError):
            return False
        return True

    def add_one_by_one(self, lines: Sequence[bytes], first: int) -> list[str]:
        """Add the undamaged ones of some lines, of which the first has this number; the damage."""
        damage = []
        for number, line in enumerate(lines, start=first):
            try:
                self._add([parse_row(line, number)])
            except OverflowError:
                damage.append(f"line {number} holds a number beyond all range")
            except _StepError:
                damage.append(f"line {number} is not beyond the step before it")
            except ValueError as error:
                damage.append(str(error))
        return damage

    def _add(self, rows: Sequence[Row]) -> None:
        """All of the rows; on an error none of them."""
        steps = array("q", [int(row["step"]) for row in rows])
        before = self.steps[-1:]
        if any(step <= earlier for earlier, step in pairwise(chain(before, steps))):
            raise _StepError
        tags = dict.fromkeys(chain.from_iterable(rows))
        added = {tag: array("d", [row.get(tag, np.nan) for row in rows]) for tag in tags}
        del added["step"]
        for tag, values in added.items():
            column = self.columns.setdefault(tag, array("d"))
            _fill(column, len(self.steps))
            column.extend(values)
        self.steps.extend(steps)

    def steps_and_columns(self) -> tuple[NDArray[np.int64], Columns]:
        """As `read_columns` returns them."""
        for column in self.columns.values():
            _fill(column, len(self.steps))
        together = {tag: np.asarray(column) for tag, column in self.columns.items()}
        return np.asarray(self.steps), together


class _StepError(ValueError):
    """A step that is not beyond the one before it."""


def _fill(column: "array[float]", length: int) -> None:
    column.extend(array("d", [np.nan]) * (length - len(column)))
