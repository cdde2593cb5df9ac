"""Numbers from what a measure recorded, several layers together.

None: it was not recorded; NaN: the run diverged before the number could be taken.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bnrepro.measure.quantities import Quantity, Unit, level
from bnrepro.runs.ended import EndedRun

Value = Callable[[EndedRun], float | None]


def hidden_layers(run: EndedRun, measure: str) -> list[str]:
    """The layers before the output that a measure recorded, in the network's order.

    Args:
        run: the run.
        measure: what its tags begin with.
    """
    tags = (str(tag).split("/") for tag in run.rows.columns)
    return list(dict.fromkeys(parts[1] for parts in tags if parts[0] == measure))[:-1]


def start(run: EndedRun, tags: Sequence[str]) -> float | None:
    """The geometric mean of tags before the first update."""
    recorded = _recorded(run, tags)
    return None if recorded is None else _geometric_mean(recorded.iloc[0])


def end(run: EndedRun, tags: Sequence[str]) -> float | None:
    """The geometric mean of tags at the last evaluation."""
    recorded = _recorded(run, tags)
    if recorded is None:
        return None
    return np.nan if run.diverged else _geometric_mean(recorded.iloc[-1])


def over_training(run: EndedRun, tag: str, minus: str = "") -> float | None:
    """The geometric mean of a tag, or of its difference from another, over all evaluations."""
    recorded = _recorded(run, [tag, minus] if minus else [tag])
    if recorded is None:
        return None
    return _geometric_mean(recorded[tag] - recorded[minus] if minus else recorded[tag])


def average(run: EndedRun, tags: Sequence[str]) -> float | None:
    """The mean of tags over all evaluations: of shares, which may be 0."""
    recorded = _recorded(run, tags)
    return None if recorded is None else float(recorded.to_numpy().mean())


def final(run: EndedRun, tag: str, minus: str = "") -> float | None:
    """The mean of a tag's last five values, or by how much it is above another tag's."""
    tags = [tag, minus] if minus else [tag]
    if any(one not in run.rows for one in tags):
        return None
    if run.diverged:
        return np.nan
    own, *other = (float(level(run, one).values[-1]) for one in tags)
    return own - other[0] if other else own


def quantity(name: str, sentence: str, unit: Unit, value: Value) -> Quantity:
    """A number of one run."""
    return Quantity(name, sentence, unit, lambda run, _: value(run))


def across_runs(name: str, sentence: str, unit: Unit) -> Quantity:
    """A number that no single run has: a study computes it from many, or from its own table."""
    return quantity(name, sentence, unit, lambda _run: np.nan)


def times_references(name: str, sentence: str, quantity: Quantity) -> Quantity:
    """A number of one run over the reference's of the same seed."""

    def measure(run: EndedRun, reference: EndedRun) -> float | None:
        own, others = (quantity.measure(one, one) for one in (run, reference))
        return None if own is None or others is None or others == 0 else own / others

    return Quantity(name, sentence, "times", measure, of_pair=True)


def _recorded(run: EndedRun, tags: Sequence[str]) -> pd.DataFrame | None:
    if not tags or any(tag not in run.rows for tag in tags):
        return None
    rows = run.rows[[*tags]].dropna()
    return None if rows.empty else rows


def _geometric_mean(values: pd.Series) -> float:
    positive = values[values > 0]
    return float(np.exp(np.log(positive).mean())) if len(positive) else 0.0
