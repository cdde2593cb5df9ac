"""Section 3: whether gamma and beta are needed."""

from itertools import product

import numpy as np

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final, gain
from bnrepro.measure.verdict import Above
from bnrepro.runs.tags import gamma_of
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import (
    ACCURACY,
    PALETTE,
    Claim,
    Column,
    Curves,
    Line,
    Series,
    Study,
    Table,
)

_LAYERS = ("hidden.0", "hidden.1", "hidden.2")
_LEARNT = {
    "gamma and beta": ("norm.gamma=true", "norm.beta=true"),
    "gamma alone": ("norm.gamma=true", "norm.beta=false"),
    "beta alone": ("norm.gamma=false", "norm.beta=true"),
    "neither": ("norm.gamma=false", "norm.beta=false"),
}
_ACTIVATIONS = {"sigmoid": "sigmoid", "ReLU": "relu"}


def _label(activation: str, learnt: str) -> str:
    return f"{activation}, {learnt}"


_LINES = tuple(
    Line(
        _label(activation, learnt),
        "mechanisms/mlp",
        (f"model.activation={_ACTIVATIONS[activation]}", *_LEARNT[learnt], "measures=[gamma]"),
        color,
        group=activation,
    )
    for (activation, learnt), color in zip(product(_ACTIVATIONS, _LEARNT), PALETTE, strict=True)
)


def _of_activation(activation: str, *learnt: str) -> tuple[str, ...]:
    return tuple(_label(activation, one) for one in learnt or _LEARNT)


_GAMMA = recorded.quantity(
    "gamma",
    "mean size of the last hidden layer's gamma at the end (mean of the last five evaluations)",
    "number",
    lambda run: recorded.final(run, gamma_of(_LAYERS[-1])),
)


def _answer(evidence: Evidence) -> str:
    parts = []
    for activation in _ACTIVATIONS:
        both, neither = (
            evidence.mean(final(), _label(activation, learnt))
            for learnt in ("gamma and beta", "neither")
        )
        if np.isnan([both, neither]).any():
            return ""
        parts.append(
            f"with {activation} the accuracy is {both:.4f} with gamma and beta and {neither:.4f} "
            "with neither"
        )
    return f"{parts[0][0].upper()}{parts[0][1:]}; {parts[1]}."


def _remarks(evidence: Evidence) -> list[str]:
    gamma = evidence.mean(_GAMMA, _label("sigmoid", "gamma and beta"))
    if np.isnan(gamma):
        return []
    return [
        f"Gamma, 1 at the start, ends at {gamma:.2f} in the last sigmoid layer; the percentiles of "
        "Figure 1(c) suggest about 1.9 after 50,000 steps."
    ]


STUDY = Study(
    name="affine",
    title="Section 3: gamma and beta",
    question="Are gamma and beta needed?",
    lines=_LINES,
    series=(ACCURACY, *(Series(f"gamma of {layer}", gamma_of(layer)) for layer in _LAYERS)),
    panels=(
        Curves(
            "(a) sigmoid",
            ("accuracy",),
            "test accuracy",
            _of_activation("sigmoid"),
            y_range=(0.85, 0.95),
        ),
        Curves(
            "(b) ReLU",
            ("accuracy",),
            "test accuracy",
            _of_activation("ReLU"),
            y_range=(0.93, 0.98),
        ),
        Curves(
            "(c) gamma of the last hidden layer",
            (f"gamma of {_LAYERS[-1]}",),
            "mean of abs(gamma)",
            (
                *_of_activation("sigmoid", "gamma and beta", "gamma alone"),
                *_of_activation("ReLU", "gamma and beta", "gamma alone"),
            ),
        ),
    ),
    table=Table(
        (
            Column("final accuracy", final(), ".4f"),
            Column("gamma of the last layer", _GAMMA, ".2f"),
        )
    ),
    claims=(
        Claim(
            "gamma_and_beta_are_needed",
            "3",
            "normalizing a sigmoid's inputs constrains it to its linear part; gamma and beta "
            "restore what the layer can represent",
            gain(final()),
            Above(0),
            line=_label("sigmoid", "gamma and beta"),
            reference=_label("sigmoid", "neither"),
            plateau=False,
        ),
    ),
    answer=_answer,
    remarks=_remarks,
    sources=("Ioffe & Szegedy 2015, Section 3, before Algorithm 1, and Figure 1(c)",),
    collection="mechanisms",
)
