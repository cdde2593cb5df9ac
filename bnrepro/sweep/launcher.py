"""Where the runs of a sweep execute."""

from dataclasses import dataclass, field
from typing import Literal

from bnrepro.cores import usable_cores

Engine = Literal["local", "slurm", "ray"]


@dataclass(frozen=True)
class Job:
    """What a job of a cluster asks for.

    Attributes:
        partition: of SLURM; None: its default.
        hours: time limit; a job that reaches it is queued again and goes on.
        nodes: machines of the job.
        tasks: processes on each of them; of several, on all machines, each run has one a task
            (``runtime.processes``).
        cpus: cores of a process; None: as many as its threads.
        gpus: GPUs on each machine.
        memory: GB on each machine; None: the cluster's default.
    """

    partition: str | None = None
    hours: float = 4.0
    nodes: int = 1
    tasks: int = 1
    cpus: int | None = None
    gpus: int = 0
    memory: float | None = None


@dataclass(frozen=True)
class Launcher:
    """Where the runs of a sweep execute.

    Attributes:
        workers: runs side by side, on SLURM jobs; None: one per core, or ``per_gpu`` for each GPU
            where there are any; on a cluster: as many as it lets.
        engine: on this machine, as jobs of SLURM through submitit, or as tasks of Ray.
        job: what a job of a cluster asks for.
        per_gpu: runs side by side on a GPU.
    """

    workers: int | None = None
    engine: Engine = "local"
    job: Job = field(default_factory=Job)
    per_gpu: int = 1

    @property
    def runs_per_job(self) -> int:
        """Runs side by side in a job: one, unless several are to share a GPU."""
        return max(1, self.job.gpus) * self.per_gpu if self.per_gpu > 1 else 1

    def local_workers(self) -> int:
        """Runs side by side on this machine."""
        if self.workers is not None:
            return self.workers
        import torch

        return self.per_gpu * torch.cuda.device_count() or usable_cores()
