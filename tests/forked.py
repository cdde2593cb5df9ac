"""Worker processes that start in milliseconds: their parent has imported torch for all of them."""

import os
from functools import cache
from multiprocessing import context, forkserver
from threading import Lock
from typing import Any
from unittest.mock import patch

# All that a worker imports sooner or later.
_PRELOADED = ["bnrepro.cli", "bnrepro.training.runner", "hydra", "sklearn.datasets"]
_ENVIRONMENT = dict(os.environ)  # before any test has changed it
_LOCK = Lock()


class _Process(context.ForkServerProcess):
    """With the environment of who starts it; the server has its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._environment = dict(os.environ)

    def run(self) -> None:
        os.environ.clear()
        os.environ.update(self._environment)
        super().run()


class _Context(context.ForkServerContext):
    Process = _Process


def get_context(_method: str) -> context.ForkServerContext:
    """In place of multiprocessing's own."""
    start_server()
    return _Context()


def start_server() -> None:
    """Start the parent of all that follow, if this process has none yet."""
    with _LOCK:  # a sweep asks from several threads
        _start_once()


@cache
def _start_once() -> None:
    forkserver.set_forkserver_preload(_PRELOADED)
    with patch.dict(os.environ, _ENVIRONMENT, clear=True):
        forkserver.ensure_running()
