"""status.json, kept up to date."""

from bnrepro.config import RunConfig
from bnrepro.runs import RunDirectory, State, Status
from bnrepro.training.checkpoint import TrainingState
from bnrepro.training.observers.observer import Observer
from bnrepro.training.observers.progress import TrainingProgress
from bnrepro.training.status import make_status


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
