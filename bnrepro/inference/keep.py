"""Predictions made once and kept in their run directories."""

from collections.abc import Sequence

from joblib import Parallel, delayed
from rich.console import Console

from bnrepro.errors import RunFailedError, writing
from bnrepro.inference.held_out import network_with, predict_held_out
from bnrepro.inference.trained import load_trained
from bnrepro.messages import say
from bnrepro.runs import RunDirectory
from bnrepro.runs.predictions import Method, Predictions, read_predictions, write_predictions
from bnrepro.training.device import Device

_BATCH_SIZE = 256


def keep_predictions(
    wanted: Sequence[tuple[RunDirectory, Sequence[Method]]], workers: int, device: Device
) -> None:
    """Make the predictions that finished runs lack; those that are there stay.

    Args:
        wanted: finished runs, each with the ways to predict.
        workers: runs side by side, one thread each.
        device: where to compute, as in ``runtime.device``.

    Raises:
        UserError: a run or its data cannot be read.
        RunFailedError: the predictions cannot be written.
    """
    lacking = [
        (directory, absent)
        for directory, methods in wanted
        if (absent := [m for m in methods if read_predictions(directory, m) is None])
    ]
    Parallel(n_jobs=min(workers, max(1, len(lacking))))(
        delayed(_keep)(directory, absent, device) for directory, absent in lacking
    )


def keep(
    directory: RunDirectory, method: Method, predictions: Predictions, console: Console
) -> None:
    """Keep predictions that were asked for by themselves; where that cannot be, say so."""
    try:
        write_predictions(directory, method, predictions)
    except OSError as error:
        say(console, f"{directory.predictions}: predictions not kept ({error.strerror})")


def _keep(directory: RunDirectory, methods: Sequence[Method], device: Device) -> None:
    quiet = Console(quiet=True)
    run = load_trained(directory, device, quiet)
    networks = {
        normalized: network_with(run, *normalized)
        for normalized in {(m.statistics, m.population_batches) for m in methods}
    }
    for method in methods:
        network = networks[method.statistics, method.population_batches]
        predictions = predict_held_out(run, network, method.crops, _BATCH_SIZE, quiet)
        with writing(directory.predictions, RunFailedError):
            write_predictions(directory, method, predictions)
