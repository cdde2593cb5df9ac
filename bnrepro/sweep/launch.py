"""Start the runs of a sweep, show how they go until all have ended, and pass signals on.

The run directories are the one channel back, so nothing is lost if this process goes away.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live

from bnrepro.config import RunConfig
from bnrepro.errors import RunFailedError, UserError
from bnrepro.messages import say
from bnrepro.runs import RunDirectory, State, locate_all
from bnrepro.signals import STOP_SIGNALS, handling
from bnrepro.sweep.launcher import Launcher
from bnrepro.sweep.local import LocalJobs
from bnrepro.sweep.table import WAITING, RunRow, observe, table
from bnrepro.sweep.worker import DELETION, Problem

if TYPE_CHECKING:
    from bnrepro.sweep.ray import RayJobs
    from bnrepro.sweep.slurm import SlurmJobs

    Jobs = LocalJobs | SlurmJobs | RayJobs

_SECONDS_BETWEEN_LOOKS = 1.0
# What is no run's own: what workers printed, submitit's files.
_FOLDER = ".sweep"


@dataclass(frozen=True)
class Swept:
    """How a sweep ended.

    Attributes:
        rows: how each of its runs stands.
        signal: what stopped it; None: it came to its end.
    """

    rows: list[RunRow]
    signal: Signals | None = None

    @property
    def failed(self) -> list[RunRow]:
        """The runs that failed."""
        return [row for row in self.rows if row.state == "failed"]

    @property
    def elsewhere(self) -> list[RunRow]:
        """The runs that another process is working on."""
        return [row for row in self.rows if row.state == "running"]

    @property
    def undone(self) -> list[RunRow]:
        """The runs that neither ended nor are going: deleted, or stopped from outside."""
        return [row for row in self.rows if not row.is_over and row.state != "running"]

    def check_some_ended(self) -> None:
        """Whether there is anything to show.

        Raises:
            RunFailedError: every run failed; the message is the first one's.
        """
        if self.rows and len(self.failed) == len(self.rows):
            first = self.rows[0]
            raise RunFailedError(f"every run failed, the first one with: {first.message}")


def sweep(
    configs: Sequence[RunConfig], launcher: Launcher, retry_failed: bool, console: Console
) -> Swept:
    """Run what is not over yet, and show how it goes until all of it ended.

    Args:
        configs: the runs; one that is there twice runs once.
        launcher: where they execute.
        retry_failed: run failed ones again.
        console: the live table; plain lines where it is no terminal.

    Raises:
        UserError: the runs folder cannot be written, or the launcher is not installed.
        RunFailedError: the launcher takes no jobs.
    """
    located = zip(locate_all(configs), configs, strict=True)
    runs = {directory.path: config for directory, config in located}

    def look(before: Sequence[RunRow] = ()) -> list[RunRow]:
        known = dict(zip(runs, before, strict=True)) if before else {}
        return [
            known[path]
            if path in known and _stands_still(known[path])
            else observe(config, RunDirectory(path))
            for path, config in runs.items()
        ]

    rows = look()
    left = [
        config
        for row, config in zip(rows, runs.values(), strict=True)
        if not row.is_over or (retry_failed and row.state == State.FAILED)
    ]
    if not left:
        return Swept(rows)
    jobs = _start(left, launcher, retry_failed)
    with _passing_signals_on(jobs, console) as received:
        _watch(jobs, look, rows, console)
    if received:
        return Swept(look(), received[0])
    problems = jobs.problems
    return Swept([_explain(row, problems.get(Path(row.directory))) for row in look()])


def _start(configs: Sequence[RunConfig], launcher: Launcher, retry_failed: bool) -> "Jobs":
    runs = configs[0].runtime.runs
    folder = Path(runs) / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"runtime.runs={runs}: cannot be written ({error.strerror}); name a folder that can"
        ) from error
    if launcher.engine == "local":
        workers = launcher.local_workers()
        return LocalJobs(configs, workers, retry_failed, folder / "workers.log")
    try:
        if launcher.engine == "ray":
            from bnrepro.sweep.ray import RayJobs

            return RayJobs(configs, launcher, retry_failed)
        from bnrepro.sweep.slurm import SlurmJobs

        return SlurmJobs(configs, launcher, retry_failed, folder / "jobs")
    except ModuleNotFoundError as error:
        raise UserError(
            f"--{launcher.engine}: {error.name} is not installed; "
            f"pip install '.[{launcher.engine}]'"
        ) from error


def _stands_still(row: RunRow) -> bool:
    """Whether a run is as it was: over, or not there yet. Hundreds are, at most looks."""
    if row.state == WAITING:
        return not Path(row.directory).exists()
    return row.state in (State.FINISHED, State.DIVERGED)  # a failed one may be run again


def _watch(
    jobs: "Jobs",
    look: Callable[[Sequence[RunRow]], list[RunRow]],
    rows: list[RunRow],
    console: Console,
) -> None:
    """Until all runs have ended; ``rows``: how they stand at first."""
    shown = {row.directory: row.state for row in rows}
    over = False
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not over:
            over = jobs.wait(_SECONDS_BETWEEN_LOOKS)
            rows = look(rows)
            if console.is_terminal:
                live.update(table(rows), refresh=True)
            else:
                _print_changes(rows, shown, console)


def _print_changes(rows: list[RunRow], shown: dict[str, str], console: Console) -> None:
    """A line whenever a run's state is another than before."""
    for row in rows:
        if shown.get(row.directory) != row.state:
            shown[row.directory] = row.state
            if row.state != WAITING:
                accuracy = "" if row.accuracy is None else f", accuracy {row.accuracy:.4f}"
                what = f" {row.changed}" if row.changed else ""
                say(
                    console,
                    f"{row.experiment} seed {row.seed}{what}: {row.state} "
                    f"at step {row.step:,} of {row.steps:,}{accuracy}",
                )


@contextmanager
def _passing_signals_on(jobs: "Jobs", console: Console) -> Iterator[list[Signals]]:
    """A first signal asks every run to stop at a step's end; a second one kills."""
    received: list[Signals] = []

    def receive(number: int, _frame: object) -> None:
        received.append(Signals(number))
        if len(received) > 1:
            jobs.kill()
        else:
            jobs.stop()
            say(console, "stopping: every run ends its step and writes a checkpoint")

    with handling(dict.fromkeys(STOP_SIGNALS, receive)):
        try:
            yield received
        except BaseException:
            jobs.stop()  # nobody watches any more
            raise


def _explain(row: RunRow, problem: Problem | None) -> RunRow:
    """How a run stands after the end, where its folder cannot say so itself."""
    if row.state == WAITING and problem is None:
        problem = DELETION  # it had its turn
    if problem is None or row.state in (State.RUNNING, State.FINISHED, State.DIVERGED):
        return row
    return row._replace(state=problem.state, message=problem.message)
