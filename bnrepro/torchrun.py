"""What torchrun tells a process that it has started, one of several of a run."""

import os


def is_started() -> bool:
    """Whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_first() -> bool:
    """Whether this process speaks: the first of those, or the only one."""
    return not is_started() or os.environ["RANK"] == "0"


def count_processes() -> int:
    """How many it has started; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if is_started() else 1
