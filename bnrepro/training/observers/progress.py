"""What a person sees while a run trains: a Rich bar on a terminal, plain lines elsewhere."""

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from bnrepro.runs.tags import TEST_ACCURACY, TRAIN_LOSS
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers.observer import Observer

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_OF_SPEED = 2.0  # long enough to hold an evaluation's share


class TrainingProgress(Observer):
    """Steps done, speed, loss, last accuracy and the time left.

    Args:
        console: where to show it.
        steps: updates in all.
        start: updates done before this process.
    """

    def __init__(self, console: Console, steps: int, start: int) -> None:
        self.console = console
        self.steps = steps
        self.start = start
        self.steps_per_second = 0.0
        self._accuracy: float | None = None
        self._loss: float | None = None
        self._last_step = start
        self._last_time = self._last_line = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[summary]}"),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=steps, completed=start, summary="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def close(self) -> None:
        """Take the bar away."""
        self._bar.stop()

    def on_row(self, measurement: Measurement) -> None:
        """Show the row."""
        row = measurement.row
        step = int(row["step"])
        now = time.monotonic()
        elapsed = now - self._last_time
        settled = elapsed >= _SECONDS_OF_SPEED or step == self.steps
        if settled or self._last_step == self.start:
            self.steps_per_second = (step - self._last_step) / max(elapsed, 1e-9)
        if settled:
            self._last_step, self._last_time = step, now
        self._loss = row.get(TRAIN_LOSS, self._loss)
        self._accuracy = row.get(TEST_ACCURACY, self._accuracy)
        if self.console.is_terminal:
            self._bar.update(self._task, completed=step, summary=self._summary())
        elif now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self.console.print(
                f"step {step:,}/{self.steps:,}  {self._summary()}{self._time_left(step)}",
                highlight=False,
                soft_wrap=True,
            )

    def _summary(self) -> str:
        """What is known by now: before the first update there is no speed, and no loss."""
        speed, loss, accuracy = self.steps_per_second, self._loss, self._accuracy
        known = [
            f"{speed:,.{0 if speed >= 10 else 1}f} steps/s" if speed else "",
            "" if loss is None else f"loss {loss:.4f}",
            "" if accuracy is None else f"accuracy {accuracy:.4f}",
        ]
        return "  ".join(filter(None, known))

    def _time_left(self, step: int) -> str:
        speed = self.steps_per_second
        return f"  ETA {(self.steps - step) / speed:.0f} s" if speed else ""
