"""`bnrepro evaluate`, `export` and `predict`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from bnrepro.cli.app import app, examples
from bnrepro.cli.options import (
    Debug,
    Device,
    Json,
    PopulationBatches,
    Runs,
    TrainedRun,
    TrainedRuns,
)
from bnrepro.completion import complete_run

if TYPE_CHECKING:
    from bnrepro.inference import Evaluation, Export, Prediction


@app.command(
    epilog=examples(
        "bnrepro evaluate RUN",
        "bnrepro evaluate RUN --statistics moving --crops 144",
        "bnrepro evaluate runs/fig2/bn_x5/* --crops 144",
    )
)
def evaluate(
    names: TrainedRuns,
    statistics: Annotated[
        Literal["population", "pooled", "moving", "batch"],
        typer.Option(
            help="What batch normalization uses; population: Algorithm 2's; pooled: of all its "
            "batches' examples together; batch: the evaluated mini-batch's own."
        ),
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
    from bnrepro.runs import find_run

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
    table.add_column("network")
    for column in ("examples", "accuracy@1, %", "accuracy@5, %", "loss"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.examples:,}",
            _with_interval(row.accuracy_1, row.accuracy_1_interval),
            _with_interval(row.accuracy_5, row.accuracy_5_interval),
            f"{row.loss:.4f}",
        )
    Console().print(table)
    typer.echo("in brackets: 95 % intervals over the examples")
    *members, together = rows
    if members:
        gain = 100 * (together.accuracy_1 - max(member.accuracy_1 for member in members))
        typer.echo(f"the ensemble is {gain:+.2f} points from its best member")


def _with_interval(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:.2f} ({100 * low:.2f} to {100 * high:.2f})"


@app.command(
    epilog=examples(
        "bnrepro export RUN --format onnx",
        "bnrepro export RUN --format safetensors --folded --output network.safetensors",
        "bnrepro export RUN --format pt2 --statistics moving --json",
    )
)
def export(
    name: TrainedRun,
    format_name: Annotated[
        Literal["safetensors", "onnx", "pt2"],
        typer.Option(
            "--format",
            help="safetensors: weights alone; onnx: for any runtime (pip install "
            "'bnrepro\\[export]'); pt2: torch.export's, opened only with --trust.",
        ),
    ],
    folded: Annotated[
        bool, typer.Option("--folded", help="Merge batch normalization into the layers before it.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="File; default: reports/<experiment>-<run id>.<suffix>.")
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
    from bnrepro.runs import find_run

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
    epilog=examples(
        "bnrepro predict network.onnx photo.jpg",
        "bnrepro predict RUN *.png --top 1 --json",
        "curl -s URL | bnrepro predict network.onnx -",
    )
)
def predict(
    network: Annotated[
        str,
        typer.Argument(
            metavar="NETWORK",
            help="File from `bnrepro export`, run directory or id.",
            autocompletion=complete_run,
        ),
    ],
    pictures: Annotated[
        list[str], typer.Argument(metavar="IMAGE", help="Files; -: one from standard input.")
    ],
    top: Annotated[int, typer.Option(min=1, help="Classes of each picture.")] = 5,
    trust: Annotated[
        bool, typer.Option("--trust", help="Open a pt2 file, too: it can run any code.")
    ] = False,
    runs: Runs = Path("runs"),
    device: Device = "auto",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show the most probable classes of pictures, prepared as the run's data were.

    For digits and MNIST: bright strokes on dark ground, one digit that fills the picture. An
    exported file is checked against its checksum, which shows damage, not forgery. Safetensors and
    ONNX run no code of the file; pt2 can, and so needs --trust.
    """
    from bnrepro.inference import predict as predict_pictures

    predictions = predict_pictures(
        network, pictures, top, trust, runs, device, Console(stderr=True)
    )
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
