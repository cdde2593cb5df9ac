"""Processes that are forks of one server."""

import subprocess
import sys

_ASK = """
import signal
from bnrepro.forkserver import process_pool, unblock_signals

ask = signal.pthread_sigmask, signal.SIG_BLOCK, ()
for initializer in (ask, (unblock_signals,)):
    with process_pool(1, *initializer) as pool:
        print([*map(int, sorted(pool.submit(*ask).result()))])
print([*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))])
"""


def test_forks_begin_with_the_stop_signals_blocked() -> None:
    """Else Ctrl-C, which a terminal sends to all, would meet one that cannot handle it yet."""
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[2, 15]", "[]", "[]"]
