"""A small run in a process of its own, to which something happens; then it is run to its end."""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bnrepro.config import RunConfig, load
from bnrepro.runs import RunDirectory, State, locate

OVERRIDES = (
    "experiment=fig1/with_bn",
    "scale=smoke",
    "steps=400",
    "evaluation.every=40",
    "optim.momentum=0.5",
    "runtime.compile=off",
    "runtime.tensorboard=false",
    "runtime.checkpoint_seconds=0.2",
)
_PATIENCE = 600.0  # seconds, of a busy machine

# Its children start with everything imported: in milliseconds, not seconds.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["bnrepro.cli", "bnrepro.training", "hydra", "sklearn.datasets"])


class LossError(Exception):
    """Something was lost, or believed that was not so."""


def demand(holds: bool, otherwise: str) -> None:
    """Raise `LossError` unless something holds."""
    if not holds:
        raise LossError(otherwise)


class Command:
    """`bnrepro train` in a process of its own.

    Args:
        arguments: behind ``train``.
        output: what it says is written here.
        prepare: called in the process first.
    """

    def __init__(
        self, arguments: Sequence[str], output: Path, prepare: Callable[[], None] | None
    ) -> None:
        self._output = output
        self.process = _context.Process(target=_train, args=(arguments, output, prepare))
        self.process.start()

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self.process.pid is not None
        return self.process.pid

    def send(self, number: int) -> None:
        """A signal, if the process is still there."""
        if self.process.is_alive():
            os.kill(self.pid, number)

    def wait(self) -> tuple[int, str]:
        """The exit code and what was said, once it is over."""
        self.process.join(_PATIENCE)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            raise LossError(f"still running after {_PATIENCE:.0f} s")
        said = self._output.read_text(errors="replace") if self._output.exists() else ""
        demand("Traceback" not in said, f"a traceback: {said[-300:]}")
        return code, said


class Trial:
    """One try of a fault.

    Args:
        folder: an empty one; its own.
        overrides: of the run.
        number: of the try; decides on the random moments.
    """

    def __init__(self, folder: Path, overrides: Sequence[str], number: int) -> None:
        self.folder = folder
        self.random = random.Random(number)
        self.runs = folder / "runs"
        self._overrides = [*overrides, f"runtime.runs={self.runs}"]
        self._commands = 0

    @property
    def config(self) -> RunConfig:
        """Of the run."""
        return load(self._overrides)

    @property
    def directory(self) -> RunDirectory:
        """Of the run."""
        return locate(self.config)

    def start(self, *overrides: str, prepare: Callable[[], None] | None = None) -> Command:
        """Train in a process of its own, or go on training."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._commands += 1
        output = self.folder / f"output.{self._commands}.txt"
        return Command([*self._overrides, *overrides], output, prepare)

    def start_and_wait(self, prepare: Callable[[], None] | None = None) -> Command:
        """`start`, until the process has saved a checkpoint, and a random moment longer."""
        directory = self.directory
        before = directory.read_status()
        command = self.start(prepare=prepare)
        while command.process.is_alive():
            status = directory.read_status()
            if (
                status
                and status.pid == command.pid
                and status.step > (before.step if before else 0)
            ):
                break
            time.sleep(0.005)
        time.sleep(self.random.uniform(0, 0.1))
        return command

    def finish(self, *overrides: str) -> tuple[str, tuple[bytes, ...]]:
        """Run to the end; what was said, and the results."""
        code, said = self.start(*overrides).wait()
        status = self.directory.read_status()
        demand(code == 0, f"running it to its end failed: exit {code}: {said[-300:]}")
        demand(status is not None and status.state is State.FINISHED, "it is not finished")
        d = self.directory
        return said, tuple(f.read_bytes() for f in (d.metrics, d.histograms, d.weights))


def _train(arguments: Sequence[str], output: Path, prepare: Callable[[], None] | None) -> None:
    from bnrepro.cli import main

    with output.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    sys.argv = ["bnrepro", "train", *arguments]
    if prepare is not None:
        prepare()
    main()
