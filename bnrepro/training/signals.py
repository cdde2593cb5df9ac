"""SIGINT and SIGTERM: stop at the end of a step; a second one leaves at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether the process has been asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """The handler: note the first signal, obey the second."""
        if self.signal is None:
            self.signal = signal.Signals(number)
        else:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Collect SIGINT and SIGTERM for the length of the block, then restore the handlers."""
    request = StopRequest()
    before = {s: signal.signal(s, request.receive) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
