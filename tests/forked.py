"""Worker processes that start in milliseconds: their parent has imported torch for all of them."""

import os
from functools import cache
from multiprocessing import forkserver
from threading import Lock
from unittest.mock import patch

# All that a worker imports sooner or later.
_PRELOADED = ["bnrepro.cli", "bnrepro.training.runner", "hydra", "sklearn.datasets"]
_ENVIRONMENT = dict(os.environ)  # before any test has changed it
_LOCK = Lock()


def start_server() -> None:
    """Start the parent of all that follow, if this process has none yet."""
    with _LOCK:  # a sweep asks from several threads
        _start_once()


@cache
def _start_once() -> None:
    forkserver.set_forkserver_preload(_PRELOADED)
    with patch.dict(os.environ, _ENVIRONMENT, clear=True):
        forkserver.ensure_running()
