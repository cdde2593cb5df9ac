import os
import signal
import subprocess
import sys

import pytest

from bnrepro.training.signals import stop_on_signals

PROGRAM = """
import time
from bnrepro.training.signals import stop_on_signals
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


def test_first_signal_is_noted_and_handlers_are_restored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert stop.signal is None
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal is signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is before
