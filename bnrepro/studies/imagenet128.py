"""Inception with and without BN at equal rates, beside others' GoogLeNet at 128 px."""

from bnrepro.measure.quantities import BEST, SPEED_UP, STEPS_TO_MATCH
from bnrepro.studies.study import Column, Curves, Line, PaperCurves, Study, Table

_WITHOUT, _WITH = "without BN", "BN-Baseline"

STUDY = Study(
    name="imagenet128",
    title="GoogLeNet at 128 px: BN at equal learning rates, by others and here",
    question="How much does BN alone gain at equal rates, where others ran the same comparison?",
    legend="Here: the runs of Figure 2. The numbers beside them are ducha-aiki's.",
    lines=(
        Line(
            _WITHOUT,
            "fig2/inception",
            color="#000000",
            paper={"accuracy": "googlenet128"},
            numbers={"best_accuracy": 0.619, "steps_to_match": 320e3, "speed_up": 1.0},
        ),
        Line(
            _WITH,
            "fig2/bn_baseline",
            color="#D55E00",
            paper={"accuracy": "googlenet128_bn"},
            numbers={"best_accuracy": 0.603},
        ),
    ),
    reference=_WITHOUT,
    panels=(
        Curves("here", ("accuracy",), "held-out accuracy", target=True),
        PaperCurves(
            "ducha-aiki/caffenet-benchmark (ImageNet, 128 px)",
            "accuracy",
            "validation accuracy",
            x_range=(0, 330),
            y_range=(0.35, 0.65),
            x_unit=1e3,
            x="training step, thousands",
            target=0.619,
        ),
    ),
    table=Table(
        (
            Column("steps to match the network without BN", STEPS_TO_MATCH, ",.0f"),
            Column("times fewer", SPEED_UP, ".1f"),
            Column("best accuracy", BEST, ".3f"),
        )
    ),
    numbers_of="ducha-aiki",
    paper="GoogLeNet of ducha-aiki/caffenet-benchmark, both started by LSUV, read "
    "off its plot; another start of the network with BN (orthonormal) ends at 0.607. The scale "
    "imagenet128 follows their recipe, other scales do not",
)
