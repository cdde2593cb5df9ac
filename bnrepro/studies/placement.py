"""Section 3.2: whether the normalization belongs before or after the nonlinearity."""

import numpy as np

from bnrepro.measure.quantities import Quantity, final, gain, steps_to
from bnrepro.measure.verdict import Above
from bnrepro.runs.ended import EndedRun
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import PALETTE, Claim, Column, Curves, Line, Study, Table

_NETWORKS = {
    ("MLP", "sigmoid"): ("mechanisms/mlp", "model.activation=sigmoid"),
    ("MLP", "ReLU"): ("mechanisms/mlp", "model.activation=relu"),
    ("ConvNet", "sigmoid"): ("mechanisms/convnet", "model.activation=sigmoid"),
    ("ConvNet", "ReLU"): ("mechanisms/convnet", "model.activation=relu"),
}
_PLACES = {"before": "norm.placement=before", "after": "norm.placement=after"}
_VARIANTS = {
    "before, with bias": ("norm.placement=before", "norm.bias=true"),
    "before, no gamma and beta": ("norm.placement=before", "norm.gamma=false", "norm.beta=false"),
    "after, no bias": ("norm.placement=after", "norm.bias=false"),
    "after, no gamma and beta": ("norm.placement=after", "norm.gamma=false", "norm.beta=false"),
}
"""Of the fully connected network with ReLU."""
_LEVELS = {"MLP": 0.95, "ConvNet": 0.4}


def _label(network: str, activation: str, place: str) -> str:
    return f"{network}, {activation}, {place}"


def _lines() -> list[Line]:
    lines = []
    for (network, activation), (preset, override) in _NETWORKS.items():
        for color, (place, placed) in zip(PALETTE, _PLACES.items(), strict=False):
            label = _label(network, activation, place)
            lines.append(Line(label, preset, (override, placed), color))
    preset, override = _NETWORKS["MLP", "ReLU"]
    for color, (variant, overrides) in zip(PALETTE[2:], _VARIANTS.items(), strict=False):
        lines.append(Line(_label("MLP", "ReLU", variant), preset, (override, *overrides), color))
    return lines


def _steps(run: EndedRun, reference: EndedRun) -> float | None:
    network = "ConvNet" if run.config.model.name == "convnet" else "MLP"
    return steps_to(_LEVELS[network]).measure(run, reference)


_STEPS = Quantity(
    "steps_to_level",
    "steps to an accuracy of "
    + ", ".join(f"{accuracy:g} ({network})" for network, accuracy in _LEVELS.items()),
    "steps",
    _steps,
)
_RANGES = {"MLP": (0.8, 1.0), "ConvNet": (0.0, 1.0)}


def _panel(letter: str, network: str, activation: str) -> Curves:
    lines = tuple(
        line.label for line in _lines() if line.label.startswith(_label(network, activation, ""))
    )
    title = f"({letter}) {network}, {activation}"
    return Curves(title, ("accuracy",), "test accuracy", lines, y_range=_RANGES[network])


def _difference(evidence: Evidence, network: str, activation: str) -> float:
    after, before = (
        evidence.mean(final(), _label(network, activation, place)) for place in ("after", "before")
    )
    return after - before


def _answer(evidence: Evidence) -> str:
    differences = {
        f"{network}, {activation}": 100 * _difference(evidence, network, activation)
        for network, activation in _NETWORKS
    }
    if np.isnan([*differences.values()]).any():
        return ""
    gains = "; ".join(f"{name}: {value:+.2f}" for name, value in differences.items())
    return f"Points of final accuracy gained behind the nonlinearity: {gains}."


STUDY = Study(
    name="placement",
    title="Section 3.2: before or after the nonlinearity",
    question="Does the normalization belong before or after the nonlinearity?",
    lines=tuple(_lines()),
    panels=tuple(
        _panel(letter, network, activation)
        for letter, (network, activation) in zip("abcd", _NETWORKS, strict=True)
    ),
    table=Table(
        (
            Column("final accuracy", final(), ".4f"),
            Column(_STEPS.sentence, _STEPS, ",.0f"),
        )
    ),
    claims=(
        Claim(
            "before_the_nonlinearity",
            "3.2",
            "Wu + b, not the nonlinearity's output, is likely to have a symmetric, non-sparse "
            "distribution, so BN stands before the nonlinearity",
            gain(final()),
            Above(0),
            line=_label("MLP", "sigmoid", "before"),
            reference=_label("MLP", "sigmoid", "after"),
            plateau=False,
        ),
        Claim(
            "after_the_nonlinearity",
            "Section 3.2",
            "BN after ReLU is better than before it, in a plain convolutional network",
            gain(final()),
            Above(0),
            line=_label("ConvNet", "ReLU", "after"),
            reference=_label("ConvNet", "ReLU", "before"),
            source="Mishkin et al. 2016",
            plateau=False,
        ),
    ),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Section 3.2",
        "Mishkin et al. 2016 (arXiv 1606.02228), Section 3.2: after is better in CaffeNet, worse "
        "in GoogLeNet",
    ),
    collection="mechanisms",
)
