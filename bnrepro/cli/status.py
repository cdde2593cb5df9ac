"""`bnrepro status`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import Debug, Json, Runs
from bnrepro.cli.tables import show_columns, show_rows


@app.command(
    epilog=examples(
        "bnrepro status --filter state=finished --filter optim.lr=0.1 --sort -accuracy",
        "bnrepro status --filter 'experiment=fig2/*' --group-by experiment,optim.lr_multiplier",
        "bnrepro status --runs D --json",
    )
)
def status(
    runs: Runs = Path("runs"),
    conditions: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            metavar="KEY=VALUE",
            help="Only such runs: a key of the config, id, state, step or accuracy; * stands for "
            "any text. Several must all hold.",
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="KEY", help="Order by a key; -KEY: the greatest first.")
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="KEY[,KEY]",
            help="Means over seeds instead of runs: the last accuracy of those that finished.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how every run stands, also while they are going elsewhere.

    The beginning of an id is enough for any command that asks for a run.
    """
    from bnrepro.runs import find_runs, left_out
    from bnrepro.sweep import read_runs, selection

    directories = list(find_runs(runs))
    everyone = list(read_runs(directories))
    if len(everyone) < len(directories):
        shown = {run.row.directory for run in everyone}
        unreadable = [one.path for one in directories if str(one.path) not in shown]
        typer.echo(left_out(unreadable), err=True)
    keys = group_by.split(",") if group_by else []
    listed = selection.select(everyone, conditions or [])
    for key in reversed([sort] if sort else keys):
        listed = selection.sort(listed, key)
    if not listed and not as_json:
        others = f" meets that; {len(everyone)} do not" if everyone else ""
        typer.echo(f"no run under {runs}{others}")
    elif not keys:
        show_rows([run.row for run in listed], as_json)
    else:
        from bnrepro.sweep.groups import group_cells, mean_by

        groups = mean_by(listed, keys)
        if as_json:
            typer.echo(json.dumps(groups, indent=2))
        else:
            show_columns(group_cells(groups), left=keys)
