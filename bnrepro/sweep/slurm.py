"""Runs as jobs of SLURM, through submitit."""

import os
import time
from collections.abc import Sequence
from logging import ERROR
from pathlib import Path
from signal import SIG_BLOCK, SIG_UNBLOCK, SIGUSR2, pthread_sigmask

from submitit import AutoExecutor, JobEnvironment
from submitit.core.logger import get_logger
from submitit.helpers import Checkpointable, TorchDistributedEnvironment

from bnrepro.config import RunConfig
from bnrepro.errors import RunFailedError, UserError
from bnrepro.runs import State, locate
from bnrepro.sweep.launcher import Launcher
from bnrepro.sweep.local import LocalJobs
from bnrepro.sweep.worker import Problem, train

_MOST_TIMEOUTS = 100_000  # of a job: the run's length ends it, not its count of time limits
_SECONDS_TO_REQUEUE = 90
_TIME_LIMIT = [SIGUSR2]  # what submitit asks SLURM to send before it


class SlurmJobs:
    """An array of jobs. A job that reaches its time limit is queued again, and goes on.

    A job trains one run, with all its processes, on one machine or a task each on several; or
    several runs side by side, one process each, where the launcher puts several on a GPU.

    Args:
        configs: the runs.
        launcher: what a job asks for, and width of the array.
        retry_failed: run failed ones again.
        folder: for submitit's files; every node must see it.

    Raises:
        UserError: SLURM is not here, or the runs' processes do not fit the jobs.
        RunFailedError: SLURM does not take the jobs.
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        launcher: Launcher,
        retry_failed: bool,
        folder: Path,
    ) -> None:
        asked = launcher.job
        _check_processes(configs, launcher)
        size = launcher.runs_per_job
        shares = [list(configs[i : i + size]) for i in range(0, len(configs), size)]
        # Of a run of several processes, each task has one, or the only task has all.
        processes = [config.runtime.processes // (asked.nodes * asked.tasks) for config in configs]
        cores = max(
            count * config.runtime.threads for count, config in zip(processes, configs, strict=True)
        ) * min(size, len(configs))
        minutes = max(1, round(60 * asked.hours))
        # It would warn at each look where SLURM does no accounting; results tell of ended jobs.
        get_logger().setLevel(ERROR)
        try:
            executor = AutoExecutor(
                folder.absolute() / "%j", cluster="slurm", slurm_max_num_timeout=_MOST_TIMEOUTS
            )
        except RuntimeError as error:
            raise UserError("--slurm: no srun on this machine; leave --slurm out") from error
        executor.update_parameters(
            name="bnrepro",
            timeout_min=minutes,
            nodes=asked.nodes,
            tasks_per_node=asked.tasks,
            cpus_per_task=asked.cpus or cores,
            gpus_per_node=asked.gpus or None,
            mem_gb=asked.memory,
            slurm_partition=asked.partition,
            slurm_array_parallelism=launcher.workers,
            # How long before the limit a job is told, so that a short one has time to train.
            slurm_signal_delay_s=min(_SECONDS_TO_REQUEUE, 12 * minutes),
        )
        work = _Training()  # type: ignore[no-untyped-call]  # of submitit
        try:
            jobs = executor.map_array(
                work, shares, [retry_failed] * len(shares), [folder] * len(shares)
            )
        except (RuntimeError, OSError) as error:
            raise RunFailedError(f"--slurm: {str(error).strip().splitlines()[-1]}") from error
        self._jobs = list(zip(shares, jobs, strict=True))
        self._stopping = False

    @property
    def problems(self) -> dict[Path, Problem]:
        """Of the runs that ended, and not well, by their directories. Waits for all."""
        problems: dict[Path, Problem] = {}
        for configs, job in self._jobs:
            if job.exception():
                lost = f"job {job.job_id} ended without a result; see {job.paths.stderr}"
                death = Problem(State.PREEMPTED, lost)
                problems |= {locate(config).path: death for config in configs}
            else:
                for one in job.results():
                    problems |= one
        return problems

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, and tell whether all jobs have ended."""
        time.sleep(seconds)
        # A job taken from the queue leaves no file: only SLURM itself knows, and is asked at once.
        return all(job.done(force_check=self._stopping) for _, job in self._jobs)

    def stop(self) -> None:
        """Take the jobs from the queue, and ask those that are going to stop at a step's end."""
        self._stopping = True
        for _, job in self._jobs:
            job.cancel(check=False)

    kill = stop


def _check_processes(configs: Sequence[RunConfig], launcher: Launcher) -> None:
    """Where runs have several processes: are there as many tasks, and does each have its GPU?"""
    job = launcher.job
    tasks = job.nodes * job.tasks
    for config in configs:
        processes = config.runtime.processes
        if tasks > 1 and processes != tasks:
            raise UserError(
                f"--nodes {job.nodes} --tasks {job.tasks}: {tasks} processes train a run together, "
                f"but runtime.processes={processes}; set runtime.processes={tasks}"
            )
        if processes > 1 and launcher.per_gpu > 1:
            raise UserError(
                f"--per-gpu {launcher.per_gpu}: runs that share a GPU have one process each, but "
                f"runtime.processes={processes}; leave one of them out"
            )


class _Training(Checkpointable):
    """What a job does, in the form that submitit may queue again."""

    def __call__(
        self, configs: list[RunConfig], retry_failed: bool, folder: Path
    ) -> dict[Path, Problem]:
        environment = TorchDistributedEnvironment()
        if environment.world_size > 1:
            # What torchrun tells its processes.
            environment.export(set_cuda_visible_devices=False, overwrite=True)
            os.environ["TORCHELASTIC_RUN_ID"] = JobEnvironment().job_id
        if len(configs) == 1:
            problem = train(configs[0], retry_failed)
            return {locate(configs[0]).path: problem} if problem else {}
        # SLURM sends it to every process; of the workers, who inherit that it is blocked, it would
        # be the end.
        pthread_sigmask(SIG_BLOCK, _TIME_LIMIT)
        jobs = LocalJobs(configs, len(configs), retry_failed, folder / "workers.log")
        pthread_sigmask(SIG_UNBLOCK, _TIME_LIMIT)
        try:
            while not jobs.wait(1.0):
                pass
        except BaseException:  # this job is about to be queued again
            jobs.stop()
            raise
        return jobs.problems
