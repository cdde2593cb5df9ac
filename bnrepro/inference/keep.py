"""Predictions made once and kept in their run directories."""

from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

from rich.console import Console

from bnrepro.errors import RunFailedError, writing
from bnrepro.forkserver import process_pool, unblock_signals
from bnrepro.inference.held_out import network_with, predict_held_out
from bnrepro.inference.trained import load_trained
from bnrepro.messages import say
from bnrepro.runs import RunDirectory
from bnrepro.runs.predictions import Method, Predictions, read_predictions, write_predictions
from bnrepro.signals import end_with_parent
from bnrepro.training.device import Device

_BATCH_SIZE = 256
_SECONDS_TO_STOP = 20.0


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
        RunFailedError: the predictions cannot be written, or a process was killed.
    """
    lacking = [
        (directory, absent)
        for directory, methods in wanted
        if (absent := [m for m in methods if read_predictions(directory, m) is None])
    ]
    if not lacking:
        return
    try:
        with process_pool(min(workers, len(lacking)), _start) as pool:
            for kept in [pool.submit(_keep, *one, device) for one in lacking]:
                kept.result()
    except BrokenProcessPool as error:
        raise RunFailedError(
            "a process that predicts was killed, or crashed (out of memory?); the same command "
            "again goes on"
        ) from error


def keep(
    directory: RunDirectory, method: Method, predictions: Predictions, console: Console
) -> None:
    """Keep predictions that were asked for by themselves; where that cannot be, say so."""
    try:
        write_predictions(directory, method, predictions)
    except OSError as error:
        say(console, f"{directory.predictions}: predictions not kept ({error.strerror})")


def _start() -> None:
    """Prepare a process that predicts."""
    unblock_signals()
    end_with_parent(_SECONDS_TO_STOP)


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
