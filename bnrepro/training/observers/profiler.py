"""A torch.profiler trace of some steps."""

from pathlib import Path

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

    def on_step(self) -> None:
        """Count the step."""
        self._profile.step()

    def close(self) -> None:
        """Stop tracing."""
        self._profile.stop()
