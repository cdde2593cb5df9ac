"""Processes that work for this one: forks of a server that has imported torch for all of them."""

import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any

from bnrepro.signals import STOP_SIGNALS


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
        _Context(),
        initializer=partial(_begin, {**os.environ}, initializer, *arguments),
    )


class _Process(ForkServerProcess):
    """Starts without the caller's script, of which it needs nothing.

    A process would otherwise run a script that has no ``if __name__ == "__main__"`` once more.
    """

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:  # noqa: N802 (its name in multiprocessing)
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            return ForkServerProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = script


class _Context(ForkServerContext):
    Process = _Process


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
