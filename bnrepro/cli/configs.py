"""`bnrepro list` and `bnrepro config`."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import ConfigDir, Debug, Json, Overrides, Runs


@app.command(
    "list", epilog=examples("bnrepro list", "bnrepro list --json", "bnrepro list --runs D")
)
def list_presets(
    config_dir: ConfigDir = None,
    runs: Runs = Path("runs"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the studies, experiments, scales and data sets, and which runs exist."""
    from bnrepro.config.groups import options
    from bnrepro.runs import count_runs, left_out
    from bnrepro.studies.registry import COLLECTIONS, studies

    groups = {"study": {one.name: one.question for one in studies()}, "collection": COLLECTIONS}
    groups |= {group: options(group) for group in ("experiment", "scale", "data")}
    counts, unreadable = count_runs(runs)
    if unreadable:
        typer.echo(left_out(unreadable), err=True)
    if as_json:
        typer.echo(json.dumps({**groups, "runs": counts}, indent=2))
        return
    console = Console()
    for group, described in groups.items():
        is_counted = group in counts  # a study has no runs of its own: lines are shared
        columns = [group, "what it is", "runs"] if is_counted else [group, "what it is"]
        table = Table(*columns, box=None, header_style="bold", pad_edge=False)
        for name, description in described.items():
            row = [name, description]
            if is_counted:
                states = counts[group].get(name, {})
                row.append(", ".join(f"{n} {state}" for state, n in states.items()) or "-")
            table.add_row(*row)
        console.print(table)
        console.print()


@app.command(
    epilog=examples(
        "bnrepro config",
        "bnrepro config experiment=fig1/with_bn --explain",
        "bnrepro config model=cnn norm=group --json",
    )
)
def config(
    overrides: Overrides = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add each field's meaning and where it comes from.")
    ] = False,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print what the overrides resolve to, and the id of the run."""
    import yaml

    from bnrepro.config import load, run_id
    from bnrepro.config.explain import explain as explain_fields

    resolved = load(overrides or [])
    if explain and as_json:
        fields = [field._asdict() for field in explain_fields(resolved)]
        typer.echo(json.dumps(fields, indent=2))
    elif explain:
        table = Table("key", "value", "meaning", box=None, header_style="bold", pad_edge=False)
        for field in explain_fields(resolved):
            table.add_row(field.key, escape(str(field.value)), escape(field.meaning))
        Console().print(table)
    elif as_json:
        values = {"run_id": run_id(resolved), "config": resolved.model_dump(mode="json")}
        typer.echo(json.dumps(values, indent=2))
    else:
        typer.echo(f"# run id {run_id(resolved)}")
        typer.echo(yaml.safe_dump(resolved.model_dump(mode="json"), sort_keys=False), nl=False)
