"""status.json, kept up to date."""

import os
import socket

from bnrepro.config import RunConfig
from bnrepro.runs import RunDirectory, State, Status
from bnrepro.training.checkpoint import TrainingState
from bnrepro.training.observers.observer import Observer
from bnrepro.training.observers.progress import TrainingProgress


class StatusWriter(Observer):
    """Says after each checkpoint how far the run is.

    Args:
        config: the run.
        directory: the run's.
        progress: knows the speed.
    """

    def __init__(
        self, config: RunConfig, directory: RunDirectory, progress: TrainingProgress
    ) -> None:
        self._config = config
        self._directory = directory
        self._progress = progress

    def on_checkpoint(self, state: TrainingState) -> None:
        """The run goes on from here if it is stopped."""
        self.write(State.RUNNING, state["step"], state["seconds"])

    def write(self, state: State, step: int, seconds: float, message: str = "") -> Status:
        """Replace status.json."""
        speed = self._progress.steps_per_second
        status = make_status(self._config, state, step, seconds, speed, message)
        self._directory.write_status(status)
        return status


def make_status(
    config: RunConfig,
    state: State,
    step: int,
    seconds: float,
    steps_per_second: float,
    message: str,
) -> Status:
    """A status as this process writes it."""
    return Status(
        state=state,
        step=step,
        steps=config.steps,
        seconds=round(seconds, 3),
        steps_per_second=round(steps_per_second, 1),
        pid=os.getpid(),
        host=socket.gethostname(),
        message=message,
    )
