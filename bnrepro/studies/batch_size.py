"""How small a mini-batch may be, with BN and with what came after it."""

import numpy as np

from bnrepro.measure.quantities import Quantity, gain, last
from bnrepro.measure.verdict import Above, Below
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import TEST_ACCURACY, TEST_LOSS, TRAIN_LOSS
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import PALETTE, Against, Claim, Column, Line, Study, Table

_SIZES = (2, 8, 64, 512)
_RENORM = "batch_renorm norm.plain_steps=${batches:6_000} norm.rise_steps=${batches:24_000}"
_NORMS = {
    "nothing": ("none", 2),
    "BN": ("batch", 2),
    "BN by 8": ("batch_ghost norm.examples=8", 64),
    "BN by 32": ("batch_ghost norm.examples=32", 64),
    "Batch Renormalization": (_RENORM, 2),
    "LayerNorm": ("layer", 2),
    "GroupNorm": ("group norm.groups=4", 2),
    "InstanceNorm": ("instance", 2),
}
"""What to train with, and the smallest mini-batch at which it is a thing of its own."""
_CONSTANT = "constant rate"
_AT_CONSTANT_RATE = ("BN", "GroupNorm")
_ACCURACY = last("accuracy", TEST_ACCURACY)


def _label(group: str, size: int) -> str:
    return f"{group}, {size}"


def _line(group: str, norm: str, size: int, color: str, *overrides: str) -> Line:
    of_size = (*f"norm={norm}".split(), f"batch_size={size}", *overrides)
    return Line(_label(group, size), "mechanisms/batch_size", of_size, color, group=group, x=size)


_COLORS = dict(zip(_NORMS, PALETTE, strict=True))
_LINES = (
    *(
        _line(name, norm, size, _COLORS[name])
        for name, (norm, smallest) in _NORMS.items()
        for size in _SIZES
        if size >= smallest
    ),
    *(
        _line(f"{name}, {_CONSTANT}", _NORMS[name][0], size, _COLORS[name], "optim.lr=0.3")
        for name in _AT_CONSTANT_RATE
        for size in (_SIZES[0], _SIZES[-1])  # between them the rates are nearly alike
    ),
)


def _statistics_gap(run: EndedRun, _: EndedRun) -> float:
    """The training loss is of examples seen for the first time: what is left is the statistics."""
    if run.diverged:
        return np.nan
    return float(run.recorded(TEST_LOSS).iloc[-1] - run.recorded(TRAIN_LOSS).iloc[-1])


_GAP = Quantity(
    "statistics_gap",
    "loss on held-out examples (inference statistics) minus that on new training examples (the "
    "mini-batch's)",
    "nats",
    _statistics_gap,
)


def _accuracy(evidence: Evidence, label: str) -> float:
    return evidence.sample(_ACCURACY, label).mean.mean


def _answer(evidence: Evidence) -> str:
    at_two = {name: _accuracy(evidence, _label(name, 2)) for name in ("BN", "GroupNorm")}
    best = {
        name: max(_SIZES, key=lambda size: np.nan_to_num(_accuracy(evidence, _label(name, size))))
        for name in at_two
    }
    top = {name: _accuracy(evidence, _label(name, size)) for name, size in best.items()}
    if np.isnan([*at_two.values(), *top.values()]).any():
        return ""
    return (
        f"In mini-batches of 2, BN ends at an accuracy of {at_two['BN']:.3f} and GroupNorm at "
        f"{at_two['GroupNorm']:.3f}; at their best sizes, {best['BN']} and {best['GroupNorm']}, "
        f"they reach {top['BN']:.3f} and {top['GroupNorm']:.3f}."
    )


def _remarks(evidence: Evidence) -> list[str]:
    gaps = {size: evidence.sample(_GAP, _label("BN", size)).mean.mean for size in _SIZES}
    known = {size: value for size, value in gaps.items() if not np.isnan(value)}
    if not known:
        return []
    gaps_in_words = ", ".join(f"{value:+.3f} nats at {size}" for size, value in known.items())
    return [
        "With BN the loss by inference statistics minus that by the mini-batch's, on examples that "
        f"are new to both, is {gaps_in_words}."
    ]


STUDY = Study(
    name="batch_size",
    title="How small a mini-batch may be",
    question="How small may a mini-batch be, and what does better there than BN?",
    lines=_LINES,
    panels=(
        Against(
            "(a) rate proportional to the mini-batch",
            _ACCURACY,
            "examples in a mini-batch",
            "test accuracy at the end",
            groups=tuple(name for name in _NORMS if name != "BN by 8"),
        ),
        Against(
            "(b) rate the same for all",
            _ACCURACY,
            "examples in a mini-batch",
            "test accuracy at the end",
            groups=tuple(f"{name}, {_CONSTANT}" for name in _AT_CONSTANT_RATE),
        ),
        Against(
            "(c) inference against training statistics",
            _GAP,
            "examples in a mini-batch",
            "difference of losses, nats",
            groups=("BN", "BN by 8", "BN by 32", "Batch Renormalization", "GroupNorm"),
        ),
    ),
    table=Table(
        (
            Column("accuracy", _ACCURACY, ".3f"),
            Column("loss beyond the training loss, nats", _GAP, "+.3f"),
        )
    ),
    claims=(
        Claim(
            "bn_needs_batches",
            "Figure 1",
            "in mini-batches of 2 BN is worse than GroupNorm",
            gain(_ACCURACY),
            Below(0),
            line=_label("BN", 2),
            reference=_label("GroupNorm", 2),
            source="Wu & He 2018",
            plateau=False,
        ),
        Claim(
            "renormalization_helps_small_batches",
            "Section 4.2",
            "in small mini-batches Batch Renormalization is better than BN",
            gain(_ACCURACY),
            Above(0),
            line=_label("Batch Renormalization", 2),
            reference=_label("BN", 2),
            source="Ioffe 2017",
            plateau=False,
        ),
        Claim(
            "groups_help_large_batches",
            "Table 1",
            "in large mini-batches BN by groups generalizes better than BN",
            gain(_ACCURACY),
            Above(0),
            line=_label("BN by 32", 512),
            reference=_label("BN", 512),
            source="Hoffer et al. 2017",
            plateau=False,
        ),
    ),
    answer=_answer,
    remarks=_remarks,
    sources=(
        "Wu & He 2018 (arXiv 1803.08494), Figure 1",
        "Ioffe 2017 (arXiv 1702.03275), Section 4.2",
        "Hoffer et al. 2017 (arXiv 1705.08741), Algorithm 1 and Table 1",
        "Ba et al. 2016 (arXiv 1607.06450)",
        "Ulyanov et al. 2016 (arXiv 1607.08022)",
    ),
    collection="mechanisms",
)
