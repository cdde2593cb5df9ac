"""Reproduces the Batch Normalization paper (Ioffe & Szegedy, 2015).

From Python: `train`, `compare`, `load_run`, `list_runs`, and the layers of `bnrepro.nn`. Whatever
is heavy is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnrepro import nn
    from bnrepro.api import Run, compare, list_runs, load_run, train

__version__ = "0.1.0"

__all__ = ["Run", "compare", "list_runs", "load_run", "nn", "train"]


def __getattr__(name: str) -> Any:
    if name == "nn":
        return import_module("bnrepro.nn")
    if name in __all__:
        return getattr(import_module("bnrepro.api"), name)
    raise AttributeError(f"module 'bnrepro' has no attribute {name!r}")
