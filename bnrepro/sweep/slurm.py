"""Runs as jobs of SLURM, through submitit."""

import time
from collections.abc import Sequence
from pathlib import Path

from submitit import AutoExecutor
from submitit.helpers import Checkpointable

from bnrepro.config import RunConfig, run_path
from bnrepro.errors import RunFailedError, UserError
from bnrepro.runs import State
from bnrepro.sweep.launcher import Launcher
from bnrepro.sweep.worker import Problem, train


class SlurmJobs:
    """An array of jobs, one a run. A job that reaches its time limit is queued again, and goes on.

    Args:
        configs: the runs.
        launcher: partition, hours, GPUs and width of the array.
        retry_failed: run failed ones again.
        folder: for submitit's files; every node must see it.

    Raises:
        UserError: SLURM is not here.
        RunFailedError: SLURM does not take the jobs.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        launcher: Launcher,
        retry_failed: bool,
        folder: Path,
    ) -> None:
        try:
            executor = AutoExecutor(folder.absolute() / "%j", cluster="slurm")
        except RuntimeError as error:
            raise UserError("--slurm: no srun on this machine; leave --slurm out") from error
        executor.update_parameters(
            name="bnrepro",
            timeout_min=max(1, round(60 * launcher.hours)),
            cpus_per_task=max(config.runtime.threads for config in configs),
            gpus_per_node=launcher.gpus or None,
            slurm_partition=launcher.partition,
            slurm_array_parallelism=launcher.workers,
        )
        work = _Training()  # type: ignore[no-untyped-call]  # of submitit
        try:
            jobs = executor.map_array(work, configs, [retry_failed] * len(configs))
        except (RuntimeError, OSError) as error:
            raise RunFailedError(f"--slurm: {str(error).strip().splitlines()[-1]}") from error
        self._jobs = {run_path(config): job for config, job in zip(configs, jobs, strict=True)}
        self._stopping = False

    @property
    def problems(self) -> dict[Path, Problem]:
        """Of the runs that ended, and not well, by their directories. Waits for all."""
        problems = {}
        for path, job in self._jobs.items():
            lost = f"job {job.job_id} ended without a result; see {job.paths.stderr}"
            problem = Problem(State.PREEMPTED, lost) if job.exception() else job.result()
            if problem is not None:
                problems[path] = problem
        return problems

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, and tell whether all jobs have ended."""
        time.sleep(seconds)
        # A job taken from the queue leaves no file: only SLURM itself knows, and is asked at once.
        return all(job.done(force_check=self._stopping) for job in self._jobs.values())

    def stop(self) -> None:
        """Take the jobs from the queue, and ask those that are going to stop at a step's end."""
        self._stopping = True
        for job in self._jobs.values():
            job.cancel(check=False)

    kill = stop


class _Training(Checkpointable):
    """`train` in the form that submitit may queue again."""

    def __call__(self, config: RunConfig, retry_failed: bool) -> Problem | None:
        return train(config, retry_failed)
