"""Processes that are forks of one server."""

import subprocess
import sys

_ASK = """
import os
import signal
from bnrepro.forkserver import process_pool, unblock_signals

blocked = signal.pthread_sigmask, signal.SIG_BLOCK, ()
for initializer in (blocked, (unblock_signals,)):
    os.environ["LATE"] = initializer[0].__name__
    with process_pool(1, *initializer) as pool:
        print([*map(int, sorted(pool.submit(*blocked).result()))])
        print(pool.submit(os.getenv, "LATE").result())
print([*map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))])
"""


def test_forks_begin_with_the_signals_blocked_and_the_environment_as_it_is() -> None:
    """Else Ctrl-C, which a terminal sends to all, would meet one that cannot handle it yet."""
    done = subprocess.run([sys.executable, "-c", _ASK], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[2, 15]", "pthread_sigmask", "[]", "unblock_signals", "[]"]
