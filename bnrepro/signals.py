"""How processes are asked to stop, by signals and by the death of their parent."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Thread
from types import FrameType

Handler = Callable[[int, FrameType | None], None]

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_SECONDS_TO_SAY_SO = 2.0  # for a run that has stopped to write its last status


@contextmanager
def handling(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Handle signals so for the length of the block, then as before."""
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_with_parent(seconds: float) -> None:
    """Ask this process to stop when its parent dies: without one it would wait for ever.

    Args:
        seconds: that it has at most for the step in progress; it ends soon after its run.
    """
    Thread(target=_wait_for_parent, args=(seconds,), daemon=True).start()


def _wait_for_parent(seconds: float) -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)  # outside a run, this ends the process
    end = time.monotonic() + seconds
    while signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL and time.monotonic() < end:
        time.sleep(0.1)
    time.sleep(_SECONDS_TO_SAY_SO)
    # A handler would not run while the main thread waits for a process that is gone, too.
    os._exit(128 + signal.SIGTERM)


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
    """SIGINT, SIGTERM and SIGHUP: stop at the end of a step; a second one leaves at once.

    SIGHUP stays ignored where it is, as under nohup.
    """
    request = StopRequest()
    handlers: dict[signal.Signals, Handler] = {
        signal.SIGINT: request.receive,
        signal.SIGTERM: request.receive,
        signal.SIGHUP: request.receive,
        signal.SIGCONT: request.note_pause,
    }
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        del handlers[signal.SIGHUP]
    with handling(handlers):
        yield request
