"""Reading ahead: what the next steps need is fetched while the device works on this one."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_STEPS = 6  # ahead: enough to bridge a slow read, and some 40 MB of mini-batches at 256 px
_THREADS = min(_STEPS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)

T = TypeVar("T")


class ReadAhead(Generic[T]):
    """Fetches in threads what steps ask for, in whichever order they come.

    Args:
        start: of a step, called in order in the caller's thread: returns the work itself, which
            runs in a thread.
        following: which step will be asked for after another.
    """

    def __init__(
        self, start: Callable[[int], Callable[[], T]], following: Callable[[int], int]
    ) -> None:
        self._start = start
        self._following = following
        self._threads = ThreadPoolExecutor(_THREADS)
        self._reading: dict[int, Future[T]] = {}

    def __call__(self, step: int) -> T:
        """What the step needs; the steps after it are begun."""
        wanted = [step]
        for _ in range(_STEPS):
            wanted.append(self._following(wanted[-1]))
        for other in self._reading.keys() - wanted:
            self._reading.pop(other).cancel()
        for one in wanted:
            if one not in self._reading:
                self._reading[one] = self._threads.submit(self._start(one))
        return self._reading.pop(step).result()
