"""How memory is arranged, looked at in a process that has done nothing else."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

_PLACES_OF_TENSORS = """
import torch
from bnrepro.training.memory import arrange_memory
arrange_memory()
tensors = [torch.ones(count) for count in (100_000, 2_000_000, 12_000_000)]
flags = {}
for line in open("/proc/self/smaps"):
    first, *others = line.split()
    if "-" in first:
        start, end = (int(part, 16) for part in first.split("-"))
    elif first == "VmFlags:":
        flags[start, end] = others
for tensor in tensors:
    middle = tensor.data_ptr() + tensor.nbytes // 2
    [found] = [f for (start, end), f in flags.items() if start <= middle < end]
    print("hg" in found)
"""

_LITTLE_ROOM = """
import resource
import psutil
from bnrepro.training.memory import arrange_memory
used = psutil.Process().memory_info().vms
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, -1))
arrange_memory()
import torch
print(torch.ones(2**24).sum().item())
"""
_NEEDS_GLIBC = pytest.mark.skipif(
    not Path("/proc/self/smaps").exists() or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="needs Linux and glibc",
)


def _output(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.split()


@_NEEDS_GLIBC
def test_tensors_are_where_large_pages_are_wanted() -> None:
    assert _output(_PLACES_OF_TENSORS) == ["True", "True", "True"]


@_NEEDS_GLIBC
def test_where_addresses_are_limited_memory_is_as_it_was() -> None:
    assert _output(_LITTLE_ROOM) == [str(float(2**24))]
