"""A torch.profiler trace of some steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch.profiler import profile, schedule, supported_activities

_SKIPPED, _WARM_UP, _TRACED = 5, 5, 20


@contextmanager
def profiled(trace: Path, enabled: bool) -> Iterator[Callable[[], None]]:
    """Yields what to call after each step; writes the trace once 20 steps were seen.

    Args:
        trace: a Chrome trace (JSON) is written here.
        enabled: False: do nothing.
    """
    if not enabled:
        yield lambda: None
        return
    with profile(
        activities=supported_activities(),
        schedule=schedule(wait=_SKIPPED, warmup=_WARM_UP, active=_TRACED, repeat=1),
        on_trace_ready=lambda done: done.export_chrome_trace(str(trace)),
    ) as profiler:
        yield profiler.step
