"""What a worker does: one run after another, each unless it is over or another process is at it."""

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from rich.console import Console

from bnrepro.config import RunConfig, run_path
from bnrepro.errors import RunBusyError, RunDeletedError
from bnrepro.runs import RunDirectory, State

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_SECONDS_TO_STOP = 60.0


class Problem(NamedTuple):
    """Why a run did not end well, where its folder may not be able to say so.

    Attributes:
        state: preempted, failed or deleted.
        message: what happened, on one line.
    """

    state: str
    message: str


DELETION = Problem("deleted", "its folder was deleted while it was going")


def train(config: RunConfig, retry_failed: bool, number: int = 0) -> Problem | None:
    """Train one run of a sweep. An error is written into its status and stops no other run.

    Args:
        config: the run.
        retry_failed: run it again if it failed before.
        number: of the worker, counted from 0 on its machine: decides on its GPU.
    """
    directory = RunDirectory(run_path(config))
    if _is_over(directory, retry_failed):
        return None
    try:
        _train(config, number)
    except RunBusyError:
        return None
    except RunDeletedError:
        return DELETION
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        _write_failure(config, directory, reason)
        return Problem(State.FAILED, reason)
    return None


def start_worker(log: Path) -> None:
    """Prepare a fresh process of a pool, whose parent has blocked its signals.

    Args:
        log: where what the process prints is appended; the terminal is the parent's.
    """
    # Ctrl-C reaches every process of the terminal's group; the parent alone passes it on.
    os.setsid()
    with log.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Stop the run in progress, then the process: without a parent it would wait for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_SECONDS_TO_STOP)
    os.kill(os.getpid(), signal.SIGTERM)


def _is_over(directory: RunDirectory, retry_failed: bool) -> bool:
    status = directory.read_status()
    if status is None:
        return False
    return status.state.is_final or (status.state is State.FAILED and not retry_failed)


def _train(config: RunConfig, number: int) -> None:
    import torch

    from bnrepro.training import run

    if torch.cuda.device_count() > 1 and config.runtime.device in ("auto", "cuda"):
        torch.cuda.set_device(number % torch.cuda.device_count())
    run(config, Console(quiet=True))


def _write_failure(config: RunConfig, directory: RunDirectory, reason: str) -> None:
    from bnrepro.training.claim import make_status

    before = directory.read_status()
    step, seconds = (before.step, before.seconds) if before else (0, 0.0)
    with suppress(OSError):
        directory.path.mkdir(parents=True, exist_ok=True)
        directory.write_status(make_status(config, State.FAILED, step, seconds, 0.0, reason))
