"""Section 3.4: whether BN regularizes, and what Dropout does beside it."""

import numpy as np

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final, gain
from bnrepro.measure.verdict import Above, Below
from bnrepro.runs.tags import TEST_ACCURACY, TRAINING_SET_ACCURACY, accuracy_by
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import (
    PALETTE,
    Against,
    Claim,
    Column,
    Line,
    Study,
    Table,
)

_IMAGES = {"1,000": "1000", "5,000": "5000", "60,000": "null"}
_FEW = "1,000"
# Algorithm 2's statistics, estimated without Dropout, beside the averages of training, with it.
_BOTH_STATISTICS = (
    "measures=[training_set,evaluation_statistics]",
    "evaluation.compare=[moving,population]",
)
_KINDS = {
    "nothing": ("norm=none",),
    "BN": ("norm=batch", *_BOTH_STATISTICS),
    "Dropout 0.2": ("norm=none", "model.dropout=0.2"),
    "Dropout 0.5": ("norm=none", "model.dropout=0.5"),
    "Dropout 0.2 before BN": (
        "norm=batch",
        "model.dropout=0.2",
        "model.dropout_place=before_norm",
        *_BOTH_STATISTICS,
    ),
    "Dropout 0.2 after BN": ("norm=batch", "model.dropout=0.2", *_BOTH_STATISTICS),
    "Dropout 0.2 after the last BN": (
        "norm=batch",
        "model.dropout=0.2",
        "model.dropout_place=last",
        *_BOTH_STATISTICS,
    ),
}
_BESIDES = {
    "nothing, L2": ("norm=none", "optim.weight_decay=1e-3"),
    "BN, L2": ("norm=batch", "optim.weight_decay=1e-3"),
    "BN in mini-batches of 16": ("norm=batch", "batch_size=16"),
    "BN in mini-batches of 256": ("norm=batch", "batch_size=256"),
}
"""Changed at the fewest images alone."""


def _label(kind: str, images: str = _FEW) -> str:
    return f"{kind}, {images}"


def _line(kind: str, images: str, overrides: tuple[str, ...], color: str) -> Line:
    limited = (*overrides, f"data.train_examples={_IMAGES[images]}")
    x = float(images.replace(",", ""))
    label = _label(kind, images)
    return Line(label, "mechanisms/regularization", limited, color, group=kind, x=x)


_LINES = (
    *(
        _line(kind, images, overrides, color)
        for (kind, overrides), color in zip(_KINDS.items(), PALETTE, strict=False)
        for images in _IMAGES
    ),
    *(_line(kind, _FEW, overrides, PALETTE[-1]) for kind, overrides in _BESIDES.items()),
)


_GAP = recorded.quantity(
    "accuracy_gap",
    "accuracy on training images minus that on held-out ones, at the end (mean of the last five "
    "evaluations)",
    "points",
    lambda run: recorded.final(run, TRAINING_SET_ACCURACY, minus=TEST_ACCURACY),
)
_BY_MOVING = recorded.quantity(
    "accuracy_by_moving",
    "accuracy by the moving averages of training, as Li et al. use them, at the end (mean of the "
    "last five evaluations)",
    "accuracy",
    lambda run: recorded.final(run, accuracy_by("moving")),
)
_LOST = recorded.quantity(
    "variance_shift",
    "accuracy by Algorithm 2's statistics, estimated without Dropout, minus that by the moving "
    "averages of training, with it, at the end (mean of the last five evaluations)",
    "points",
    lambda run: recorded.final(run, accuracy_by("population"), minus=accuracy_by("moving")),
)


def _answer(evidence: Evidence) -> str:
    gaps = [evidence.mean(_GAP, _label(kind)) for kind in ("nothing", "BN")]
    accuracies = [
        evidence.mean(final(), _label(kind))
        for kind in ("nothing", "BN", "Dropout 0.5", "Dropout 0.2 after BN")
    ]
    if np.isnan([*gaps, *accuracies]).any():
        return ""
    without, with_bn, dropout, both = accuracies
    return (
        f"On {_FEW} images the gap between training and test accuracy is {100 * gaps[1]:.1f} "
        f"points with BN and {100 * gaps[0]:.1f} without; the test accuracy is {with_bn:.3f} with "
        f"BN, {dropout:.3f} with Dropout 0.5, {both:.3f} with BN and Dropout 0.2, and "
        f"{without:.3f} with neither."
    )


def _remarks(evidence: Evidence) -> list[str]:
    lost = {
        kind: evidence.mean(_LOST, _label(kind))
        for kind in _KINDS
        if kind.startswith("Dropout 0.2 ")
    }
    if not lost or np.isnan([*lost.values()]).any():
        return []
    losses = ", ".join(f"{100 * value:+.2f} points with {kind}" for kind, value in lost.items())
    return [
        "Statistics of inference estimated without Dropout gain over those collected in training, "
        f"with it: {losses}."
    ]


STUDY = Study(
    name="regularization",
    title="Section 3.4: BN as a regularizer",
    question="Does BN regularize, and what does Dropout add to it?",
    lines=_LINES,
    reference=_label("nothing"),
    panels=(
        Against(
            "(a) training minus test accuracy",
            _GAP,
            "training images",
            "difference of accuracies",
            groups=tuple(_KINDS),
        ),
        Against(
            "(b) test accuracy", final(), "training images", "test accuracy", groups=tuple(_KINDS)
        ),
    ),
    table=Table(
        (
            Column("test accuracy", final(), ".4f"),
            Column("training minus test accuracy", _GAP, "+.4f"),
            Column("lost by the averages of training", _LOST, "+.4f"),
        )
    ),
    claims=(
        Claim(
            "bn_narrows_the_gap",
            "3.4",
            "BN regularizes: the gap between training and test accuracy is smaller with it",
            gain(_GAP),
            Below(0),
            line=_label("BN"),
            reference=_label("nothing"),
            plateau=False,
        ),
        Claim(
            "dropout_can_be_removed",
            "3.4",
            "with BN, Dropout can be removed: BN alone is better than Dropout alone",
            gain(final()),
            Above(0),
            line=_label("BN"),
            reference=_label("Dropout 0.5"),
            plateau=False,
        ),
        Claim(
            "dropout_belongs_behind_bn",
            "Section 5",
            "Dropout before BN is worse than after the last BN",
            gain(_BY_MOVING),
            Below(0),
            line=_label("Dropout 0.2 before BN"),
            reference=_label("Dropout 0.2 after the last BN"),
            source="Li et al. 2019",
            plateau=False,
        ),
        Claim(
            "small_batches_regularize",
            "",
            "BN regularizes less in larger mini-batches: the gap grows with them",
            gain(_GAP),
            Above(0),
            line=_label("BN in mini-batches of 256"),
            reference=_label("BN in mini-batches of 16"),
            source="Luo et al. 2019",
            plateau=False,
        ),
    ),
    answer=_answer,
    remarks=_remarks,
    sources=(
        "Ioffe & Szegedy 2015, Section 3.4",
        "Li et al. 2019 (arXiv 1801.05134), Sections 4 and 5",
        "Luo et al. 2019 (arXiv 1809.00846)",
    ),
    collection="mechanisms",
)
