"""`bnrepro figure`, `report`, `reproduce` and `dashboard`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import (
    Debug,
    Gpus,
    Hours,
    Html,
    Json,
    Overrides,
    Partition,
    Results,
    Runs,
    Slurm,
    Workers,
)
from bnrepro.cli.sweep import exit_as
from bnrepro.errors import UserError

if TYPE_CHECKING:
    from bnrepro.reports.report import Report


@app.command(
    epilog=examples(
        "bnrepro figure fig1",
        "bnrepro figure fig1 --scale smoke",
        "bnrepro figure fig1 --results D optim.lr_multiplier=5",
    )
)
def figure(
    name: Annotated[str, typer.Argument(help="Which figure: fig1 to fig4, statistics.")],
    overrides: Overrides = None,
    scale: Annotated[str, typer.Option(help="Draw the runs of this scale.")] = "laptop",
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw a figure from finished runs, with its numbers as CSV, into results/<scale>/<figure>.

    Overrides choose runs that were made with the same overrides.
    """
    from bnrepro.reports import FIGURES

    if name not in FIGURES:
        raise UserError(f"{name}: no such figure; choose from {', '.join(FIGURES)}")
    drawn = FIGURES[name](runs, scale, results, overrides or [])
    files = sorted(map(str, drawn.folder.iterdir()))
    for note in drawn.notes:
        typer.echo(note, err=True)
    if as_json:
        values = {"folder": str(drawn.folder), "files": files, "not_run": drawn.missing}
        typer.echo(json.dumps({**values, "notes": drawn.notes}))
        return
    for experiment in drawn.missing:
        typer.echo(
            f"{experiment}: not run; `bnrepro train experiment={experiment} scale={scale}` adds it"
        )
    for file in files:
        typer.echo(file)


@app.command(
    epilog=examples(
        "bnrepro report",
        "bnrepro report --scale smoke --html",
        "bnrepro report --runs D --results D --json",
    )
)
def report(
    scale: Annotated[str, typer.Option(help="Report on the runs of this scale.")] = "laptop",
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
    html: Html = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write results/<scale>/REPORT.md: every figure that has runs, and the claims with verdicts."""
    from bnrepro.reproduce import report as write_report

    _show_report(write_report(runs, scale, results, html), scale, as_json)


def _show_report(written: "Report", scale: str, as_json: bool) -> None:
    for note in written.notes:
        typer.echo(note, err=True)
    files = list(map(str, written.files))
    if as_json:
        typer.echo(json.dumps(written._asdict() | {"files": files}))
        return
    for experiment in written.not_run:
        typer.echo(
            f"{experiment}: not run; `bnrepro train experiment={experiment} scale={scale}` adds it"
        )
    for claim, verdict in written.verdicts.items():
        typer.echo(f"{claim}: {verdict}")
    for file in files:
        typer.echo(file)


@app.command(
    epilog=examples(
        "bnrepro reproduce",
        "bnrepro reproduce fig1 --scale laptop --seeds 5",
        "bnrepro reproduce all --scale gpu --no-html",
    )
)
def reproduce(
    targets: Annotated[
        list[str] | None,
        typer.Argument(help="fig1 to fig4, statistics, claims, all; bare: all."),
    ] = None,
    scale: Annotated[str, typer.Option(help="How big: smoke, laptop, gpu, paper.")] = "smoke",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each experiment.")] = 3,
    workers: Workers = None,
    slurm: Slurm = False,
    partition: Partition = None,
    hours: Hours = 4.0,
    gpus: Gpus = 0,
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
    html: Annotated[
        bool, typer.Option("--html/--no-html", help="Write report.html: one page, works offline.")
    ] = True,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Reproduce the paper at a scale: train what is missing, then draw, test and report.

    The same command again goes on where it was stopped. Exit codes as for `bnrepro sweep`.
    """
    from bnrepro.reproduce import reproduce as run_all
    from bnrepro.sweep import Launcher

    console = Console(stderr=as_json)
    launcher = Launcher(workers, slurm, partition, hours, gpus)
    done = run_all(targets or ["all"], scale, seeds, launcher, runs, results, html, console)
    if done.report is not None:
        _show_report(done.report, scale, as_json)
    exit_as(done.swept)


@app.command(
    epilog=examples(
        "bnrepro dashboard",
        "bnrepro dashboard --scale smoke",
        "bnrepro dashboard --runs D --port 7007 --no-open",
    )
)
def dashboard(
    scale: Annotated[str, typer.Option(help="Show the runs of this scale.")] = "laptop",
    runs: Runs = Path("runs"),
    results: Results = Path("results"),
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port; the next free one if it is in use.")
    ] = 6006,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    debug: Debug = False,
) -> None:
    """Compare runs in TensorBoard, beside the paper's curves; they may still be going on.

    Runs until Ctrl-C.
    """
    from bnrepro.dashboard import serve

    serve(runs, scale, results, port, browse=not no_open, say=typer.echo)
