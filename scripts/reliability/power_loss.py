"""Power loss at every moment of a run: whether it goes on from what is found afterwards."""

import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from rich.console import Console

from bnrepro.config import RunConfig, load, read_stored
from bnrepro.runs import RunDirectory, Status, locate
from bnrepro.runs.digests import check_rows, check_weights
from bnrepro.training import run
from bnrepro.training.checkpoint import load_checkpoint
from bnrepro.training.observers import HistogramRecorder, Recorder
from bnrepro.verification import verify_runs
from reliability.disk import Disk, Flush, Operation, State, Trace, states_after_power_loss

STEPS = 3
_OVERRIDES = (
    "experiment=fig1/with_bn",
    "scale=smoke",
    f"steps={STEPS}",
    "record.every=1",
    "evaluation.every=1",
    "evaluation.population_batches=1",
    "model.hidden=[3]",
    "runtime.compile=off",
    "runtime.tensorboard=false",
    "runtime.checkpoint_seconds=0",
)
# Nothing rests on what is said, nor on the lock of a process that is gone.
_IGNORED = ("log.txt", ".lock")


@dataclass(frozen=True)
class Recording:
    """What a run did to its files until it ended.

    Attributes:
        before: the disk when it began.
        operations: what it did; a promise is each status that it wrote.
    """

    before: Disk
    operations: Sequence[Operation]

    def sites(self) -> set[str]:
        """Where the program flushes."""
        return {o.site for o in self.operations if isinstance(o, Flush)}

    def without(self, site: str) -> "Recording":
        """The same run by a program that does not flush in one place."""
        rest = [o for o in self.operations if not (isinstance(o, Flush) and o.site == site)]
        return Recording(self.before, rest)

    def states(self) -> Iterator[tuple[State, Status | None]]:
        """Every state that power loss can leave, with the last status that had been written."""
        return states_after_power_loss(self.before, self.operations)


class Survey:
    """A recorded run, and a look at what is lost in states of its disk.

    Args:
        folder: of its own.
        start: the disk when the run begins.
    """

    def __init__(self, folder: Path, start: State) -> None:
        self._root = folder / "whole"
        self._folder = folder / "state"
        self._root.mkdir(parents=True)
        _write(self._root, start)
        self.recording = _record(self._root)
        self._whole = locate(_config(self._root))

    def lay_out(self, state: State) -> RunDirectory:
        """The run's folder as the disk has it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        _write(self._folder, state)
        directory = RunDirectory(self._folder / self._whole.path.relative_to(self._root))
        directory.path.mkdir(parents=True, exist_ok=True)
        return directory

    def loss(self, state: State, promised: Status | None) -> str:
        """What is wrong with a state; empty: the run goes on from what was promised, or later."""
        directory = self.lay_out(state)
        try:
            status = directory.read_status()
            if promised and status is None:
                return "status.json is lost"
            if status and status.state.is_final:
                return self._loss_of_ended(directory)
            if promised and promised.state.is_final:
                return "the run had ended"
            return self._loss_of_unfinished(directory, promised.step if promised else 0)
        except Exception as error:  # whatever a reader trips over is a loss
            return f"{type(error).__name__}: {error}"

    def finish(self, state: State) -> str:
        """Go on from a state to the end; empty: it is that of the run that was never stopped."""
        self.lay_out(state)
        directory = run(_config(self._folder), _quiet()).directory
        return self._loss_of_ended(directory)

    def _loss_of_ended(self, directory: RunDirectory) -> str:
        check_weights(directory, directory.weights.read_bytes())
        for name in ("metrics", "histograms", "weights"):
            if getattr(directory, name).read_bytes() != getattr(self._whole, name).read_bytes():
                return f"{name} differ from those of the run that was never stopped"
        return "; ".join(verify_runs([directory]).damage)

    def _loss_of_unfinished(self, directory: RunDirectory, promised: int) -> str:
        if promised and (damage := verify_runs([directory]).damage):
            return "; ".join(damage)
        if directory.config.exists() and read_stored(directory.config) is None:
            return "config.yaml is damaged"
        said: list[str] = []
        checkpoint = load_checkpoint(directory, said.append)
        if said:
            return "; ".join(said)
        step, position = (
            (checkpoint["step"], checkpoint["metrics_bytes"]) if checkpoint else (None, 0)
        )
        if (step or 0) < promised:
            return f"step {step} is left of {promised}"
        if checkpoint:
            if not directory.config.exists():
                return "config.yaml is lost"
            check_rows(directory, position)
        Recorder(directory.metrics, position).close()
        HistogramRecorder(directory.histograms, step)
        for file, whole in (
            (directory.metrics, self._whole.metrics),
            (directory.histograms, self._whole.histograms),
        ):
            rows = whole.read_bytes().splitlines(keepends=True)
            expected = b"".join(row for row in rows if step is not None and _step(row) <= step)
            if (file.read_bytes() if file.exists() else b"") != expected:
                return f"{file.name} is not that of step {step}"
        return ""


def surveys(folder: Path) -> tuple[Survey, Survey]:
    """A run from its start, and one that goes on from the checkpoint before the last.

    Args:
        folder: an empty one.
    """
    fresh = Survey(folder / "fresh", {})
    *_, (state, _) = ((s, p) for s, p in fresh.recording.states() if p and p.step == STEPS - 1)
    resumed = {name: content for name, content in state.items() if name.name != "checkpoint.pt"}
    [status] = [name for name in state if name.name == "status.json"]
    behind = json.loads(state[status]) | {"step": STEPS - 2}
    return fresh, Survey(folder / "resumed", resumed | {status: json.dumps(behind).encode()})


def _record(folder: Path) -> Recording:
    trace = Trace(folder, _IGNORED)
    write_status = RunDirectory.write_status

    def write_and_promise(directory: RunDirectory, status: Status) -> None:
        write_status(directory, status)
        trace.promise(status)

    with trace.record(), patch.object(RunDirectory, "write_status", write_and_promise):
        run(_config(folder), _quiet())
    return Recording(trace.before, trace.operations)


def _write(folder: Path, state: State) -> None:
    for name, content in state.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _step(row: bytes) -> int:
    return int(row.partition(b'"step": ')[2].partition(b",")[0])


def _config(folder: Path) -> RunConfig:
    return load([*_OVERRIDES, f"runtime.runs={folder / 'runs'}"])


def _quiet() -> Console:
    return Console(file=io.StringIO())
