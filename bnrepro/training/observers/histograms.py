"""histograms.jsonl: the distribution of what each nonlinearity receives, a line a layer."""

import json
import os
from pathlib import Path

import numpy as np
from torch import Tensor

from bnrepro.runs import Histogram, read_histograms
from bnrepro.training.probes import sample_values

_BINS = 30
_VALUES = 20_000  # enough to tell 30 bins; counting a whole layer would slow a small network down


class HistogramRecorder:
    """Gathers the histograms of an evaluation and appends them when its row is written.

    A resumed run keeps those up to its checkpoint's step: every histogram of an earlier step was
    on disk before the checkpoint. So checkpoints need not know of this file, and those from before
    it existed stay good.

    Args:
        path: the file; it appears with the first histogram.
        step: where the run goes on; None: it starts, and nothing is kept.
    """

    def __init__(self, path: Path, step: int | None) -> None:
        self._path = path
        self._observed: list[Histogram] = []
        if path.exists():
            _cut_off(path, -1 if step is None else step)

    def observe(self, layer: str, inputs: Tensor) -> None:
        """Count what a layer's nonlinearity received, all units together."""
        values = sample_values(inputs.flatten(), _VALUES)
        if np.isfinite(values).all():
            counts, edges = np.histogram(values, bins=_BINS)
            self._observed.append(
                Histogram(-1, layer, float(edges[0]), float(edges[-1]), counts.tolist())
            )

    def write(self, step: int) -> None:
        """Append what was observed since the last call, as of ``step``."""
        if not self._observed:
            return
        with self._path.open("a", encoding="utf-8") as file:
            for histogram in self._observed:
                file.write(json.dumps(histogram._replace(step=step)._asdict()) + "\n")
        self._observed = []

    def sync(self) -> None:
        """Force the lines to disk, before a checkpoint is made of the same step."""
        if self._path.exists():
            with self._path.open("rb") as file:
                os.fsync(file.fileno())


def _cut_off(path: Path, step: int) -> None:
    """Keep the lines up to a step; a line that was not written whole is none of them."""
    kept = 0
    for histogram, end in read_histograms(path):
        if histogram.step > step:
            break
        kept = end
    os.truncate(path, kept)
