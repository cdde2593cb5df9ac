"""Runs on this machine: threads that each feed a process of their own.

A pool of many processes ends as a whole when one of them is killed; a pool of one does not take
the others along, and tells which run it was at.
"""

import os
import signal
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from pathlib import Path

from bnrepro.config import RunConfig
from bnrepro.forkserver import process_pool
from bnrepro.runs import State, locate
from bnrepro.sweep.worker import Problem, start_worker, train


class LocalJobs:
    """Runs that go side by side in worker processes; a worker takes one after another.

    Args:
        configs: the runs.
        workers: how many side by side.
        retry_failed: run failed ones again.
        log: where what workers print is appended.
    """

    def __init__(
        self, configs: Sequence[RunConfig], workers: int, retry_failed: bool, log: Path
    ) -> None:
        self.problems: dict[Path, Problem] = {}
        self._waiting = iter(configs)  # shared by the threads: each run is taken once
        self._retry_failed = retry_failed
        self._log = log
        self._processes: dict[int, int] = {}
        self._stopping = False
        workers = min(workers, len(configs))
        self._threads = ThreadPoolExecutor(workers)
        self._futures = [self._threads.submit(self._work, number) for number in range(workers)]

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, and tell whether all runs have ended."""
        done, going = wait(self._futures, seconds)
        for future in done:
            future.result()
        return not going

    def stop(self) -> None:
        """Let no run begin, and ask those that are going to stop at the end of a step."""
        self._stopping = True
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End every worker at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        for process in list(self._processes.values()):
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def _work(self, number: int) -> None:
        """Take runs until none is left, in one process; after its death, in the next."""
        pool: ProcessPoolExecutor | None = None
        for config in self._waiting:
            try:
                if pool is None:
                    pool = process_pool(1, start_worker, self._log)
                    self._processes[number] = pool.submit(os.getpid).result()
                if self._stopping:
                    break
                problem = pool.submit(train, config, self._retry_failed, number).result()
            except BrokenProcessPool:
                self._processes.pop(number, None)
                death = f"its process was killed, or crashed (see {self._log}; out of memory?)"
                pool, problem = None, Problem(State.PREEMPTED, death)
            if problem is not None:
                self.problems[locate(config).path] = problem
        self._processes.pop(number, None)
        if pool is not None:
            pool.shutdown()
