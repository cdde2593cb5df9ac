"""`bnrepro figure`, `report`, `reproduce` and `dashboard`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bnrepro.cli.app import app, examples, show_notes
from bnrepro.cli.options import (
    ConfigDir,
    Debug,
    Gpus,
    Hours,
    Html,
    Json,
    Out,
    Overrides,
    Partition,
    Runs,
    Scale,
    Slurm,
    Workers,
)
from bnrepro.cli.sweep import exit_as, refuse_cluster_options
from bnrepro.completion import complete_study, names_of_studies

if TYPE_CHECKING:
    from bnrepro.render.report import Report


@app.command(
    epilog=examples(
        "bnrepro figure fig1",
        "bnrepro figure fig1 --scale laptop",
        "bnrepro figure fig1 --out D optim.lr_multiplier=5",
    )
)
def figure(
    name: Annotated[
        str,
        typer.Argument(help=f"One of: {names_of_studies()}.", autocompletion=complete_study),
    ],
    overrides: Overrides = None,
    scale: Scale = "smoke",
    runs: Runs = Path("runs"),
    out: Out = Path("reports"),
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Draw a study from finished runs, with its numbers as CSV, into <out>/<scale>/<study>.

    Overrides choose runs that were made with the same overrides.
    """
    from bnrepro.render.report import write_study
    from bnrepro.render.tables import fewer_than_before
    from bnrepro.reproduce import command_for, evidence_of

    drawn = evidence_of(name, scale, runs, out, overrides or [])
    notes = list(dict.fromkeys(n for one in drawn for n in (*one.notes, *fewer_than_before(one))))
    files = [str(file) for evidence in drawn for file in write_study(evidence)]
    show_notes(notes)
    missing = [line for evidence in drawn for line in evidence.missing]
    labels = [line.label for line in missing]
    if as_json:
        folder = drawn[0].folder if len(drawn) == 1 else drawn[0].folder.parent
        values = {"folder": str(folder), "files": files, "not_run": labels}
        typer.echo(json.dumps(values | {"notes": notes}))
        return
    if missing:
        command = command_for(name, missing, scale, overrides or [])
        typer.echo(f"not run: {', '.join(labels)}; `{command}` runs them")
    for file in files:
        typer.echo(file)


@app.command(
    epilog=examples(
        "bnrepro report",
        "bnrepro report --scale laptop --published",
        "bnrepro report --runs D --out D --json",
    )
)
def report(
    scale: Scale = "smoke",
    runs: Runs = Path("runs"),
    out: Out = Path("reports"),
    html: Html = False,
    published: Annotated[
        bool,
        typer.Option(
            "--published", help="Of the project's own runs, page included; none of yours."
        ),
    ] = False,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write <out>/<scale>/REPORT.md: every study that has runs, and the claims with verdicts."""
    from bnrepro.reproduce import report as write_report
    from bnrepro.reproduce import report_published

    written = report_published(scale, out) if published else write_report(runs, scale, out, html)
    _show_report(written, scale, as_json)


def _show_report(written: "Report", scale: str, as_json: bool) -> None:
    files = list(map(str, written.files))
    show_notes(written.notes)
    if as_json:
        typer.echo(json.dumps(written._asdict() | {"files": files}))
        return
    if written.not_run:
        typer.echo(
            f"{len(written.not_run)} lines of studies not run; "
            f"`bnrepro reproduce all --scale {scale}` runs them"
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
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY...",
            help=f"Of: {names_of_studies()}; all, or none: all of them.",
            autocompletion=complete_study,
        ),
    ] = None,
    scale: Scale = "smoke",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each line.")] = 3,
    workers: Workers = None,
    slurm: Slurm = False,
    partition: Partition = None,
    hours: Hours = 4.0,
    gpus: Gpus = 0,
    runs: Runs = Path("runs"),
    out: Out = Path("reports"),
    html: Annotated[
        bool, typer.Option("--html/--no-html", help="Write report.html: one page, works offline.")
    ] = True,
    config_dir: ConfigDir = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Reproduce the paper at a scale: train what is missing, then draw, judge and report.

    Bare: every study at scale=smoke, which is a demonstration. The same command again goes on where
    it was stopped. Exit codes as for `bnrepro sweep`.
    """
    from bnrepro.reproduce import reproduce as run_all
    from bnrepro.studies.registry import ALL
    from bnrepro.sweep import Job, Launcher

    console = Console(stderr=as_json)
    if not slurm:
        refuse_cluster_options(partition=partition, gpus=gpus)
    job = Job(partition, hours, gpus=gpus)
    launcher = Launcher(workers, "slurm" if slurm else "local", job)
    done = run_all(names or [ALL], scale, seeds, launcher, runs, out, html, console)
    if done.report is not None:
        _show_report(done.report, scale, as_json)
    exit_as(done.swept)


@app.command(
    epilog=examples(
        "bnrepro dashboard",
        "bnrepro dashboard fig1 --scale laptop --seeds",
        "bnrepro dashboard --runs D --port 7007 --no-open",
    )
)
def dashboard(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STUDY...",
            help="Whose runs, other for those of no study; none: as many as TensorBoard shows.",
            autocompletion=complete_study,
        ),
    ] = None,
    scale: Scale = "smoke",
    runs: Runs = Path("runs"),
    out: Out = Path("reports"),
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port; the next free one if it is in use.")
    ] = 6006,
    seeds: Annotated[
        bool, typer.Option("--seeds", help="Every run too, beside the means of ended seeds.")
    ] = False,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
    config_dir: ConfigDir = None,
    debug: Debug = False,
) -> None:
    """Compare runs in TensorBoard, beside the paper's curves; they may still be going on.

    Runs until Ctrl-C.
    """
    from bnrepro.dashboard import OTHER, Scope, serve
    from bnrepro.studies.registry import studies, study

    only = [name if name == OTHER else study(name).name for name in names or []]
    scope = Scope(runs, scale, out, studies(), only, seeds)
    serve(scope, port, not no_open, typer.echo)
