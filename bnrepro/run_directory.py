"""The run directory: the one channel between training, which writes it, and everything that reads.

``config.yaml`` (resolved, with versions and commit), ``status.json``, ``metrics.jsonl`` (the truth:
a row a line), ``histograms.jsonl`` (what the probes saw at each evaluation), ``checkpoint.pt``
(last good) and ``checkpoint.previous.pt``, ``weights.safetensors`` (final), ``predictions/`` (of
held-out data, by `bnrepro evaluate`), ``tensorboard/`` (a view of the rows), ``log.txt``.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from filelock import FileLock, Timeout

Row = dict[str, float | int]
"""One line of metrics.jsonl: ``step`` and whatever was recorded there, by its tag."""


class Histogram(NamedTuple):
    """One line of histograms.jsonl: the inputs to a layer's nonlinearity at one evaluation.

    Attributes:
        step: updates done.
        layer: its name in the network.
        low: left edge of the first bin.
        high: right edge of the last bin.
        counts: values in each bin; the bins are equally wide.
    """

    step: int
    layer: str
    low: float
    high: float
    counts: list[int]


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
_TAIL_BYTES = 65_536
_NUMBERS = frozenset({int, float})


class LockedError(Exception):
    """Another process is working in the run directory."""


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
        self.weights = path / "weights.safetensors"
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
    def lock(self) -> Iterator[None]:
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
            yield
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


def read_rows(metrics: Path) -> Iterator[Row]:
    """The rows of a metrics.jsonl, in order.

    Raises:
        ValueError: a line is no JSON object with a step; names the line.
    """
    with metrics.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            yield _parse_row(line, number)


def read_good_rows(metrics: Path) -> tuple[list[Row], list[str]]:
    """The rows of a metrics.jsonl that can be read, and what is wrong with each of the others.

    Steps only grow: a row that is not beyond the one before it is damaged, too.
    """
    rows: list[Row] = []
    damage = []
    with metrics.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = _parse_row(line, number)
            except ValueError as error:
                damage.append(str(error))
                continue
            if rows and row["step"] <= rows[-1]["step"]:
                damage.append(f"line {number} is not beyond the step before it")
            else:
                rows.append(row)
    return rows, damage


def _parse_row(line: bytes, number: int) -> Row:
    try:
        row: Any = json.loads(line.decode())  # as bytes, json guesses at their encoding first
    except ValueError as error:
        raise ValueError(f"line {number} is no JSON row") from error
    if not isinstance(row, dict) or "step" not in row:
        raise ValueError(f"line {number} is no row with a step")
    if not _NUMBERS.issuperset(map(type, row.values())):
        raise ValueError(f"line {number} holds what is no number")
    return row


def last_values(metrics: Path) -> Row:
    """The newest value of each tag near the end of a metrics.jsonl that may be being written."""
    try:
        with metrics.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except OSError:
        return {}
    values: Row = {}
    for line in lines:
        try:
            values |= json.loads(line)
        except (ValueError, TypeError):
            continue  # the first line is cut by the seek, the last may be half written
    return values


def read_histograms(histograms: Path, start: int = 0) -> Iterator[tuple[Histogram, int]]:
    """The lines of a histograms.jsonl, each with the position behind it; ends at one not whole.

    Args:
        histograms: the file.
        start: position to begin at.
    """
    with histograms.open("rb") as lines:
        lines.seek(start)
        for line in iter(lines.readline, b""):
            try:
                histogram = Histogram(**json.loads(line))
            except (ValueError, TypeError):
                return
            if not line.endswith(b"\n"):
                return
            yield histogram, lines.tell()


def find_runs(runs: Path) -> Iterator[RunDirectory]:
    """Every run directory below ``runs``, in a fixed order."""
    for config in sorted(runs.glob("**/config.yaml")):
        yield RunDirectory(config.parent)


def count_runs(runs: Path) -> dict[str, dict[str, dict[str, int]]]:
    """How many runs are in which state: by ``experiment``, ``scale`` and ``data``, then by name.

    A run that says it is running while no process holds it counts as preempted.
    """
    counts: dict[str, dict[str, dict[str, int]]] = {"experiment": {}, "scale": {}, "data": {}}
    for directory in find_runs(runs):
        try:
            config = yaml.safe_load(directory.config.read_text(encoding="utf-8"))["config"]
            names = {
                "experiment": config["experiment"],
                "scale": config["scale"],
                "data": config["data"]["name"],
            }
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            continue
        status = directory.look()
        state = status.state if status else State.FAILED
        for group, name in names.items():
            states = counts[group].setdefault(name, {})
            states[state] = states.get(state, 0) + 1
    return counts


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside ``path``, flush to disk, rename: a reader sees the old file or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
