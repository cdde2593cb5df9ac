"""The application, and what its commands have in common."""

from collections.abc import Iterable

import typer
from rich.markup import escape

app = typer.Typer(
    name="bnrepro",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Reproduces the Batch Normalization paper (Ioffe & Szegedy, 2015), with error bars, and "
    "compares any networks in the same way. To begin: bnrepro compare norm=batch,none",
)
data_app = typer.Typer(
    no_args_is_help=True, help="List, download, verify and prepare the data sets."
)
app.add_typer(data_app, name="data")

settings = {"debug": False}
"""What options of every command set."""


def examples(*lines: str) -> str:
    """The end of a command's help."""
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  {escape(line)}" for line in lines)])


def show_notes(notes: Iterable[str]) -> None:
    """What was left out or replaced, beside the output that scripts read."""
    for note in notes:
        typer.echo(f"note: {note}", err=True)
