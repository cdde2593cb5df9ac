"""Runs averaged over seeds."""

import math
from collections.abc import Sequence
from typing import Any

from bnrepro.config import recipe_id
from bnrepro.measure.intervals import mean_over_seeds
from bnrepro.measure.wording import interval
from bnrepro.runs import State
from bnrepro.sweep.selection import check_key, value_of
from bnrepro.sweep.table import ListedRun, as_override


def mean_by(listed: Sequence[ListedRun], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Means of the last held-out accuracy over the finished runs of each group.

    Args:
        listed: the runs; groups come in the order of their first ones.
        keys: runs that agree in them are a group; as in `bnrepro.sweep.selection.select`.

    Returns:
        Of each group the keys' values, ``runs``, ``recipes`` (those that differ in more than the
        seed), ``n`` finished, ``diverged``, and ``accuracy`` with ``low`` and ``high``, its 95 %
        interval; None where there is none.

    Raises:
        UserError: there is no such key.
    """
    groups: dict[tuple[str, ...], list[ListedRun]] = {}
    for key in keys:
        check_key(key)
    for run in listed:
        values = tuple(as_override(value_of(run, key)) for key in keys)
        groups.setdefault(values, []).append(run)
    return [
        dict(zip(keys, values, strict=True)) | _numbers(runs) for values, runs in groups.items()
    ]


def _numbers(runs: Sequence[ListedRun]) -> dict[str, Any]:
    finished = [run.row for run in runs if run.row.state == State.FINISHED]
    mean = mean_over_seeds([row.accuracy for row in finished if row.accuracy is not None])
    edges = {"accuracy": mean.mean, "low": mean.low, "high": mean.high}
    return {
        "runs": len(runs),
        "recipes": len({recipe_id(run.config) for run in runs}),
        "n": mean.n,
        "diverged": sum(run.row.state == State.DIVERGED for run in runs),
        **{name: None if math.isnan(edge) else edge for name, edge in edges.items()},
    }


def group_cells(groups: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """What `mean_by` found as it is shown, by column; what tells nothing is left out."""
    columns = {name: [str(one[name]) for one in groups] for name in groups[0]}
    for name in ("accuracy", "low", "high"):
        del columns[name]
    if all(one["recipes"] == 1 for one in groups):
        del columns["recipes"]
    if not any(one["diverged"] for one in groups):
        del columns["diverged"]
    columns["last accuracy"] = [_mean(**one) for one in groups]
    return columns


def _mean(*, accuracy: float | None, low: float | None, high: float | None, **_: object) -> str:
    if accuracy is None:
        return "-"
    if low is None or high is None:
        return f"{accuracy:.4f}"
    return interval(accuracy, low, high, ".4f")
