"""`bnrepro verify`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import Debug, Json, Runs
from bnrepro.completion import complete_run


@app.command(
    epilog=examples("bnrepro verify", "bnrepro verify RUN", "bnrepro verify --runs D --json")
)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...",
            help="Run directories, or runs' ids; none: all runs, and prepared data.",
            autocompletion=complete_run,
        ),
    ] = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare the files of runs and prepared data with their digests: a line for each damage.

    A run that is going on is compared up to its last checkpoint. Exit code 1: something is damaged.
    """
    from bnrepro.verification import verify_all, verify_runs

    if names:
        from bnrepro.runs import find_run

        done = verify_runs([find_run(name, runs) for name in names])
    else:
        done = verify_all(runs)
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2))
    else:
        for line in (*done.notes, *(f"damaged: {line}" for line in done.damage)):
            typer.echo(line)
        count = len(done.damage)
        result = f"{count} damaged file{'s' if count > 1 else ''}" if count else "no damage"
        typer.echo(f"{done.runs} run(s), {done.sets} prepared set(s): {result}")
    if done.damage:
        raise typer.Exit(1)
