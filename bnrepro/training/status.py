"""A run's status, as the process that works on it writes it."""

import os
import socket

from bnrepro.config import RunConfig
from bnrepro.runs import State, Status


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
