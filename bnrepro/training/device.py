"""Where a run computes."""

import os
from typing import Literal

import torch

from bnrepro.errors import UserError

Device = Literal["auto", "cpu", "cuda", "mps"]


def pick_device(name: Device) -> torch.device:
    """The device by name; auto: CUDA, then Apple's MPS, then the CPU.

    Raises:
        UserError: the named device is not on this machine.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = "cuda" if available["cuda"] else "mps" if available["mps"] else "cpu"
    elif not available[name]:
        raise UserError(
            f"runtime.device={name}: not available on this machine; use runtime.device=auto"
        )
    return torch.device(name)


def compute_reproducibly(device: torch.device) -> None:
    """Have this process compute the same bytes every time on a GPU, as it does on a CPU.

    An operation of which torch has no such form on a GPU warns, once.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else sums vary by its buffers
        torch.use_deterministic_algorithms(True, warn_only=True)


def describe_device(device: torch.device) -> str:
    """The device's name for headers and provenance."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
