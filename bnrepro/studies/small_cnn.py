"""The textbook's small convolutional network, with and without BN."""

from itertools import product

import numpy as np

from bnrepro.measure import recorded
from bnrepro.measure.quantities import SPEED_UP, final
from bnrepro.measure.verdict import Above
from bnrepro.runs.tags import TRAINING_SET_ACCURACY, TRAINING_SET_LOSS
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import ACCURACY, LOSS, Claim, Column, Curves, Line, Series, Study, Table

_DATA = {"MNIST": "mechanisms/small_cnn", "Tiny-ImageNet": "mechanisms/small_cnn_colour"}
_NORMS = {"without BN": ("norm=none", "#000000"), "with BN": ("norm=batch", "#D55E00")}
_SERIES = (
    (("accuracy", "training_accuracy"), "accuracy"),
    (("loss", "training_loss"), "cross-entropy, nats"),
)


def _label(data: str, norm: str) -> str:
    return f"{data}, {norm}"


_TRAINED = recorded.quantity(
    "training_accuracy",
    "accuracy on training images at the end (mean of the last five evaluations)",
    "accuracy",
    lambda run: recorded.final(run, TRAINING_SET_ACCURACY),
)


def _answer(evidence: Evidence) -> str:
    parts = []
    for data in _DATA:
        with_bn, without = _label(data, "with BN"), _label(data, "without BN")
        accuracies = [evidence.mean(final(), label) for label in (with_bn, without)]
        if np.isnan(accuracies).any():
            return ""
        times = evidence.mean(SPEED_UP, with_bn, without)
        faster = "" if np.isnan(times) else f", and the best of the latter {times:.1f} times sooner"
        parts.append(
            f"on {data} ten epochs end at {accuracies[0]:.3f} with BN and at {accuracies[1]:.3f} "
            f"without{faster}"
        )
    return f"{parts[0][0].upper()}{parts[0][1:]}; {parts[1]}."


STUDY = Study(
    name="small_cnn",
    title="The textbook's Conv-BN-ReLU",
    question="What does BN do for a small convolutional network within ten epochs?",
    lines=tuple(
        Line(_label(data, norm), preset, (override,), color)
        for data, preset in _DATA.items()
        for norm, (override, color) in _NORMS.items()
    ),
    series=(
        ACCURACY,
        Series("training_accuracy", TRAINING_SET_ACCURACY),
        LOSS,
        Series("training_loss", TRAINING_SET_LOSS),
    ),
    panels=tuple(
        Curves(
            f"({letter}) {data}: test, training dashed",
            series,
            y,
            tuple(_label(data, norm) for norm in _NORMS),
        )
        for letter, (data, (series, y)) in zip("abcd", product(_DATA, _SERIES), strict=True)
    ),
    table=Table(
        (
            Column("test accuracy", final(), ".4f"),
            Column("training accuracy", _TRAINED, ".4f"),
        )
    ),
    claims=tuple(
        Claim(
            f"small_cnn_faster_on_{name}",
            "Abstract",
            f"with BN as good with fewer training steps ({data})",
            SPEED_UP,
            Above(1),
            line=_label(data, "with BN"),
            reference=_label(data, "without BN"),
        )
        for data, name in (("MNIST", "mnist"), ("Tiny-ImageNet", "tiny_imagenet"))
    ),
    answer=_answer,
    sources=("Ioffe & Szegedy 2015, abstract and Section 3.2 (convolutional networks)",),
    collection="mechanisms",
)
