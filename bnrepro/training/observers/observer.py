"""What the training loop tells the others."""

from types import TracebackType
from typing import Self

from bnrepro.training.checkpoint import TrainingState
from bnrepro.training.measurement import Measurement


class Observer:
    """Told of what happens in a run, in the order in which the loop knows its observers.

    A context manager around the run. Each method does nothing unless it is overridden.
    """

    def on_row(self, measurement: Measurement) -> None:
        """A row is due: what is recorded at its step, ``step`` among it. All numbers are finite."""

    def on_checkpoint(self, state: TrainingState) -> None:
        """A checkpoint is due."""

    def close(self) -> None:
        """The run is over, or stopped by an error."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
