"""What is said of a run that goes on."""

import io

import pytest
from rich.console import Console

from bnrepro.training.measurement import Measurement
from bnrepro.training.observers.progress import TrainingProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its last entry is the time."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[-1])
    return now


def test_nothing_is_said_before_it_is_known(clock: list[float]) -> None:
    """Once "0 steps/s  loss nan  ETA 5000000000000 s"."""
    told = io.StringIO()
    progress = TrainingProgress(Console(file=told, width=100), steps=50_000, start=0)
    clock.append(60.0)  # preparing and compiling
    progress.on_row(Measurement({"step": 0, "test/accuracy": 0.1}))
    assert told.getvalue() == "step 0/50,000  accuracy 0.1000\n"
    clock.append(80.0)
    progress.on_row(Measurement({"step": 50, "train/loss": 2.3}))
    assert told.getvalue().splitlines()[1] == (
        "step 50/50,000  2.5 steps/s  loss 2.3000  accuracy 0.1000  ETA 19980 s"
    )
