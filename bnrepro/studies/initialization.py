"""How much care initial weights need: deviations of 10^-3 to 10, with and without BN."""

import numpy as np
import pandas as pd

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final
from bnrepro.measure.verdict import Above
from bnrepro.studies._variants import (
    ACTIVATIONS,
    COLORS,
    EFFECTIVE_RATE,
    TRAINED,
    WEIGHT_GROWTH,
    mlp_line,
    seed_values,
    trained,
)
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Claim, Column, Study, Table

_DECADES = 0.5  # between two deviations
_DEVIATIONS = tuple(10**exponent for exponent in np.arange(-3, 1 + _DECADES, _DECADES).tolist())
_WITH_BN = tuple(variant for variant in COLORS if variant.endswith("with BN"))


def _widths(evidence: Evidence, activation: str) -> tuple[pd.Series, pd.Series]:
    """Decades of the deviation that train, with BN and without, by seed."""
    with_bn, without = trained(evidence, activation)
    return _DECADES * with_bn.sum(axis=1), _DECADES * without.sum(axis=1)


def _gain(evidence: Evidence, activation: str) -> dict[int, float]:
    with_bn, without = _widths(evidence, activation)
    return seed_values(with_bn - without)


def _answer(evidence: Evidence) -> str:
    parts = []
    for activation in ACTIVATIONS:
        with_bn, without = _widths(evidence, activation)
        if len(with_bn):
            parts.append(
                f"{with_bn.mean():.1f} with BN and {without.mean():.1f} without ({activation})"
            )
    if not parts:
        return ""
    return (
        f"Of {_DECADES * len(_DEVIATIONS):.1f} decades of the initial weights' deviation the "
        f"network trains over {', '.join(parts)}; trained is what comes to {TRAINED:.0%} of the "
        "same network's best accuracy."
    )


def _claim(activation: str) -> Claim:
    return Claim(
        f"initial_weights_{activation.lower()}",
        "Abstract",
        f"BN allows us to be less careful about initialization ({activation})",
        recorded.across_runs(
            f"decades_{activation.lower()}",
            f"decades of the initial deviation that train (to {TRAINED:g} of its best accuracy) "
            "with BN, minus those without",
            "number",
        ),
        Above(0),
        table=lambda evidence: _gain(evidence, activation),
    )


STUDY = Study(
    name="initialization",
    title="The care that initial weights need",
    question="How much care do initial weights need, with and without BN?",
    lines=tuple(
        mlp_line(
            variant,
            f"{deviation:.2g}",
            deviation,
            f"model.init_std={deviation:.3g}",
            "measures=[weight_norms]",
        )
        for variant in COLORS
        for deviation in _DEVIATIONS
    ),
    panels=(
        Against(
            "(a) after training, crosses: diverged",
            final(),
            "deviation of the initial weights",
            "test accuracy",
        ),
        Against(
            "(b) with BN: growth of the hidden\nlayers' weights",
            WEIGHT_GROWTH,
            "deviation of the initial weights",
            "norm at the end over that at the start",
            groups=_WITH_BN,
            log_y=True,
        ),
        Against(
            "(c) with BN: effective rate at the end",
            EFFECTIVE_RATE,
            "deviation of the initial weights",
            "learning rate over squared norm",
            groups=_WITH_BN,
            log_y=True,
        ),
    ),
    table=Table(
        (
            Column("final accuracy", final(), ".4f"),
            Column("growth of the weights", WEIGHT_GROWTH, ".3g"),
            Column("effective rate at the end", EFFECTIVE_RATE, ".2g"),
        )
    ),
    claims=tuple(_claim(activation) for activation in ACTIVATIONS),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Abstract and Section 3.3",
        "van Laarhoven 2017 (arXiv 1706.05350): the effective learning rate",
        "Arora et al. 2018 (arXiv 1812.03981), Abstract: BN tunes its rate by itself",
    ),
    collection="mechanisms",
)
