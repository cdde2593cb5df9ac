"""Processes that work for this one: forks of a server that has imported torch for all of them."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import forkserver, get_context, resource_tracker

from bnrepro.signals import STOP_SIGNALS


def usable_cores() -> int:
    """Cores that this process may run on."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def start_server() -> None:
    """Start the server, unless it is running; it imports while this process goes on.

    Its forks begin with the stop signals blocked, so that none meets them before they are ready.
    """
    # Started here, as its start would let the signals through that are blocked below.
    resource_tracker.ensure_running()
    forkserver.set_forkserver_preload(["bnrepro.training"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def process_pool(
    workers: int, initializer: Callable[..., None], *arguments: object
) -> ProcessPoolExecutor:
    """A pool of such processes.

    Args:
        workers: how many.
        initializer: what each begins with; it unblocks the stop signals.
        arguments: of the initializer.
    """
    start_server()
    return ProcessPoolExecutor(
        workers,
        get_context("forkserver"),
        initializer=partial(_begin, {**os.environ}, initializer, *arguments),
    )


def _begin(
    environment: dict[str, str], initializer: Callable[..., None], *arguments: object
) -> None:
    """With the environment of who asks for it; the server has that of its start."""
    os.environ.clear()
    os.environ.update(environment)
    initializer(*arguments)


def unblock_signals() -> None:
    """From here on the stop signals reach this process."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
