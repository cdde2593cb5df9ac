"""What a worker does: one run after another, each unless it is over or another process is at it."""

import os
import signal
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.errors import RunBusyError, RunDeletedError
from bnrepro.forkserver import unblock_signals
from bnrepro.messages import reason
from bnrepro.runs import State, locate
from bnrepro.signals import STOP_SIGNALS, end_with_parent

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
    """Train one run of a sweep; whatever goes wrong stops no other run.

    Args:
        config: the run.
        retry_failed: run it again if it failed before.
        number: of the worker, counted from 0 on its machine: decides on its GPU.
    """
    import torch

    from bnrepro.training import run

    status = locate(config).read_status()
    if status is not None and status.state is State.FAILED and not retry_failed:
        return None
    gpus = torch.cuda.device_count() if config.runtime.device in ("auto", "cuda") else 0
    try:
        if gpus > 1:
            torch.cuda.set_device(number % gpus)
        run(config, Console(quiet=True))
    except RunBusyError:
        return None
    except RunDeletedError:
        return DELETION
    except Exception as error:
        return Problem(State.FAILED, reason(error))
    return None


def start_worker(log: Path) -> None:
    """Prepare a fresh process of a pool, which was started with its signals blocked.

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
    unblock_signals()
    end_with_parent(_SECONDS_TO_STOP)
