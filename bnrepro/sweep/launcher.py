"""Where the runs of a sweep execute."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Launcher:
    """Where the runs of a sweep execute.

    Attributes:
        workers: runs side by side; None: one per core, or one per GPU where there are any; on
            SLURM: as many as it lets.
        slurm: as jobs of SLURM, through submitit.
        partition: of SLURM; None: its default.
        hours: time limit of a SLURM job; one that reaches it is queued again and goes on.
        gpus: GPUs of a SLURM job.
    """

    workers: int | None = None
    slurm: bool = False
    partition: str | None = None
    hours: float = 4.0
    gpus: int = 0

    def local_workers(self) -> int:
        """Runs side by side on this machine."""
        if self.workers is not None:
            return self.workers
        import torch

        affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
        cores = len(affinity(0)) if affinity else os.cpu_count()
        return torch.cuda.device_count() or cores or 1
