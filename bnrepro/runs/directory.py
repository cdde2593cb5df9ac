"""The run directory: the one channel between training, which writes it, and everything that reads.

``config.yaml`` (resolved, with versions and commit), ``status.json``, ``metrics.jsonl`` (the truth:
a row a line), ``histograms.jsonl`` (what the probes saw at each evaluation), ``checkpoint.pt``
(last good) and ``checkpoint.previous.pt``, ``weights.safetensors`` (final), ``digests.json`` (of
weights, rows and histograms), ``predictions/`` (of held-out data, by `bnrepro evaluate`),
``tensorboard/`` (a view of the rows), ``log.txt``.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from bnrepro.runs.atomic import write_atomically


class State(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    FINISHED = "finished"
    DIVERGED = "diverged"  # a non-finite loss or parameter: a result, not a failure
    PREEMPTED = "preempted"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether running it again has nothing left to do."""
        return self in (State.FINISHED, State.DIVERGED)


@dataclass(frozen=True)
class Status:
    """What status.json holds.

    Attributes:
        state: where the run stands.
        step: updates done.
        steps: updates in all.
        seconds: time spent in training so far, interruptions left out.
        steps_per_second: over the last stretch.
        pid: process that wrote this.
        host: its machine.
        message: what happened, for states other than running and finished.
    """

    state: State
    step: int
    steps: int
    seconds: float
    steps_per_second: float
    pid: int
    host: str
    message: str = ""


_LOCK = ".lock"
_PATIENCE = 0.5  # seconds


class LockedError(Exception):
    """Another process is working in the run directory."""


class Lock:
    """A lock that this process holds.

    Args:
        file: the locked file.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._held = file.stat()

    def is_in_place(self) -> bool:
        """Whether the locked file is still the one in its folder; else others can lock theirs."""
        try:
            return os.path.samestat(self._held, self._file.stat())
        except OSError:
            return False


class RunDirectory:
    """The files of one run under ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.status = path / "status.json"
        self.metrics = path / "metrics.jsonl"
        self.histograms = path / "histograms.jsonl"
        self.checkpoint = path / "checkpoint.pt"
        self.previous_checkpoint = path / "checkpoint.previous.pt"
        self.incoming_checkpoint = path / "checkpoint.incoming.pt"
        self.weights = path / "weights.safetensors"
        self.digests = path / "digests.json"
        self.predictions = path / "predictions"
        self.tensorboard = path / "tensorboard"
        self.log = path / "log.txt"

    def read_status(self) -> Status | None:
        """The status, or None where there is none that can be read."""
        try:
            values = json.loads(self.status.read_text(encoding="utf-8"))
            return Status(**{**values, "state": State(values["state"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def look(self) -> Status | None:
        """The status as it is now: running, with no process that holds the run, is preempted."""
        status = self.read_status()
        if status is None or status.state is not State.RUNNING or self.is_locked():
            return status
        status = self.read_status()  # it may have ended since the first look
        if status is None or status.state is not State.RUNNING:
            return status
        return replace(status, state=State.PREEMPTED)

    def write_status(self, status: Status) -> None:
        """Replace status.json in one move."""
        write_atomically(self.status, (json.dumps(asdict(status), indent=2) + "\n").encode())

    @contextmanager
    def lock(self) -> Iterator[Lock]:
        """Hold the directory for this process; the system lets go of it if the process dies.

        Raises:
            LockedError: another process holds it.
        """
        lock = FileLock(self.path / _LOCK)
        try:
            lock.acquire(timeout=_PATIENCE)  # somebody who only looks holds it for a moment
        except Timeout as error:
            raise LockedError from error
        try:
            yield Lock(self.path / _LOCK)
        finally:
            lock.release()

    def is_locked(self) -> bool:
        """Whether a process is working in the directory now. Writes nothing."""
        try:
            with (self.path / _LOCK).open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False
