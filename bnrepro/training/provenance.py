"""What produced a run: versions, commit, machine."""

import platform
import subprocess
from functools import cache
from pathlib import Path

import numpy
import torch

import bnrepro
from bnrepro.training.device import describe_device

COMPUTATION_KEYS = ("bnrepro", "torch", "processor", "device", "threads", "compiled")
"""What the last digits of a run's numbers can depend on."""


def provenance(device: torch.device, threads: int, compiled: bool) -> dict[str, str | int | bool]:
    """Versions, git commit (empty outside a checkout), processor and how the run executes."""
    return {
        "bnrepro": bnrepro.__version__,
        "git_commit": _git_commit(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "device": describe_device(device),
        "threads": threads,
        "compiled": compiled,
    }


@cache  # a process computes with what it imported, whatever becomes of the files
def _git_commit() -> str:
    """The commit of the source tree, with ``+changes`` if it is modified; empty outside git."""
    source = Path(bnrepro.__file__).parent
    try:
        # An installed copy may lie inside somebody else's checkout.
        _git(source, "ls-files", "--error-unmatch", "__init__.py")
        return _git(source, "describe", "--always", "--dirty=+changes", "--abbrev=12")
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
