"""Which learning rates can be used: the network of Figure 1, sigmoid and ReLU, at x0.1 to x300."""

import numpy as np
import pandas as pd

from bnrepro.measure import recorded
from bnrepro.measure.intervals import mean_over_seeds
from bnrepro.measure.quantities import final
from bnrepro.measure.verdict import Above
from bnrepro.studies._variants import ACTIVATIONS, COLORS, TRAINED, mlp_line, seed_values, trained
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Claim, Column, Study, Table

_RATES = (0.1, 0.3, 1, 5, 30, 100, 300)


def _largest(evidence: Evidence, activation: str) -> tuple[pd.Series, pd.Series]:
    """The largest rate that trains, with BN and without, by seed; NaN where none does."""
    with_bn, without = (
        where.mul(where.columns).where(where).max(axis=1) for where in trained(evidence, activation)
    )
    return with_bn, without


def _ratio(evidence: Evidence, activation: str) -> dict[int, float]:
    with_bn, without = _largest(evidence, activation)
    return seed_values(with_bn / without)


def _answer(evidence: Evidence) -> str:
    if evidence.missing:
        return ""
    parts = []
    for activation in ACTIVATIONS:
        with_bn, without = (
            _times(mean_over_seeds(rates.to_numpy(), on_logarithms=True).mean)
            for rates in _largest(evidence, activation)
        )
        parts.append(f"{with_bn} with BN and {without} without ({activation})")
    return (
        f"Up to x{_RATES[-1]:g} was tried, and the largest rate that trains is "
        f"{', '.join(parts)}; trained is what comes to {TRAINED:.0%} of the same network's best "
        "accuracy."
    )


def _times(factor: float) -> str:
    return "none" if np.isnan(factor) else f"x{factor:.3g}"


def _claim(activation: str) -> Claim:
    return Claim(
        f"higher_rates_{activation.lower()}",
        "3.3",
        f"BN enables higher learning rates ({activation}, MNIST network)",
        recorded.across_runs(
            f"largest_rate_{activation.lower()}",
            f"largest rate that trains (to {TRAINED:g} of its best accuracy) with BN, over that "
            "without",
            "times",
        ),
        Above(1),
        table=lambda evidence: _ratio(evidence, activation),
    )


STUDY = Study(
    name="mlp_rate_tolerance",
    title="Which learning rates the network of Figure 1 can use",
    question="Which learning rates can the network of Figure 1 use, with and without BN?",
    lines=tuple(
        mlp_line(variant, f"x{rate:g}", rate, f"optim.lr_multiplier={rate:g}")
        for variant in COLORS
        for rate in _RATES
    ),
    panels=(
        Against(
            "after training, crosses: diverged",
            final(),
            "learning rate, times 0.1",
            "test accuracy",
        ),
    ),
    table=Table((Column("final accuracy", final(), ".4f"),)),
    claims=tuple(_claim(activation) for activation in ACTIVATIONS),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Section 3.3",
        "Bjorck et al. 2018 (arXiv 1806.02375), Abstract: the larger rates are BN's benefit",
        "rate_tolerance: the same for Inception",
    ),
    collection="mechanisms",
)
