"""A torch.profiler trace of some steps."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor
from torch.profiler import profile, schedule, supported_activities

from bnrepro.training.observers.observer import Observer

_SKIPPED, _WARM_UP, _TRACED = 5, 5, 20


class Profiler(Observer):
    """Writes a trace once 20 steps were seen.

    Args:
        trace: a Chrome trace (JSON) is written here.
    """

    def __init__(self, trace: Path) -> None:
        self._profile = profile(
            activities=supported_activities(),
            schedule=schedule(wait=_SKIPPED, warmup=_WARM_UP, active=_TRACED, repeat=1),
            on_trace_ready=lambda done: done.export_chrome_trace(str(trace)),
        )
        self._profile.start()

    def watch(self, update: Callable[[int, Tensor], Tensor]) -> Callable[[int, Tensor], Tensor]:
        """The update, each call a step of the trace."""

        def watched(number: int, lr: Tensor) -> Tensor:
            loss = update(number, lr)
            self._profile.step()
            return loss

        return watched

    def close(self) -> None:
        """Stop tracing."""
        self._profile.stop()
