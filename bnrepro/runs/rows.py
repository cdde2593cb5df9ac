"""metrics.jsonl and histograms.jsonl, read back."""

import json
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

Row = dict[str, float | int]
"""One line of metrics.jsonl: ``step`` and whatever was recorded there, by its tag."""


class Histogram(NamedTuple):
    """One line of histograms.jsonl: the inputs to a layer's nonlinearity at one evaluation.

    Attributes:
        step: updates done.
        layer: its name in the network.
        low: left edge of the first bin.
        high: right edge of the last bin.
        counts: values in each bin; the bins are equally wide.
    """

    step: int
    layer: str
    low: float
    high: float
    counts: list[int]


_TAIL_BYTES = (4_096, 65_536)  # the second only where the first does not hold it
_NUMBERS = frozenset({int, float})


def read_rows(metrics: Path) -> Iterator[Row]:
    """The rows of a metrics.jsonl, in order.

    Raises:
        ValueError: a line is no JSON object with a step; names the line.
    """
    with metrics.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            yield parse_row(line, number)


def parse_row(line: bytes, number: int) -> Row:
    """One line of a metrics.jsonl.

    Raises:
        ValueError: it is no JSON object with a step; names the line's number.
    """
    try:
        row: Any = json.loads(line.decode())  # as bytes, json guesses at their encoding first
    except ValueError as error:
        raise ValueError(f"line {number} is no JSON row") from error
    if not isinstance(row, dict) or "step" not in row:
        raise ValueError(f"line {number} is no row with a step")
    if not are_rows([row]):
        raise ValueError(f"line {number} holds what is no number")
    return row


def are_rows(values: Sequence[Any]) -> TypeGuard[Sequence[Row]]:
    """Whether all of some JSON values are objects of numbers with a step."""
    return all(isinstance(row, dict) and "step" in row for row in values) and _NUMBERS.issuperset(
        map(type, chain.from_iterable(row.values() for row in values))
    )


def last_values(metrics: Path, tags: Collection[str]) -> Row:
    """The newest value of some tags near the end of a metrics.jsonl that may be being written.

    Args:
        metrics: the file.
        tags: what is looked for; one that is nowhere near the end is left out.
    """
    values: Row = {}
    for size in _TAIL_BYTES:
        try:
            with metrics.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - size))
                lines = file.read().split(b"\n")
        except OSError:
            return {}
        values = {}
        for line in reversed(lines):
            try:
                values = json.loads(line) | values
            except (ValueError, TypeError):
                continue  # the first line is cut by the seek, the last may be half written
            if all(tag in values for tag in tags):
                return values
    return values


def read_histograms(histograms: Path, start: int = 0) -> Iterator[tuple[Histogram, int]]:
    """The lines of a histograms.jsonl, each with the position behind it; ends at one not whole.

    Args:
        histograms: the file.
        start: position to begin at.
    """
    with histograms.open("rb") as lines:
        lines.seek(start)
        for line in iter(lines.readline, b""):
            try:
                histogram = Histogram(**json.loads(line))
            except (ValueError, TypeError):
                return
            if not line.endswith(b"\n"):
                return
            yield histogram, lines.tell()
