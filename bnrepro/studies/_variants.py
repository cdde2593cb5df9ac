"""What several mechanisms are studied on: sigmoid and ReLU, with and without BN."""

from collections.abc import Iterable

import numpy as np

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final
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

BySeed = dict[int, float]


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


def accuracies(evidence: Evidence, group: str) -> dict[float, BySeed]:
    """The final accuracy of each line of a group, by its place and by seed; diverged: 0."""
    by_place = {}
    for line in evidence.study.lines:
        if line.group == group:
            measured = evidence.sample(final(), line.label)
            values = np.nan_to_num(measured.values).tolist()
            by_place[line.x] = dict(zip(measured.seeds, values, strict=True))
    return by_place


def trained(evidence: Evidence, activation: str) -> dict[int, tuple[list[float], list[float]]]:
    """Where on the axis the network trains, with BN and without, by seed.

    Only seeds that all lines of the nonlinearity have.
    """
    with_bn, without = (
        accuracies(evidence, f"{activation}, {norm}") for norm in ("with BN", "without BN")
    )
    return {
        seed: (_places(with_bn, seed), _places(without, seed))
        for seed in seeds_of_all([*with_bn.values(), *without.values()])
    }


def _places(by_place: dict[float, BySeed], seed: int) -> list[float]:
    best = max(one[seed] for one in by_place.values())
    enough = max(TRAINED * best, 2 * _CHANCE)
    return [x for x, one in by_place.items() if one[seed] >= enough]


def seeds_of_all(samples: Iterable[BySeed]) -> list[int]:
    """The seeds that every sample has."""
    return sorted(set.intersection(*map(set, samples)))


def difference(one: BySeed, other: BySeed) -> BySeed:
    """Seed by seed, where both have one."""
    return {seed: one[seed] - other[seed] for seed in seeds_of_all([one, other])}
