"""histograms.jsonl: a histogram a line."""

import json
import os
from pathlib import Path

from bnrepro.runs import read_histograms
from bnrepro.training.measurement import Measurement
from bnrepro.training.observers.observer import Observer


class HistogramRecorder(Observer):
    """Appends the histograms of each row.

    A resumed run keeps those up to its checkpoint's step: every histogram of an earlier step was
    on disk before the checkpoint. So checkpoints need not know of this file, and those from before
    it existed stay good.

    Args:
        path: the file; it appears with the first histogram.
        step: where the run goes on; None: it starts, and nothing is kept.
    """

    def __init__(self, path: Path, step: int | None) -> None:
        self._path = path
        if path.exists():
            _cut_off(path, -1 if step is None else step)

    def on_row(self, measurement: Measurement) -> None:
        """Append the histograms."""
        if not measurement.histograms:
            return
        with self._path.open("a", encoding="utf-8") as file:
            for histogram in measurement.histograms:
                file.write(json.dumps(histogram._asdict()) + "\n")

    def sync(self) -> None:
        """Force the lines to disk, before a checkpoint is made of the same step."""
        if self._path.exists():
            with self._path.open("rb") as file:
                os.fsync(file.fileno())


def _cut_off(path: Path, step: int) -> None:
    """Keep the lines up to a step; a line that was not written whole is none of them."""
    length = 0
    for histogram, end in read_histograms(path):
        if histogram.step > step:
            break
        length = end
    os.truncate(path, length)
