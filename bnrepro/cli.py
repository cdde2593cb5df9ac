"""The command line: one thin function per command. Imports nothing heavy at the top."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bnrepro.completion import complete_override
from bnrepro.errors import RunFailedError, UserError

if TYPE_CHECKING:
    from bnrepro.inference import Evaluation, Export, Prediction
    from bnrepro.reports.report import Report
    from bnrepro.sweep import RunRow, Swept
    from bnrepro.training import Outcome

app = typer.Typer(
    name="bnrepro",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Reproduces the Batch Normalization paper (Ioffe & Szegedy, 2015), with error bars.",
)
data_app = typer.Typer(
    no_args_is_help=True, help="List, download, verify and prepare the data sets."
)
app.add_typer(data_app, name="data")

_settings = {"debug": False}


def _set_debug(value: bool) -> None:
    _settings["debug"] = _settings["debug"] or value


def _examples(*lines: str) -> str:
    return "\n\n".join(["[bold]Examples[/bold]", *(f"  {escape(line)}" for line in lines)])


Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        help="Hydra overrides: group=option or key.sub=value.", autocompletion=complete_override
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show the traceback of an error.", callback=_set_debug)
]
DataName = Annotated[str, typer.Argument(help="The data set.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
Runs = Annotated[Path, typer.Option("--runs", help="Folder of the run directories.")]
Results = Annotated[Path, typer.Option(help="Folder to write to.")]
Html = Annotated[
    bool, typer.Option("--html", help="Write report.html, too: one page, works offline.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Runs side by side; default: one per core, or one per GPU."),
]
Slurm = Annotated[
    bool, typer.Option("--slurm", help="As jobs of SLURM (pip install 'bnrepro\\[slurm]').")
]
Partition = Annotated[str | None, typer.Option(help="SLURM partition.")]
Hours = Annotated[float, typer.Option(min=0, help="Time limit of a SLURM job.")]
Gpus = Annotated[int, typer.Option(min=0, help="GPUs of a SLURM job.")]
TrainedRun = Annotated[str, typer.Argument(metavar="RUN", help="Run directory, or a run's id.")]
TrainedRuns = Annotated[
    list[str], typer.Argument(metavar="RUN", help="Run directories, or runs' ids.")
]
PopulationBatches = Annotated[
    int, typer.Option(min=1, help="Training mini-batches that Algorithm 2 averages over.")
]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute; auto: a GPU.")
]


@app.command(
    epilog=_examples(
        "bnrepro train",
        "bnrepro train experiment=fig1/with_bn seed=3",
        "bnrepro train model=mlp norm=batch model.activation=relu optim.lr_multiplier=5 data=mnist",
    )
)
def train(overrides: Overrides = None, as_json: Json = False, debug: Debug = False) -> None:
    """Train one run, or go on where it stopped. Bare: experiment=fig1/with_bn scale=smoke.

    Exit code 0: finished or diverged; 130 or 143: stopped by Ctrl-C or SIGTERM; 1: failed;
    2: wrong command.
    """
    from bnrepro.config import DEFAULT_OVERRIDES, load

    config = load(overrides or DEFAULT_OVERRIDES)
    console = Console(stderr=as_json)
    console.print(
        f"{config.experiment}, scale {config.scale}, seed {config.seed}: "
        f"{config.model.name}, norm {config.norm.name}, data {config.data.name}, "
        f"{config.steps:,} steps of {config.batch_size} examples",
        highlight=False,
        soft_wrap=True,
    )
    from bnrepro.training import run

    outcome = run(config, console)
    if as_json:
        typer.echo(json.dumps(_outcome_values(outcome)))
    else:
        _print_outcome(console, outcome)
    if outcome.signal is not None:
        raise typer.Exit(128 + outcome.signal)


def _last_accuracy(outcome: "Outcome") -> float | None:
    from bnrepro.run_directory import last_values

    return last_values(outcome.directory.metrics).get("test/accuracy")


def _outcome_values(outcome: "Outcome") -> dict[str, object]:
    return {
        "run": outcome.directory.path.name,
        "directory": str(outcome.directory.path),
        "state": outcome.status.state,
        "already_done": outcome.already_done,
        "step": outcome.status.step,
        "steps": outcome.status.steps,
        "seconds": outcome.status.seconds,
        "accuracy": _last_accuracy(outcome),
        "message": outcome.status.message,
    }


def _print_outcome(console: Console, outcome: "Outcome") -> None:
    status = outcome.status
    done = "already " if outcome.already_done else ""
    accuracy = _last_accuracy(outcome)
    where = "" if accuracy is None else f", last test accuracy {accuracy:.4f}"
    line = f"{done}{status.state}: step {status.step:,} of {status.steps:,}{where}"
    if status.message:
        line += f" ({status.message})"
    if status.state == "diverged":
        line += "; a result, not an error: the curve up to there is kept"
    if status.state == "preempted":
        line += "; run the same command to go on"
    console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print(str(outcome.directory.path), highlight=False, soft_wrap=True, markup=False)


@app.command(
    epilog=_examples(
        "bnrepro sweep experiment=fig1/with_bn,fig1/without_bn 'seed=range(5)'",
        "bnrepro sweep 'experiment=glob(fig2/*)' scale=smoke --dry-run",
        "bnrepro sweep experiment=fig2/bn_x5 optim.lr_multiplier=1,5,30 --slurm --gpus 1",
    )
)
def sweep(
    overrides: Overrides = None,
    workers: Workers = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run failed runs again.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs and how long they take; start none.")
    ] = False,
    slurm: Slurm = False,
    partition: Partition = None,
    hours: Hours = 4.0,
    gpus: Gpus = 0,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train many runs side by side: every combination of the overrides, in Hydra's sweep syntax.

    What is done is skipped and what was interrupted goes on, so the same command again loses and
    repeats nothing. Exit code 0: all ended well, or are going elsewhere; 130 or 143: stopped;
    1: a run failed or was deleted; 2: wrong command.
    """
    from bnrepro.config import DEFAULT_OVERRIDES
    from bnrepro.sweep import Launcher
    from bnrepro.sweep import sweep as run_sweep

    console = Console(stderr=as_json)
    overrides = overrides or [*DEFAULT_OVERRIDES]
    if dry_run:
        _show_plan(overrides, console, as_json)
        return
    launcher = Launcher(workers, slurm, partition, hours, gpus)
    swept = run_sweep(overrides, launcher, retry_failed, console)
    _show_rows(swept.rows, as_json)
    _exit_as(swept)


def _exit_as(swept: "Swept") -> None:
    """Say which runs did not end well, and leave with the exit code of that."""
    for row in swept.failed:
        typer.echo(f"failed: {row.directory}: {row.message}", err=True)
    if swept.signal is not None:
        raise typer.Exit(128 + swept.signal)
    for row in swept.undone:
        reason = row.message or "its process is gone"
        typer.echo(f"not done: {row.directory}: {reason}; the same command runs it", err=True)
    for row in swept.elsewhere:
        typer.echo(f"{row.directory}: another process is running it", err=True)
    if swept.failed:
        typer.echo("`--retry-failed` runs them again", err=True)
    if swept.failed or swept.undone:
        raise typer.Exit(1)


def _show_plan(overrides: list[str], console: Console, as_json: bool) -> None:
    from bnrepro.sweep import duration, estimated, plan

    rows = estimated(plan(overrides), console)
    _show_rows(rows, as_json)
    if not as_json:
        typer.echo(f"one worker: {duration(sum(row.seconds_left or 0.0 for row in rows))}")


def _show_rows(rows: "list[RunRow]", as_json: bool) -> None:
    from bnrepro.sweep import table

    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], indent=2))
    else:
        Console().print(table(rows))


@app.command(epilog=_examples("bnrepro status", "bnrepro status --runs D", "bnrepro status --json"))
def status(runs: Runs = Path("runs"), as_json: Json = False, debug: Debug = False) -> None:
    """Show how every run stands, also while they are going elsewhere."""
    from bnrepro.sweep import rows_of

    rows = rows_of(runs)
    if not rows and not as_json:
        typer.echo(f"no run under {runs}")
        return
    _show_rows(rows, as_json)


@app.command(
    "list", epilog=_examples("bnrepro list", "bnrepro list --json", "bnrepro list --runs D")
)
def list_presets(runs: Runs = Path("runs"), as_json: Json = False, debug: Debug = False) -> None:
    """Show the experiments, scales and data sets, and which runs exist."""
    from bnrepro.config.groups import options
    from bnrepro.run_directory import count_runs

    groups = {group: options(group) for group in ("experiment", "scale", "data")}
    counts = count_runs(runs)
    if as_json:
        typer.echo(json.dumps({**groups, "runs": counts}, indent=2))
        return
    console = Console()
    for group, described in groups.items():
        table = Table(group, "what it is", "runs", box=None, header_style="bold", pad_edge=False)
        for name, description in described.items():
            states = counts[group].get(name, {})
            table.add_row(
                name, description, ", ".join(f"{n} {state}" for state, n in states.items()) or "-"
            )
        console.print(table)
        console.print()


@app.command(
    epilog=_examples(
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
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Print what the overrides resolve to, and the id of the run."""
    import yaml

    from bnrepro.config import DEFAULT_OVERRIDES, load, run_id
    from bnrepro.config.explain import explain as explain_fields

    resolved = load(overrides or DEFAULT_OVERRIDES)
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


@app.command(
    epilog=_examples(
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
    epilog=_examples(
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
    epilog=_examples(
        "bnrepro reproduce",
        "bnrepro reproduce fig1 --scale laptop --seeds 5",
        "bnrepro reproduce all --scale gpu --html",
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
    html: Html = False,
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
    _exit_as(done.swept)


@app.command(
    epilog=_examples(
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


@app.command(
    epilog=_examples(
        "bnrepro evaluate RUN",
        "bnrepro evaluate RUN --statistics moving --crops 144",
        "bnrepro evaluate runs/fig4/*/* --crops 144",
    )
)
def evaluate(
    names: TrainedRuns,
    statistics: Annotated[
        Literal["population", "moving", "batch"],
        typer.Option(help="What batch normalization uses; batch: the evaluated mini-batch's own."),
    ] = "population",
    population_batches: PopulationBatches = 200,
    crops: Annotated[int, typer.Option(help="Averaged over, of each image: 1, 10 or 144.")] = 1,
    batch_size: Annotated[int, typer.Option(min=1, help="Images at once.")] = 256,
    runs: Runs = Path("runs"),
    device: Device = "auto",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure finished runs on held-out data: accuracy@1 and @5, loss. Several are an ensemble."""
    from bnrepro.inference import evaluate as evaluate_runs
    from bnrepro.inference import find_run

    rows = evaluate_runs(
        [find_run(name, runs) for name in names],
        statistics,
        population_batches,
        crops,
        batch_size,
        device,
        Console(stderr=True),
    )
    if as_json:
        typer.echo(json.dumps([row._asdict() for row in rows], indent=2))
    else:
        _show_evaluations(rows)


def _show_evaluations(rows: "list[Evaluation]") -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("network", "examples", "accuracy@1 (95 %)", "accuracy@5 (95 %)", "loss"):
        side: Literal["left", "right"] = "left" if column == "network" else "right"
        table.add_column(column, justify=side, no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.examples:,}",
            _with_interval(row.accuracy_1, row.accuracy_1_interval),
            _with_interval(row.accuracy_5, row.accuracy_5_interval),
            f"{row.loss:.4f}",
        )
    Console().print(table)
    *members, together = rows
    if members:
        gain = 100 * (together.accuracy_1 - max(member.accuracy_1 for member in members))
        typer.echo(f"the ensemble is {gain:+.2f} points from its best member")


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{value:.4f} ({low:.4f} to {high:.4f})"


@app.command(
    epilog=_examples(
        "bnrepro export RUN --format onnx",
        "bnrepro export RUN --format safetensors --folded --output network.safetensors",
        "bnrepro export RUN --format pt2 --statistics moving --json",
    )
)
def export(
    name: TrainedRun,
    format_name: Annotated[
        Literal["safetensors", "onnx", "torchscript", "pt2"],
        typer.Option(
            "--format",
            help="safetensors: weights alone; onnx: for any runtime (pip install "
            "'bnrepro\\[export]'); torchscript: for old torch; pt2: torch.export's.",
        ),
    ],
    folded: Annotated[
        bool, typer.Option("--folded", help="Merge batch normalization into the layers before it.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="File; default: <experiment>-<run id>.<suffix>, here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    statistics: Annotated[
        Literal["population", "moving"],
        typer.Option(help="What batch normalization uses; population: Algorithm 2's."),
    ] = "population",
    population_batches: PopulationBatches = 200,
    runs: Runs = Path("runs"),
    device: Device = "auto",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a finished run's network as one file: uint8 pixels in, class probabilities out.

    Class names, preprocessing, provenance, accuracy and a checksum are in the file.
    """
    from bnrepro.inference import export as export_run
    from bnrepro.inference import find_run

    written = export_run(
        find_run(name, runs),
        format_name,
        folded,
        statistics,
        population_batches,
        output,
        force,
        device,
        Console(stderr=True),
    )
    _show_export(written, format_name, as_json)


def _show_export(written: "Export", format_name: str, as_json: bool) -> None:
    described = written.description
    if as_json:
        values = {
            "file": str(written.file),
            "format": format_name,
            "bytes": written.size,
            "description": described.model_dump(mode="json"),
        }
        typer.echo(json.dumps(values, indent=2))
        return
    folded = ", batch normalization folded" if described.folded else ""
    measured = described.measured
    typer.echo(
        f"{written.file}: {format_name}{folded}, {written.size / 1e6:.1f} MB, accuracy@1 "
        f"{measured.accuracy_1:.4f} on {measured.examples:,} held-out examples"
    )


@app.command(
    epilog=_examples(
        "bnrepro predict network.onnx photo.jpg",
        "bnrepro predict RUN *.png --top 1 --json",
        "curl -s URL | bnrepro predict network.onnx -",
    )
)
def predict(
    network: Annotated[
        str,
        typer.Argument(metavar="NETWORK", help="File from `bnrepro export`, run directory or id."),
    ],
    pictures: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Files; -: one from standard input.")
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes of each picture.")] = 5,
    runs: Runs = Path("runs"),
    device: Device = "auto",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the most probable classes of pictures, prepared as the run's data were.

    For digits and MNIST: bright strokes on dark ground, one digit that fills the picture. An
    exported file is checked against its checksum, which shows damage, not forgery: like any
    program, take it from people you trust.
    """
    from bnrepro.inference import predict as predict_pictures

    predictions = predict_pictures(network, pictures, top, runs, device, Console(stderr=True))
    if as_json:
        values = [
            {"picture": made.picture, "classes": [guess._asdict() for guess in made.guesses]}
            for made in predictions
        ]
        typer.echo(json.dumps(values, indent=2))
    else:
        _show_predictions(predictions)


def _show_predictions(predictions: "list[Prediction]") -> None:
    for made in predictions:
        typer.echo(made.picture)
        for guess in made.guesses:
            typer.echo(f"  {guess.probability:.4f}  {guess.class_name}")


@data_app.command(
    "list",
    epilog=_examples(
        "bnrepro data list", "bnrepro data list --json", "BNREPRO_DATA=D bnrepro data list"
    ),
)
def list_data(as_json: Json = False, debug: Debug = False) -> None:
    """Show the data sets and where they are."""
    from bnrepro.config.groups import options
    from bnrepro.data.catalog import SOURCES

    places = {}
    for name in options("data"):
        source = SOURCES.get(name)
        places[name] = "embedded" if source is None else str(source.find() or "")
    places["image_folder"] = "data.folder=PATH"
    if as_json:
        typer.echo(json.dumps(places, indent=2))
        return
    table = Table("data", "what it is", "where", box=None, header_style="bold", pad_edge=False)
    for name, description in options("data").items():
        where = places[name] or f"not here: bnrepro data fetch {name}"
        table.add_row(name, description, escape(where))
    Console().print(table)


@data_app.command(
    epilog=_examples(
        "bnrepro data fetch mnist",
        "BNREPRO_DATA=D bnrepro data fetch mnist",
        "bnrepro data fetch digits",
    )
)
def fetch(name: DataName, as_json: Json = False, debug: Debug = False) -> None:
    """Download a data set, unless it is there, into BNREPRO_DATA or the cache folder."""
    from bnrepro.data.catalog import fetch as fetch_data

    _check_data_name(name)
    folder = fetch_data(name)
    if as_json:
        typer.echo(json.dumps({"data": name, "folder": folder and str(folder)}))
    else:
        typer.echo(folder or f"{name}: embedded, nothing to fetch")


@data_app.command(
    epilog=_examples(
        "bnrepro data verify mnist",
        "BNREPRO_DATA=D bnrepro data verify mnist",
        "bnrepro data verify digits",
    )
)
def verify(name: DataName, as_json: Json = False, debug: Debug = False) -> None:
    """Check every file of a data set against its checksum."""
    from bnrepro.data.catalog import verify as verify_data

    _check_data_name(name)
    good = verify_data(name)
    if as_json:
        typer.echo(json.dumps({"data": name, "good": good}))
        return
    for found in good:
        typer.echo(f"good: {found}")
    if not good:
        typer.echo(f"{name}: embedded, nothing to verify")


@data_app.command(
    epilog=_examples(
        "bnrepro data prepare tiny_imagenet",
        "bnrepro data prepare tiny_imagenet data.num_classes=50",
        "bnrepro data prepare image_folder data.folder=D data.stored_size=128",
    )
)
def prepare(
    name: DataName, overrides: Overrides = None, as_json: Json = False, debug: Debug = False
) -> None:
    """Decode and resize an image set once, ahead of its first run; interrupted, it goes on."""
    from bnrepro.config import load
    from bnrepro.config.schema import ImageFolder

    _check_data_name(name)
    data = load([f"data={name}", *(overrides or [])]).data
    folder = None
    if isinstance(data, ImageFolder):
        from bnrepro.data.image_folder import prepare_image_folder

        folder = prepare_image_folder(
            data.folder,
            data.stored_size,
            data.num_classes,
            data.bad_images,
            data.root,
            Console(stderr=as_json),
        )
    if as_json:
        typer.echo(json.dumps({"data": name, "folder": folder and str(folder)}))
    else:
        typer.echo(folder or f"{name}: nothing to prepare")


def _check_data_name(name: str) -> None:
    from bnrepro.config.groups import options

    if name not in options("data"):
        raise UserError(f"{name}: no such data set; choose from {', '.join(options('data'))}")


@app.command(
    epilog=_examples("bnrepro doctor", "bnrepro doctor --json", "BNREPRO_DATA=D bnrepro doctor")
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


def _version(wanted: bool) -> None:
    if wanted:
        from bnrepro import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    del version


def main() -> None:
    """Run the command; a user's error becomes one line and exit code 2."""
    # A signal while packages are being imported would surface as an error of theirs, or be lost in
    # it. Training puts handlers of its own in their place.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: os._exit(128 + number))
    try:
        app()
    except UserError as error:
        _fail(error, 2)
    except RunFailedError as error:
        _fail(error, 1)
    except BrokenPipeError:
        # The reader of our output went away (`bnrepro list | head`): nothing to say.
        sys.stderr.close()
        sys.exit(128 + signal.SIGPIPE)


def _fail(error: Exception, code: int) -> None:
    if _settings["debug"]:
        raise error
    Console(stderr=True).print(
        f"error: {error}", style="red", highlight=False, soft_wrap=True, markup=False
    )
    sys.exit(code)
