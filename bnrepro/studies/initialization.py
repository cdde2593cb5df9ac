"""How much care initial weights need: deviations of 10^-3 to 10, with and without BN."""

import numpy as np

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final
from bnrepro.measure.verdict import Above
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import effective_rate, weight_norm
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Claim, Column, Line, Study, Table

_DECADES = 0.5  # between two deviations
_DEVIATIONS = tuple(10**exponent for exponent in np.arange(-3, 1 + _DECADES, _DECADES).tolist())
_SHARE = 0.9  # of the best accuracy of that nonlinearity: what counts as trained
_COLORS = {
    "sigmoid, without BN": "#000000",
    "sigmoid, with BN": "#0072B2",
    "ReLU, without BN": "#E69F00",
    "ReLU, with BN": "#D55E00",
}
_LAYERS = ("hidden.0", "hidden.1", "hidden.2")


def _line(group: str, deviation: float) -> Line:
    activation, norm = group.split(", ")
    overrides = (
        f"model.activation={activation.lower()}",
        f"norm={'batch' if norm == 'with BN' else 'none'}",
        f"model.init_std={deviation:.3g}",
        "measures=[weight_norms]",
    )
    label = f"{group}, {deviation:.2g}"
    return Line(label, "mechanisms/mlp", overrides, _COLORS[group], group=group, x=deviation)


def _growth(run: EndedRun) -> float | None:
    tags = [weight_norm(layer) for layer in _LAYERS]
    first, last = recorded.start(run, tags), recorded.end(run, tags)
    return None if first is None or last is None else last / first


_GROWTH = recorded.quantity(
    "weight_growth",
    "norm of a hidden layer's weights at the end over that at the start (geometric mean)",
    "times",
    _growth,
)
_RATE = recorded.quantity(
    "effective_rate",
    "learning rate over the squared norm of a hidden layer's weights at the end (geometric mean)",
    "times",
    lambda run: recorded.end(run, [effective_rate(layer) for layer in _LAYERS]),
)


def _widths(evidence: Evidence, activation: str) -> dict[str, dict[int, float]]:
    """Decades of the deviation that train, with BN and without, a seed that has all runs."""
    groups = [f"{activation}, {norm}" for norm in ("with BN", "without BN")]
    accuracies = {
        group: [
            dict(zip(measured.seeds, np.nan_to_num(measured.values), strict=True))
            for line in evidence.study.lines
            if line.group == group
            for measured in [evidence.sample(final(), line.label)]
        ]
        for group in groups
    }
    seeds = set.intersection(*(set(one) for group in groups for one in accuracies[group]))
    widths: dict[str, dict[int, float]] = {group: {} for group in groups}
    for seed in sorted(seeds):
        best = max(one[seed] for group in groups for one in accuracies[group])
        for group in groups:
            trained = sum(one[seed] >= _SHARE * best for one in accuracies[group])
            widths[group][seed] = _DECADES * trained
    return widths


def _gain(evidence: Evidence, activation: str) -> dict[int, float]:
    with_bn, without = _widths(evidence, activation).values()
    return {seed: with_bn[seed] - without[seed] for seed in with_bn}


def _answer(evidence: Evidence) -> str:
    parts = []
    for activation in ("sigmoid", "ReLU"):
        with_bn, without = ([*widths.values()] for widths in _widths(evidence, activation).values())
        if with_bn:
            parts.append(
                f"{np.mean(with_bn):.1f} decades with BN and {np.mean(without):.1f} without "
                f"({activation})"
            )
    if not parts:
        return ""
    covered = _DECADES * len(_DEVIATIONS)
    return (
        f"Of {covered:.1f} decades of the initial deviation the network trains (to nine tenths of "
        f"the best accuracy) over {', '.join(parts)}."
    )


def _claim(activation: str) -> Claim:
    return Claim(
        f"initial_weights_{activation.lower()}",
        "Abstract",
        f"BN allows us to be less careful about initialization ({activation})",
        final().renamed(
            f"decades_{activation.lower()}",
            f"decades of the initial deviation that train (to {_SHARE:g} of the best accuracy) "
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
    lines=tuple(_line(group, deviation) for group in _COLORS for deviation in _DEVIATIONS),
    panels=(
        Against(
            "(a) after training, crosses: diverged",
            final(),
            "deviation of the initial weights",
            "test accuracy",
        ),
        Against(
            "(b) growth of the hidden layers' weights",
            _GROWTH,
            "deviation of the initial weights",
            "norm at the end over that at the start",
            log_y=True,
        ),
        Against(
            "(c) effective rate at the end",
            _RATE,
            "deviation of the initial weights",
            "learning rate over squared norm",
            log_y=True,
        ),
    ),
    table=Table(
        (
            Column("final accuracy", final(), ".4f", beside_paper=False),
            Column("growth of the weights", _GROWTH, ".3g", beside_paper=False),
            Column("effective rate at the end", _RATE, ".2g", beside_paper=False),
        )
    ),
    claims=(_claim("sigmoid"), _claim("ReLU")),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Abstract and Section 3.3",
        "van Laarhoven 2017 (arXiv 1706.05350), Section 2.1: the effective rate",
        "Arora et al. 2018 (arXiv 1812.03981): BN tunes its rate by itself",
    ),
    collection="mechanisms",
)
