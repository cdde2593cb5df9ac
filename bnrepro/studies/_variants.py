"""What several mechanisms are studied on: sigmoid and ReLU, with and without BN."""

import numpy as np
import pandas as pd

from bnrepro.measure import recorded
from bnrepro.measure.quantities import Quantity, final
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import effective_rate, weight_norm
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Line

COLORS = {
    "sigmoid, without BN": "#000000",
    "sigmoid, with BN": "#0072B2",
    "ReLU, without BN": "#E69F00",
    "ReLU, with BN": "#D55E00",
}
"""Of the variants, by what they are called."""
ACTIVATIONS = ("sigmoid", "ReLU")

TRAINED = 0.9
"""Share of the best accuracy of the same network; from there on, and above twice chance, it counts
as trained. How much sooner one of two networks trains is another question."""

_CHANCE = 0.1  # ten classes

LAYERS = ("hidden.0", "hidden.1", "hidden.2")
"""Of the preset mechanisms/mlp."""


def _growth(run: EndedRun) -> float | None:
    norms = [weight_norm(layer) for layer in LAYERS]
    first, last = recorded.start(run, norms), recorded.end(run, norms)
    return None if first is None or last is None else last / first


WEIGHT_GROWTH = recorded.quantity(
    "weight_growth",
    "norm of a hidden layer's weights at the end over that at the start (geometric mean)",
    "times",
    _growth,
)
EFFECTIVE_RATE = recorded.quantity(
    "effective_rate",
    "learning rate over the squared norm of a hidden layer's weights at the end (geometric mean)",
    "times",
    lambda run: recorded.end(run, [effective_rate(layer) for layer in LAYERS]),
)


def mlp_line(variant: str, what: str = "", x: float = np.nan, *overrides: str) -> Line:
    """A line of the preset mechanisms/mlp.

    Args:
        variant: of `COLORS`; its group.
        what: sets it apart from others of its variant; empty: there are none.
        x: its place on an axis.
        overrides: besides nonlinearity and norm.
    """
    activation, norm = variant.split(", ")
    label = f"{variant}, {what}" if what else variant
    of_variant = (f"model.activation={activation.lower()}", norm_override(norm), *overrides)
    return Line(label, "mechanisms/mlp", of_variant, COLORS[variant], group=variant, x=x)


def norm_override(name: str) -> str:
    """Of ``with BN`` or ``without BN``."""
    return "norm=batch" if name == "with BN" else "norm=none"


def accuracies(evidence: Evidence, group: str) -> pd.DataFrame:
    """The final accuracies of a group's lines: a row a seed, a column a place; diverged: 0."""
    columns = {}
    for line in evidence.study.lines:
        if line.group == group:
            columns[line.x] = by_seed(evidence, final(), line.label).fillna(0)
    return pd.DataFrame(columns)


def by_seed(evidence: Evidence, quantity: Quantity, label: str) -> pd.Series:
    """A quantity of every seed of a line; NaN: the seed never got there."""
    measured = evidence.sample(quantity, label)
    return pd.Series(measured.values, index=measured.seeds)


def seed_values(values: pd.Series) -> dict[int, float]:
    """By seed, as a claim takes them; NaN: the seed never got there."""
    return dict(zip(values.index.tolist(), values.tolist(), strict=True))


def trained(evidence: Evidence, activation: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Whether the network trains, with BN and without: a row a seed, a column a place.

    Only seeds that all lines of the nonlinearity have.
    """
    with_bn, without = (
        accuracies(evidence, f"{activation}, {norm}").dropna() for norm in ("with BN", "without BN")
    )
    seeds = with_bn.index.intersection(without.index)
    return _is_enough(with_bn.loc[seeds]), _is_enough(without.loc[seeds])


def _is_enough(accuracy: pd.DataFrame) -> pd.DataFrame:
    return accuracy.ge(np.maximum(TRAINED * accuracy.max(axis=1), 2 * _CHANCE), axis=0)
