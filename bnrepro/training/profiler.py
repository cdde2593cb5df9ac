"""A torch.profiler trace of some updates."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor
from torch.profiler import profile, schedule, supported_activities

from bnrepro.training.loop import Update

_SKIPPED, _WARM_UP, _TRACED = 5, 5, 20


@contextmanager
def profiled(update: Update, trace: Path) -> Iterator[Update]:
    """The update, of which 20 calls are traced; what comes between them is in the trace, too.

    Args:
        update: of a training loop.
        trace: a Chrome trace (JSON) is written here after the 30th call.
    """
    with profile(
        activities=supported_activities(),
        schedule=schedule(wait=_SKIPPED, warmup=_WARM_UP, active=_TRACED, repeat=1),
        on_trace_ready=lambda done: done.export_chrome_trace(str(trace)),
    ) as profiler:

        def watched(number: int, lr: Tensor) -> Tensor:
            loss = update(number, lr)
            profiler.step()
            return loss

        yield watched
