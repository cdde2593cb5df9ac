import os
import pty
import signal
import subprocess
import sys
import time

import psutil
import pytest

from bnrepro.signals import stop_on_signals

PROGRAM = """
import time
from bnrepro.signals import stop_on_signals
with stop_on_signals() as stop:
    print("ready", flush=True)
    while stop.signal is None:
        time.sleep(0.01)
    print("a step that takes long", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_leaves_at_once(number: signal.Signals) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as told:
        assert told.readline() == "ready\n"
        process.send_signal(number)
        assert told.readline() == "a step that takes long\n"
        process.send_signal(number)
        assert process.wait(timeout=10) == -number


def test_closed_terminal_stops_it_as_it_would_be_asked_to() -> None:
    """The terminal is gone, and the shell sends a second SIGHUP: neither is the end."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", HANG_UP])
    with os.fdopen(terminal, "rb") as lines:
        assert lines.readline() == b"ready\r\n"
        os.kill(child, signal.SIGHUP)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7


HANG_UP = """
import os, signal, sys, time
from bnrepro.signals import stop_on_signals
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may run under nohup
with stop_on_signals() as stop:
    print("ready", flush=True)
    while stop.signal is None:
        time.sleep(0.01)
    time.sleep(0.5)
    print("nobody reads this", flush=True)
    print("nor this", file=sys.stderr, flush=True)
os._exit(7 if stop.signal.name == "SIGHUP" else 1)
"""


def test_run_under_nohup_is_left_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.signal is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_first_signal_is_noted_and_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert stop.signal is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before


ORPHAN = """
import os
from bnrepro.forkserver import process_pool
from bnrepro.signals import end_with_parent

pool = process_pool(1, end_with_parent, 0.1)
# SIGTERM stays blocked in it, as where its main thread waits for a process that is gone.
print(pool.submit(os.getpid).result(), flush=True)
os._exit(0)
"""


def test_process_ends_after_its_parent_even_if_it_hears_no_signal() -> None:
    done = subprocess.run([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, check=True)
    worker = int(done.stdout)
    for _ in range(100):
        if not psutil.pid_exists(worker):
            return
        time.sleep(0.1)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("it is still there")
