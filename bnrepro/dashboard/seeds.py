"""Mean over seeds with its interval, as a run of the view."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bnrepro.dashboard import events
from bnrepro.dashboard.sources import Mark, is_value, read_new_lines
from bnrepro.runs.tags import TEST_ACCURACY


def mean_events(metrics: list[Path], names: Sequence[str]) -> list[Any]:
    """The mean accuracy over runs and its 95 % interval, at every step that two of them have.

    Tags: ``<name>/mean``, ``<name>/mean_low``, ``<name>/mean_high``.

    Args:
        metrics: metrics.jsonl of two runs or more that differ in the seed alone.
        names: of the studies that show the runs.
    """
    # Heavy, and not needed where nothing changed since the last time.
    import pandas as pd

    from bnrepro.measure.intervals import band_over_runs

    curves = []
    for path in metrics:
        rows = read_new_lines(path, Mark()).values
        found = [
            (row["step"], row[TEST_ACCURACY]) for row in rows if is_value(row.get(TEST_ACCURACY))
        ]
        curves.append(pd.Series(dict(found), dtype=float))
    steps, band = band_over_runs(curves)
    ends = ("mean", "mean_low", "mean_high")
    return [
        events.scalars(
            int(step),
            {
                f"{name}/{end}": value
                for name in names
                for end, value in zip(ends, values, strict=True)
            },
        )
        for step, n, *values in zip(steps, band.n, band.mean, band.low, band.high, strict=True)
        if n > 1
    ]
