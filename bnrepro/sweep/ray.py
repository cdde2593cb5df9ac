"""Runs as tasks of Ray, on this machine or on a cluster that ``RAY_ADDRESS`` names."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from bnrepro.config import RunConfig
from bnrepro.errors import UserError
from bnrepro.messages import reason
from bnrepro.runs import State, locate
from bnrepro.sweep.launcher import Launcher
from bnrepro.sweep.worker import Problem, train


class RayJobs:
    """A task a run. One whose machine is lost runs again on another, and goes on.

    Args:
        configs: the runs; every machine must see their folder under the same path.
        launcher: cores and GPUs of a run, and how many share a GPU.
        retry_failed: run failed ones again.

    Raises:
        UserError: there is no cluster at ``RAY_ADDRESS``, or Ray does not start on this machine.
    """

    def __init__(
        self, configs: Sequence[RunConfig], launcher: Launcher, retry_failed: bool
    ) -> None:
        try:
            ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
        except Exception as error:  # Ray raises no narrower one where it does not start
            address = os.environ.get("RAY_ADDRESS")
            what = f"no cluster at RAY_ADDRESS={address}" if address else "Ray does not start here"
            raise UserError(f"--ray: {what} ({reason(error)})") from error
        job = launcher.job
        self._tasks: dict[Path, Any] = {}
        for config in configs:
            task = ray.remote(_train).options(
                num_cpus=job.cpus or config.runtime.threads,
                num_gpus=job.gpus / launcher.per_gpu,
                memory=None if job.memory is None else job.memory * 1e9,
                max_retries=-1,
            )
            self._tasks[locate(config).path] = task.remote(config, retry_failed, str(Path.cwd()))

    @property
    def problems(self) -> dict[Path, Problem]:
        """Of the runs that ended, and not well, by their directories. Waits for all."""
        problems = {}
        for path, task in self._tasks.items():
            try:
                problem = ray.get(task)
            except RayError as error:
                lost = f"its task ended without a result ({reason(error)})"
                problem = Problem(State.PREEMPTED, lost)
            if problem is not None:
                problems[path] = problem
        return problems

    def wait(self, seconds: float) -> bool:
        """Wait so long at most, and tell whether all tasks have ended."""
        tasks = list(self._tasks.values())
        _, going = ray.wait(tasks, num_returns=len(tasks), timeout=seconds)
        return not going

    def stop(self) -> None:
        """Let no run begin, and ask those that are going to stop at the end of a step."""
        for task in self._tasks.values():
            ray.cancel(task)

    def kill(self) -> None:
        """End every task at once."""
        for task in self._tasks.values():
            ray.cancel(task, force=True)


def _train(config: RunConfig, retry_failed: bool, folder: str) -> Problem | None:
    """`train`, in the folder that the run's path begins in."""
    os.chdir(folder)
    return train(config, retry_failed)
