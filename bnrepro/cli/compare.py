"""`bnrepro compare`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from bnrepro.cli.app import app, examples, show_notes
from bnrepro.cli.options import ConfigDir, Debug, Json, Out, Runs, SweepOverrides, Workers
from bnrepro.cli.sweep import exit_as

if TYPE_CHECKING:
    from bnrepro.render.tables import Cells


@app.command(
    epilog=examples(
        "bnrepro compare norm=batch,none 'seed=range(3)'",
        "bnrepro compare data=mnist norm=batch,layer,group,none 'seed=range(3)' --to 0.95",
        "bnrepro compare experiment=fig2/inception,fig2/bn_x5 scale=laptop --no-train",
    )
)
def compare(
    overrides: SweepOverrides = None,
    config_dir: ConfigDir = None,
    metric: Annotated[
        str, typer.Option(help="test/accuracy, test/loss or train/loss.")
    ] = "test/accuracy",
    x: Annotated[
        Literal["step", "examples", "seconds"], typer.Option("--x", help="The picture's axis.")
    ] = "step",
    to: Annotated[
        float | None,
        typer.Option("--to", min=0, max=1, help="Count the steps to this accuracy, too."),
    ] = None,
    no_train: Annotated[
        bool, typer.Option("--no-train", help="Compare what is there; start no run.")
    ] = False,
    workers: Workers = None,
    runs: Runs = Path("runs"),
    out: Out = Path("reports"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train networks and compare them: a table with intervals, a picture, a page.

    Every combination of the overrides is a line, averaged over its seeds and compared with the
    first, seed by seed. Instead of overrides: names of experiments ('fig2/*') or runs' ids. What is
    there is not trained again. All goes to <out>/compare/. Exit codes as for `bnrepro sweep`.
    """
    from bnrepro.comparison import MEANING
    from bnrepro.comparison import compare as run_comparison
    from bnrepro.sweep import Launcher

    console = Console(stderr=as_json)
    launcher = None if no_train else Launcher(workers)
    done = run_comparison(overrides or [], metric, x, to, launcher, runs, out, console)
    files = list(map(str, done.files))
    show_notes(done.notes)
    if as_json:
        table = done.cells._asdict() if done.cells else None
        values = {"table": table, "files": files, "notes": done.notes}
        typer.echo(json.dumps(values, indent=2))
    elif done.cells:
        Console().print(_table(done.cells))
        typer.echo(MEANING)
        for file in files:
            if file.endswith((".png", ".html", "table.csv")):
                typer.echo(file)
    if done.swept is not None:
        exit_as(done.swept)


def _table(cells: "Cells") -> Table:
    table = Table(*cells.columns, box=None, header_style="bold", pad_edge=False)
    for row in cells.rows:
        table.add_row(*row)
    return table
