"""SIGINT, SIGTERM and SIGHUP: stop at the end of a step; a second one leaves at once."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether the process has been asked to stop, and by which signal.

    Attributes:
        signal: the first that asked; None: go on.
        was_paused: whether SIGSTOP or Ctrl-Z stood the process still since this was last unset.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.was_paused = False
        self._terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """The handler: note the first signal, obey the second."""
        if number == signal.SIGHUP:
            self._leave_terminal()
        if self.signal is None:
            self.signal = signal.Signals(number)
        elif number != signal.SIGHUP:  # which both the system and the shell send
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def note_pause(self, _number: int, _frame: FrameType | None) -> None:
        """The handler of SIGCONT."""
        self.was_paused = True

    def _leave_terminal(self) -> None:
        """Say nothing more to a terminal that is gone: writing to it would be an error."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in self._terminals:
            os.dup2(nowhere, descriptor)
        os.close(nowhere)


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Collect the signals for the length of the block, then restore the handlers.

    SIGHUP stays ignored where it is, as under nohup.
    """
    request = StopRequest()
    handlers = {
        signal.SIGINT: request.receive,
        signal.SIGTERM: request.receive,
        signal.SIGHUP: request.receive,
        signal.SIGCONT: request.note_pause,
    }
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        del handlers[signal.SIGHUP]
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
