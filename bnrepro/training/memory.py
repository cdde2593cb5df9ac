"""How the process keeps its memory, and whether it ran out of it."""

import ctypes
import mmap
from functools import cache

import torch

# From malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_LARGEST_MMAP_THRESHOLD = 32 * 2**20  # that glibc accepts
_LARGEST_INT = 2**31 - 1
_HEAP_BYTES = 2**30  # of addresses: memory is taken when it is written to
_DEFAULT_TOP_PAD = 128 * 2**10


@cache
def arrange_memory() -> None:
    """Let the C library keep what tensors free for the next step, in large pages.

    By default glibc hands large blocks back to the system, which clears their pages anew in every
    step: a tenth of a step of Inception at laptop scale. And in pages of 4 KiB, finding out where
    each example of a mini-batch lies is a tenth to a sixth of a step of the MNIST network. So the
    heap is extended once by 1 GiB of addresses, and Linux is asked for large pages there
    (`transparent_hugepage/enabled`: madvise or always). Other C libraries are left as they are.
    """
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):
        return
    libc.mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    libc.mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return
    libc.malloc.restype = libc.sbrk.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.sbrk.argtypes = [ctypes.c_ssize_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.mallopt(_M_TOP_PAD, _HEAP_BYTES)
    start = libc.malloc(_LARGEST_MMAP_THRESHOLD // 2)
    end = libc.sbrk(0)
    libc.free(start)
    libc.mallopt(_M_TOP_PAD, _DEFAULT_TOP_PAD)
    if start is None or start > end:  # a limit on addresses (`ulimit -v`): the heap stays as it is
        return
    start = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    libc.madvise(start, end - start, mmap.MADV_HUGEPAGE)


def is_out_of_memory(error: Exception) -> bool:
    """Whether torch could not allocate."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
