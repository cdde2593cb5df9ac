"""How memory is arranged, looked at in a process that has done nothing else."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
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


@pytest.mark.skipif(
    not Path("/proc/self/smaps").exists() or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="needs Linux and glibc",
)
def test_tensors_are_where_large_pages_are_wanted() -> None:
    told = subprocess.run(
        [sys.executable, "-c", _SCRIPT], check=True, stdout=subprocess.PIPE, text=True
    )
    assert told.stdout.split() == ["True", "True", "True"]
