"""Tables of runs in a terminal."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from bnrepro.sweep import RunRow


def show_rows(rows: "Sequence[RunRow]", as_json: bool) -> None:
    """How runs stand: a line each, and one for the whole."""
    from bnrepro.sweep.table import TEXT_COLUMNS, cells, summary

    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], indent=2))
    else:
        show_columns(cells(rows), left=TEXT_COLUMNS)
        typer.echo(summary(rows))


def show_columns(columns: Mapping[str, Sequence[str]], left: Sequence[str]) -> None:
    """Columns of text, nothing of them cut off, whatever the width.

    Args:
        columns: by heading, each as long as the others.
        left: those that are set to the left.
    """
    aligned = []
    for heading, column in columns.items():
        width = max(map(len, (heading, *column)))
        align = str.ljust if heading in left else str.rjust
        aligned.append([align(text, width) for text in (heading, *column)])
    for line in zip(*aligned, strict=True):
        typer.echo("  ".join(line).rstrip())
