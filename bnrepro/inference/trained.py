"""A finished run, turned back into its network and its data."""

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from bnrepro.config import RunConfig, read_stored
from bnrepro.config.source import changed_source
from bnrepro.errors import UserError
from bnrepro.messages import reason, say
from bnrepro.runs import RunDirectory, State
from bnrepro.runs.digests import check_weights
from bnrepro.training.device import Device
from bnrepro.training.session import Session, build_session


@dataclass(frozen=True)
class TrainedRun(Session):
    """The session of a finished run: final weights and moving averages, in evaluation mode.

    Attributes:
        directory: where the run lies.
        provenance: versions, commit and machine of each process that worked on it.
    """

    directory: RunDirectory
    provenance: list[dict[str, Any]]


def load_trained(directory: RunDirectory, device: Device, console: Console) -> TrainedRun:
    """The network and the data of a finished run.

    Args:
        directory: the run's.
        device: where to compute, as in ``runtime.device``; on a CPU with the run's threads.
        console: progress, where images have to be decoded first.

    Raises:
        UserError: the run has not finished, diverged, or its files or data are missing or damaged.
    """
    config, provenance = read_finished(directory)
    if (change := changed_source(config)) is not None:
        say(console, f"{directory.path}: {change}; its weights go into what it builds now")
    session = build_session(config, console, device)
    _load_weights(session.model, directory)
    session.model.eval()
    return TrainedRun(**vars(session), directory=directory, provenance=provenance)


def read_finished(directory: RunDirectory) -> tuple[RunConfig, list[dict[str, Any]]]:
    """The config and provenance of a run that has final weights.

    Raises:
        UserError: it has none, and why.
    """
    status = directory.read_status()
    where = directory.path
    if status is None:
        raise UserError(f"{where}: status.json is missing or damaged; train the run again")
    match status.state:
        case State.FINISHED:
            pass
        case State.DIVERGED:
            raise UserError(
                f"{where}: diverged at step {status.step:,}, so there are no final weights; "
                "choose a run that finished"
            )
        case _:
            raise UserError(
                f"{where}: {status.state} at step {status.step:,} of {status.steps:,}; run it to "
                "its end with `bnrepro train` first"
            )
    stored = read_stored(directory.config)
    if stored is None:
        raise UserError(
            f"{directory.config}: damaged, or written by another version of bnrepro; `bnrepro "
            "train` with the run's overrides writes it again"
        )
    return stored


def _load_weights(network: nn.Module, directory: RunDirectory) -> None:
    file = directory.weights
    if not file.is_file():
        raise UserError(f"{file}: missing; remove {directory.path} and train the run again")
    try:
        content = file.read_bytes()
        check_weights(directory, content)
        network.load_state_dict(load(content))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise UserError(
            f"{file}: damaged, or of another network ({reason(error)}); remove {directory.path} "
            "and train the run again"
        ) from error
