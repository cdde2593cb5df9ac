"""Which learning rates can be used: the network of Figure 1, sigmoid and ReLU, at x0.1 to x300."""

import numpy as np

from bnrepro.measure.quantities import final
from bnrepro.measure.verdict import Above
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Claim, Column, Line, Study, Table

_RATES = (0.1, 0.3, 1, 5, 30, 100, 300)
_SHARE = 0.9  # of the best accuracy of that nonlinearity: what counts as trained
_COLORS = {
    "sigmoid, without BN": "#000000",
    "sigmoid, with BN": "#0072B2",
    "ReLU, without BN": "#E69F00",
    "ReLU, with BN": "#D55E00",
}


def _line(group: str, rate: float) -> Line:
    activation, norm = group.split(", ")
    overrides = (
        f"model.activation={activation.lower()}",
        f"norm={'batch' if norm == 'with BN' else 'none'}",
        f"optim.lr_multiplier={rate:g}",
    )
    label = f"{group}, x{rate:g}"
    return Line(label, "mechanisms/mlp", overrides, _COLORS[group], group=group, x=rate)


def _accuracies(evidence: Evidence, group: str) -> dict[float, dict[int, float]]:
    """By rate and seed; 0 of a run that diverged."""
    accuracies = {}
    for line in evidence.study.lines:
        if line.group == group:
            measured = evidence.sample(final(), line.label)
            values = np.nan_to_num(measured.values)
            accuracies[line.x] = dict(zip(measured.seeds, values, strict=True))
    return accuracies


def _largest(evidence: Evidence, activation: str) -> dict[str, dict[int, float]]:
    """The largest rate that trains, with BN and without, a seed that has all runs."""
    groups = {
        group: _accuracies(evidence, group)
        for group in (f"{activation}, with BN", f"{activation}, without BN")
    }
    by_run = [of_rate for rates in groups.values() for of_rate in rates.values()]
    largest: dict[str, dict[int, float]] = {group: {} for group in groups}
    for seed in sorted(set.intersection(*map(set, by_run))):
        enough = _SHARE * max(of_rate[seed] for of_rate in by_run)
        for group, rates in groups.items():
            trained = [rate for rate, of_rate in rates.items() if of_rate[seed] >= enough]
            largest[group][seed] = max(trained, default=min(rates))
    return largest


def _ratio(evidence: Evidence, activation: str) -> dict[int, float]:
    with_bn, without = _largest(evidence, activation).values()
    return {seed: with_bn[seed] / without[seed] for seed in with_bn}


def _gain_at_small_rate(evidence: Evidence) -> dict[int, float]:
    with_bn, without = (
        _accuracies(evidence, f"ReLU, {norm}")[_RATES[0]] for norm in ("with BN", "without BN")
    )
    return {seed: with_bn[seed] - without[seed] for seed in sorted(with_bn.keys() & without.keys())}


def _answer(evidence: Evidence) -> str:
    parts = []
    for activation in ("sigmoid", "ReLU"):
        with_bn, without = (
            [*of_group.values()] for of_group in _largest(evidence, activation).values()
        )
        if with_bn:
            parts.append(
                f"up to x{np.median(with_bn):g} with BN and x{np.median(without):g} without "
                f"({activation})"
            )
    if not parts:
        return ""
    return (
        f"The network trains (to nine tenths of the best accuracy) at {', '.join(parts)}; the "
        f"largest rate tried is x{_RATES[-1]:g}."
    )


def _claim(activation: str) -> Claim:
    return Claim(
        f"higher_rates_{activation.lower()}",
        "3.3",
        f"BN enables higher learning rates ({activation}, MNIST network)",
        final().renamed(
            f"largest_rate_{activation.lower()}",
            f"largest rate that trains (to {_SHARE:g} of the best accuracy) with BN, over that "
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
    lines=tuple(_line(group, rate) for group in _COLORS for rate in _RATES),
    panels=(
        Against(
            "after training, crosses: diverged",
            final(),
            "learning rate, times 0.1",
            "test accuracy",
        ),
    ),
    table=Table((Column("final accuracy", final(), ".4f", beside_paper=False),)),
    claims=(
        _claim("sigmoid"),
        _claim("ReLU"),
    ),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Section 3.3",
        "Bjorck et al. 2018 (arXiv 1806.02375), Section 2: the larger rates are BN's benefit",
        "rate_tolerance: the same for Inception",
    ),
    collection="mechanisms",
)
