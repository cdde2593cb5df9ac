"""Mean over seeds with its interval, as a run of the view."""

from pathlib import Path
from typing import Any

from bnrepro.dashboard import events
from bnrepro.dashboard.figures import ACCURACY
from bnrepro.dashboard.sources import Mark, is_value, read_new_lines


def mean_events(metrics: list[Path], figure: str) -> list[Any]:
    """The mean accuracy over runs and its 95 % interval, at every step that two of them have.

    Tags: ``<figure>/mean``, ``<figure>/mean_low``, ``<figure>/mean_high``.

    Args:
        metrics: metrics.jsonl of two runs or more that differ in the seed alone.
        figure: the figure that the runs belong to.
    """
    # Heavy, and not needed where nothing changed since the last time.
    import pandas as pd

    from bnrepro.statistics import band_over_runs

    curves = []
    for path in metrics:
        rows = read_new_lines(path, Mark()).values
        found = [(row["step"], row[ACCURACY]) for row in rows if is_value(row.get(ACCURACY))]
        curves.append(pd.Series(dict(found), dtype=float))
    steps, band = band_over_runs(curves)
    tags = (f"{figure}/mean", f"{figure}/mean_low", f"{figure}/mean_high")
    return [
        events.scalars(int(step), dict(zip(tags, values, strict=True)))
        for step, n, *values in zip(steps, band.n, band.mean, band.low, band.high, strict=True)
        if n > 1
    ]
