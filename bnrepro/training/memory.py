"""How the process keeps its memory, and whether it ran out of it."""

import ctypes

import torch

# From malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20  # that glibc accepts
_LARGEST_INT = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the C library keep what tensors free, for the next step to use.

    By default glibc hands large blocks back to the system, which clears their pages anew in every
    step: a tenth of a step of Inception at laptop scale. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch could not allocate."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
