"""Whether the scale of the input matters: times 0.01 to 100, with and without BN."""

import pandas as pd

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final
from bnrepro.measure.verdict import Above
from bnrepro.studies._variants import accuracies, norm_override, seed_values
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Claim, Column, Line, Study, Table

_FACTORS = (0.01, 0.1, 1, 10, 100)
_COLORS = {
    "MLP, without BN": "#000000",
    "MLP, with BN": "#0072B2",
    "Inception, without BN": "#E69F00",
    "Inception, with BN": "#D55E00",
}


def _line(group: str, factor: float) -> Line:
    network, norm = group.split(", ")
    overrides = (norm_override(norm), f"input_factor={factor:g}")
    experiment = f"mechanisms/{network.lower()}"
    label = f"{group}, times {factor:g}"
    return Line(label, experiment, overrides, _COLORS[group], group=group, x=factor)


def _spreads(evidence: Evidence, network: str) -> tuple[pd.Series, pd.Series]:
    """The best accuracy over the factors minus the worst, with BN and without, by seed."""
    with_bn, without = (
        accuracies(evidence, f"{network}, {norm}").dropna() for norm in ("with BN", "without BN")
    )
    return with_bn.max(axis=1) - with_bn.min(axis=1), without.max(axis=1) - without.min(axis=1)


def _less_spread(evidence: Evidence, network: str) -> dict[int, float]:
    with_bn, without = _spreads(evidence, network)
    return seed_values((without - with_bn).dropna())


def _answer(evidence: Evidence) -> str:
    parts = []
    for network in ("MLP", "Inception"):
        with_bn, without = _spreads(evidence, network)
        if len(with_bn) and len(without):
            parts.append(
                f"{100 * with_bn.mean():.1f} points with BN and {100 * without.mean():.1f} "
                f"without ({network})"
            )
    if not parts:
        return ""
    return (
        "From inputs times 0.01 to inputs times 100 the accuracy in the end varies by "
        f"{', '.join(parts)}."
    )


def _claim(network: str) -> Claim:
    return Claim(
        f"input_scale_{network.lower()}",
        "3.3",
        f"BN makes training more resilient to the scale of a layer's input ({network})",
        recorded.across_runs(
            f"spread_{network.lower()}",
            "best final accuracy over the scales of the input minus the worst, without BN minus "
            "with BN",
            "points",
        ),
        Above(0),
        table=lambda evidence: _less_spread(evidence, network),
    )


STUDY = Study(
    name="input_scale",
    title="The scale of the input",
    question="Does the scale of the input matter, with and without BN?",
    lines=tuple(_line(group, factor) for group in _COLORS for factor in _FACTORS),
    panels=(
        Against(
            "after training, crosses: diverged",
            final(),
            "factor on the input",
            "held-out accuracy (ten classes)",
        ),
    ),
    table=Table((Column("final accuracy", final(), ".4f"),)),
    claims=(_claim("MLP"), _claim("Inception")),
    answer=_answer,
    paper="Section 3.3 speaks of the scale of the weights, BN(Wu) = BN((aW)u); to the first layer "
    "a factor on u is the same. Inception starts as in Figure 2, from weights made for inputs of a "
    "deviation of 64: near factor 100 here",
    sources=(
        "Ioffe & Szegedy 2015, Section 3.3",
        "start_sensitivity: initial weights and input scales of Inception",
    ),
    collection="mechanisms",
)
