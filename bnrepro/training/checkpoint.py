"""Checkpoints: written so that a kill, a crash or a full disk leaves the last good one readable."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from bnrepro.errors import UserError
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
    # On disk under this name, it can be used: whether the renames get there first or last or never.
    write_atomically(directory.incoming_checkpoint, content + hashlib.sha256(content).digest())
    if directory.checkpoint.exists():
        directory.checkpoint.replace(directory.previous_checkpoint)
    directory.incoming_checkpoint.replace(directory.checkpoint)


def load_checkpoint(directory: RunDirectory, say: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that can be used, or None. Every damaged one is named.

    The one that is used becomes ``checkpoint.pt``: the next save keeps it as the one before, and
    not a damaged one in its place.

    Args:
        directory: the run.
        say: told of each checkpoint that could not be used, and why.

    Raises:
        UserError: a folder is where a checkpoint belongs.
    """
    files = _files(directory)
    for path in files:
        if path.is_dir():
            raise UserError(
                f"{path}: a folder where a checkpoint belongs; move it away and run the same "
                "command again"
            )
    for path in files:
        if not path.exists():
            continue
        try:
            checkpoint = _read(path)
        except (_DamagedError, OSError) as damage:
            say(f"{path.name} is damaged ({damage}): not used")
            continue
        recorded = directory.metrics.stat().st_size if directory.metrics.exists() else 0
        if recorded < checkpoint["metrics_bytes"]:
            say(f"{path.name} knows of rows that {directory.metrics.name} has lost: not used")
            continue
        if path != directory.checkpoint:
            path.replace(directory.checkpoint)
        return checkpoint
    return None


def checkpoint_damage(directory: RunDirectory) -> dict[Path, str]:
    """What is wrong with each checkpoint that is there; empty text: it is as it was written."""
    damage = {}
    for path in _files(directory):
        try:
            _read_saved(path)
        except FileNotFoundError:
            continue
        except (OSError, _DamagedError) as error:
            damage[path] = str(error)
        else:
            damage[path] = ""
    return damage


def _files(directory: RunDirectory) -> tuple[Path, ...]:
    # Newest first: a save that was interrupted between its renames left its file as incoming.
    return directory.incoming_checkpoint, directory.checkpoint, directory.previous_checkpoint


_DIGEST_BYTES = hashlib.sha256().digest_size


class _DamagedError(Exception):
    pass


def _read_saved(path: Path) -> bytes:
    """What torch wrote; a digest of it stands behind."""
    content = path.read_bytes()
    saved, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(saved).digest() != digest:
        raise _DamagedError("its checksum differs")
    return saved


def _read(path: Path) -> Checkpoint:
    saved = io.BytesIO(_read_saved(path))
    try:
        values: Any = torch.load(saved, map_location="cpu", weights_only=True)
    except Exception as error:  # of any kind: somebody else wrote the file
        raise _DamagedError("not written by bnrepro") from error
    if not isinstance(values, dict) or set(values) != set(Checkpoint.__annotations__):
        raise _DamagedError("not a checkpoint of this version")
    checkpoint: Checkpoint = values  # type: ignore[assignment]
    return checkpoint
