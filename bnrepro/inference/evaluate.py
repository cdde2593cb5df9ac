"""Trained runs measured on held-out data, one by one and as an ensemble."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console

from bnrepro.errors import UserError
from bnrepro.inference.held_out import Statistics, network_with, predict_held_out
from bnrepro.inference.keep import keep
from bnrepro.inference.trained import TrainedRun, load_trained, read_finished
from bnrepro.measure.intervals import proportion_interval
from bnrepro.runs import RunDirectory
from bnrepro.runs.predictions import CROPS, Method, Predictions, ensemble
from bnrepro.training.device import Device


class Evaluation(NamedTuple):
    """A network, or an ensemble, on held-out data.

    Attributes:
        name: the run's experiment and seed, or ``ensemble of N``.
        examples: how many.
        accuracy_1: accuracy@1, a fraction.
        accuracy_1_interval: 95 %, over the examples.
        accuracy_5: accuracy@5.
        accuracy_5_interval: likewise.
        loss: mean cross-entropy, in nats.
    """

    name: str
    examples: int
    accuracy_1: float
    accuracy_1_interval: tuple[float, float]
    accuracy_5: float
    accuracy_5_interval: tuple[float, float]
    loss: float


def evaluate(
    directories: Sequence[RunDirectory],
    statistics: Statistics,
    population_batches: int,
    crops: int,
    batch_size: int,
    device: Device,
    console: Console,
) -> list[Evaluation]:
    """Each run's accuracy and loss on its held-out data; of several, their ensemble's, too.

    What was predicted is kept in the run directories, unless it depends on the mini-batches.

    Args:
        directories: finished runs, of which each counts once; as an ensemble they must know the
            same classes.
        statistics: what batch normalization uses: ``population`` (Algorithm 2), ``pooled``
            statistics, ``moving`` averages or the evaluated ``batch``'s own.
        population_batches: training mini-batches of the first two.
        crops: of each image: 1, 10 or 144.
        batch_size: images at once.
        device: where to compute, as in ``runtime.device``.
        console: progress.

    Raises:
        UserError: a run is not finished or not readable, members know different classes, or a
            batch of one is to have statistics of its own.
    """
    if crops not in CROPS:
        raise UserError(f"--crops {crops}: choose from {', '.join(map(str, CROPS))}")
    if statistics == "batch" and batch_size < 2:
        raise UserError(
            f"--batch-size {batch_size}: one example has no statistics of its own (Algorithm 2: "
            "m > 1); use 2 or more, or --statistics population"
        )
    directories = [*{directory.path.resolve(): directory for directory in directories}.values()]
    for directory in directories:
        read_finished(directory)  # before any of them is computed
    members: list[Predictions] = []
    rows: list[Evaluation] = []
    first: TrainedRun | None = None
    for directory in directories:
        run = load_trained(directory, device, console)
        first = first or run
        _check_classes(first, run)
        network = network_with(run, statistics, population_batches)
        predictions = predict_held_out(run, network, crops, batch_size, console)
        if statistics != "batch":
            method = Method.of(statistics, population_batches, crops)
            keep(directory, method, predictions, console)
        members.append(predictions)
        name = f"{directory.path.name} {run.config.experiment}, seed {run.config.seed}"
        rows.append(summarize(name, predictions))
    if len(members) > 1:
        rows.append(summarize(f"ensemble of {len(members)}", ensemble(members)))
    return rows


def summarize(name: str, predictions: Predictions) -> Evaluation:
    """Count what was predicted rightly."""
    n = len(predictions)
    return Evaluation(
        name,
        n,
        predictions.accuracy(1),
        proportion_interval(predictions.correct(1), n),
        predictions.accuracy(5),
        proportion_interval(predictions.correct(5), n),
        predictions.loss(),
    )


def _check_classes(first: TrainedRun, run: TrainedRun) -> None:
    known, names = first.dataset.class_names, run.dataset.class_names
    if known != names:
        raise UserError(
            f"{run.directory.path}: knows {len(names)} classes of data={run.config.data.name}, and "
            f"{first.directory.path} {len(known)} of data={first.config.data.name}; members of an "
            "ensemble must know the same classes"
        )
