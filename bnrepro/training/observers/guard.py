"""Nothing is written into a run directory that another process can have."""

from bnrepro.training.checkpoint import TrainingState
from bnrepro.training.lease import Lease
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers.observer import Observer


class Guard(Observer):
    """Checks the lease before anything is written; the first of the observers.

    Args:
        lease: on the run directory.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease

    def on_row(self, measurement: Measurement) -> None:
        """Stop the run if its lock file is gone."""
        self._lease.check()

    def on_checkpoint(self, state: TrainingState) -> None:
        """Stop the run if its lock file is gone."""
        self._lease.check()
