"""Checkpoints: written so that a kill, a crash or a full disk leaves the last good one readable."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from bnrepro.runs import RunDirectory, write_atomically


class TrainingState(TypedDict):
    """Everything that the rest of a run depends on besides its config.

    The order of examples is a function of seed and step, and the learning rate one of the step, so
    neither a loader nor a schedule has a state. ``velocity`` is the optimizer's: SGD's velocity, by
    which the files have called it from the first on, or Adam's moments.
    """

    step: int
    seconds: float
    model: dict[str, Tensor]
    velocity: list[Tensor]
    losses: Tensor
    cpu_rng: Tensor
    cuda_rng: list[Tensor]


class Checkpoint(TrainingState):
    """The state with the length of metrics.jsonl at its step."""

    metrics_bytes: int


def save_checkpoint(directory: RunDirectory, checkpoint: Checkpoint) -> None:
    """Write the checkpoint; the one before it is kept as ``checkpoint.previous.pt``.

    Raises:
        OSError: the disk is full, say; the checkpoint before is still in its place.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getvalue()
    incoming = directory.checkpoint.with_name("checkpoint.incoming.pt")
    write_atomically(incoming, content + hashlib.sha256(content).digest())
    if directory.checkpoint.exists():
        directory.checkpoint.replace(directory.previous_checkpoint)
    incoming.replace(directory.checkpoint)


def load_checkpoint(directory: RunDirectory, say: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that can be used, or None. Every damaged one is named.

    Args:
        directory: the run.
        say: told of each checkpoint that could not be used, and why.
    """
    found = False
    for path in (directory.checkpoint, directory.previous_checkpoint):
        if not path.exists():
            continue
        found = True
        try:
            checkpoint = _read(path)
        except (_DamagedError, OSError) as damage:
            say(f"{path.name} is damaged ({damage}): not used")
            continue
        recorded = directory.metrics.stat().st_size if directory.metrics.exists() else 0
        if recorded < checkpoint["metrics_bytes"]:
            say(f"{path.name} knows of rows that {directory.metrics.name} has lost: not used")
            continue
        return checkpoint
    if found:
        say("no checkpoint can be used: starting again from step 0")
    return None


_DIGEST_BYTES = hashlib.sha256().digest_size


class _DamagedError(Exception):
    pass


def _read(path: Path) -> Checkpoint:
    content = path.read_bytes()
    # A digest of all that torch wrote stands behind it; torch.load itself passes over it.
    saved, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(saved).digest() != digest:
        raise _DamagedError("its checksum differs")
    values: Any = torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True)
    if not isinstance(values, dict) or set(values) != set(Checkpoint.__annotations__):
        raise _DamagedError("not a checkpoint of this version")
    checkpoint: Checkpoint = values  # type: ignore[assignment]
    return checkpoint
