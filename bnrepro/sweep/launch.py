"""Hydra's multirun in a process of its own; this one shows how the runs go, and passes signals on.

The runs are processes of Hydra's launcher: joblib's workers here, jobs of submitit on a cluster.
The run directories are the one channel back, so nothing is lost if this process goes away.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from signal import signal as set_handler

import psutil
from rich.console import Console
from rich.live import Live

from bnrepro.config import spell_out_globs, with_late_values
from bnrepro.errors import RunFailedError, UserError
from bnrepro.sweep.job import RETRY_FAILED
from bnrepro.sweep.plan import plan
from bnrepro.sweep.table import WAITING, RunRow, observe, rows_of, table

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_LAST_LOOKS = 0.1  # the launcher has ended, and its workers are about to
# The folder's own files: Hydra's multirun.yaml, the launcher's log, locks of the workers.
_FOLDER = ".sweep"


@dataclass(frozen=True)
class Launcher:
    """Where the runs of a sweep execute.

    Attributes:
        workers: runs side by side; None: one per core, or one per GPU where there are any.
        slurm: as jobs of SLURM, through submitit.
        partition: of SLURM; None: its default.
        hours: time limit of a SLURM job.
        gpus: GPUs of a SLURM job.
    """

    workers: int | None = None
    slurm: bool = False
    partition: str | None = None
    hours: float = 4.0
    gpus: int = 0

    def local_workers(self) -> int:
        """Runs side by side on this machine."""
        return self.workers or _default_workers()

    def overrides(self, folder: Path) -> list[str]:
        """What Hydra is told of it.

        Args:
            folder: for submitit's files.
        """
        if not self.slurm:
            workers = self.local_workers()
            # Runs are long: a worker takes them one by one.
            return [
                "hydra/launcher=joblib",
                f"hydra.launcher.n_jobs={workers}",
                "hydra.launcher.batch_size=1",
                f"hydra.launcher.pre_dispatch={workers}",
            ]
        partition = [f"hydra.launcher.partition={self.partition}"] if self.partition else []
        width = [f"hydra.launcher.array_parallelism={self.workers}"] if self.workers else []
        return [
            "hydra/launcher=submitit_slurm",
            f"hydra.launcher.submitit_folder={folder.absolute() / 'jobs' / '%j'}",
            f"hydra.launcher.timeout_min={max(1, round(60 * self.hours))}",
            f"hydra.launcher.gpus_per_node={self.gpus or 'null'}",
            *partition,
            *width,
        ]


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


def sweep(
    overrides: Sequence[str], launcher: Launcher, retry_failed: bool, console: Console
) -> Swept:
    """Run what is not over yet, and show how it goes until all of it ended.

    Args:
        overrides: Hydra's sweep syntax, its own ``hydra.*`` included.
        launcher: where the runs execute; an override of ``hydra/launcher`` takes its place.
        retry_failed: run failed ones again.
        console: the live table; plain lines where it is no terminal.

    Raises:
        UserError: an override is wrong, or the launcher is not installed.
        RunFailedError: the launcher itself failed.
    """
    overrides = spell_out_globs(overrides)
    # Which runs another sweeper will choose is not known ahead.
    chooses = any(text.lstrip("+").startswith("hydra/sweeper=") for text in overrides)
    runs = Path(_value_of(overrides, "runtime.runs") or "runs")
    planned = [] if chooses else plan(overrides)

    def look() -> list[RunRow]:
        return rows_of(runs) if chooses else [observe(*run) for run in planned]

    if not chooses and not _work_left(look(), retry_failed):
        return Swept(look())
    folder = runs / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"runtime.runs={runs}: cannot be written ({error.strerror}); name a folder that can"
        ) from error
    chosen = any(text.lstrip("+").startswith("hydra/launcher=") for text in overrides)
    command = [
        *(sys.executable, "-c", "from bnrepro.sweep.job import main; main()", "--multirun"),
        *([] if chosen else launcher.overrides(folder)),
        *(
            f"hydra.sweep.dir={folder.absolute()}",
            "hydra.sweep.subdir=.",
            "hydra.output_subdir=null",
        ),
        *("hydra/job_logging=none", "hydra/hydra_logging=none"),
        *with_late_values(overrides),
    ]
    log = folder / "launcher.log"
    # Behind what it holds: another sweep of the same folder may be writing there, too.
    with log.open("ab") as output:
        start = output.tell()
        # A group of its own: what a terminal sends on Ctrl-C comes here, and is passed on once.
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | ({RETRY_FAILED: "1"} if retry_failed else {}),
        )
    with _passing_signals_on(process, console) as stopped_by:
        _watch(process, look, console)
    if stopped_by:
        return Swept(look(), stopped_by[0])
    if process.returncode != 0:
        raise RunFailedError(f"{log}: {_reason(log, start)}")
    return Swept([_ended(row) for row in look()])


def _default_workers() -> int:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return torch.cuda.device_count() or cores or 1


def _ended(row: RunRow) -> RunRow:
    """A run after every worker has ended well: each had its turn, so none is waiting any more."""
    if row.state == WAITING:
        return row._replace(state="deleted", message="its folder was deleted while it was going")
    return row


def _work_left(rows: list[RunRow], retry_failed: bool) -> bool:
    return any(not row.is_over or (retry_failed and row.state == "failed") for row in rows)


def _watch(
    process: subprocess.Popen[bytes], look: Callable[[], list[RunRow]], console: Console
) -> None:
    """Until the last process of the group is gone."""
    told = {row.directory: row.state for row in look()}
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while process.poll() is None or _group_lives(process.pid):
            rows = look()
            if console.is_terminal:
                live.update(table(rows), refresh=True)
            else:
                _tell_changes(rows, told, console)
            _wait(process)
    if not console.is_terminal:
        _tell_changes(look(), told, console)


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Until the next look; less if the process ends before."""
    if process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_BETWEEN_LOOKS)
    else:
        time.sleep(_SECONDS_BETWEEN_LAST_LOOKS)


def _tell_changes(rows: list[RunRow], told: dict[str, str], console: Console) -> None:
    """A line whenever a run's state is another than before."""
    for row in rows:
        if told.get(row.directory) != row.state:
            told[row.directory] = row.state
            if row.state != WAITING:
                accuracy = "" if row.accuracy is None else f", accuracy {row.accuracy:.4f}"
                what = f" {row.changed}" if row.changed else ""
                console.print(
                    f"{row.experiment} seed {row.seed}{what}: {row.state} "
                    f"at step {row.step:,} of {row.steps:,}{accuracy}",
                    highlight=False,
                    soft_wrap=True,
                    markup=False,
                )


@contextmanager
def _passing_signals_on(
    process: subprocess.Popen[bytes], console: Console
) -> Iterator[list[Signals]]:
    """A first signal asks every run to stop at a step's end; a second one kills."""
    received: list[Signals] = []

    def receive(number: int, _frame: object) -> None:
        _signal_group(process.pid, SIGKILL if received else SIGTERM)
        received.append(Signals(number))
        console.print("stopping: every run ends its step and writes a checkpoint", highlight=False)

    before = {s: set_handler(s, receive) for s in (SIGINT, SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            set_handler(number, handler)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # all of it has ended


def _group_lives(group: int) -> bool:
    """Whether a process of a group still works; one that ended and nobody asked about does not.

    In a container whose first process asks about none, those stay for ever.
    """
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def _value_of(overrides: Sequence[str], key: str) -> str | None:
    values = [text.partition("=")[2] for text in overrides if text.partition("=")[0] == key]
    return values[-1] if values else None


def _reason(log: Path, start: int) -> str:
    lines = log.read_bytes()[start:].decode(errors="replace").splitlines()
    said = [line.strip() for line in lines if line.strip() and "HYDRA_FULL_ERROR" not in line]
    if not said:
        return "the launcher ended without a word"
    # Hydra says at once what it cannot take, and what went wrong later at the end.
    return said[-1] if said[0].startswith(("Traceback", "Error")) else said[0]
