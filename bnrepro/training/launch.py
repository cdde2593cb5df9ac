"""Starting the processes of a run on this machine, by torchrun's engine."""

import logging
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.forkserver import set_forkserver_preload
from typing import TypeVar

from rich.console import Console

from bnrepro.config import RunConfig
from bnrepro.errors import RunFailedError, UserError
from bnrepro.signals import STOP_SIGNALS, end_with_parent, handling
from bnrepro.training.processes import ProcessLostError, pick_processes_device

T = TypeVar("T")
Run = Callable[[RunConfig, Console], T]

# Once a process is lost, or the parent: for the others to note it and to save.
_SECONDS_TO_STOP = 20


def launch(run: Run[T], config: RunConfig, console: Console) -> T:
    """Run in as many processes as the config asks for. SIGINT and SIGTERM are passed on to them.

    Args:
        run: what each process does; a function at the top of a module.
        config: of the run.
        console: the first process writes to the same stream.

    Returns:
        What it returns in the first process.

    Raises:
        UserError: there are no devices for this many processes, or ``run`` raises it.
        RunFailedError: ``run`` raises it.
        ProcessLostError: a process was killed or failed in another way.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    count = config.runtime.processes
    pick_processes_device(config, count)
    # torch is imported once and not by every process.
    set_forkserver_preload([run.__module__])
    with tempfile.TemporaryDirectory() as logs, _quiet_engine(), _passing_signals_on() as received:
        settings = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=count,
            run_id=f"bnrepro-{os.getpid()}",
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",  # a free port
            local_addr="localhost",
            max_restarts=0,
            start_method="forkserver",
            signals_to_handle="",
            logs_specs=DefaultLogsSpecs(log_dir=logs),
            shutdown_timeout=_SECONDS_TO_STOP,
        )
        try:
            ends = elastic_launch(settings, _work)(run, config, console.stderr, console.quiet)
        except ChildFailedError as error:
            if received:
                raise SystemExit(128 + received[0]) from error
            rank, failure = error.get_first_failure()
            raise ProcessLostError(
                f"process {rank} of {count} ended ({failure.message}) and the others with it; run "
                "the same command again to go on"
            ) from error
    end: T | Exception = ends[0]
    if isinstance(end, Exception):
        # Another process may know better why the first one was left alone.
        causes = [e for e in ends.values() if isinstance(e, Exception)]
        raise next((e for e in causes if not isinstance(e, ProcessLostError)), end)
    return end


def _work(run: Run[T], config: RunConfig, stderr: bool, quiet: bool) -> T | Exception:
    """What each process does; errors that have a message are handed over, not printed."""
    os.setsid()  # the terminal's Ctrl-C comes by way of the parent alone
    end_with_parent(_SECONDS_TO_STOP)
    try:
        return run(config, Console(stderr=stderr, quiet=quiet or os.environ["RANK"] != "0"))
    except (UserError, RunFailedError) as error:
        if isinstance(error, ProcessLostError) and error.signal is not None:
            # The parent knew before, and asked this process to end: it waits for nothing else.
            raise SystemExit(128 + error.signal) from error
        return error


@contextmanager
def _passing_signals_on() -> Iterator[list[int]]:
    """Collects the stop signals that came; the processes end their step, and their work."""
    received: list[int] = []

    def receive(number: int, _frame: object) -> None:
        received.append(number)
        children = multiprocessing.active_children()
        if not children:
            os._exit(128 + number)
        for child in children:
            if child.pid is not None:
                os.kill(child.pid, number)

    with handling(dict.fromkeys(STOP_SIGNALS, receive)):
        yield received


@contextmanager
def _quiet_engine() -> Iterator[None]:
    """The engine logs every death at length; this module says it in one line."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
