"""`bnrepro doctor`."""

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import Debug, Json, Runs


@app.command(
    epilog=examples("bnrepro doctor", "bnrepro doctor --json", "BNREPRO_DATA=D bnrepro doctor")
)
def doctor(runs: Runs = Path("runs"), as_json: Json = False, debug: Debug = False) -> None:
    """Show versions, devices, data and disk, and what to do about what is missing."""
    from bnrepro.doctor import examine

    findings = examine(runs)
    if as_json:
        typer.echo(json.dumps([finding._asdict() for finding in findings], indent=2))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in findings:
        table.add_row(finding.subject, escape(finding.value), escape(finding.advice))
    Console().print(table)
