"""Figure 1, Section 4.1: accuracy on MNIST, and what reaches one sigmoid, with and without BN."""

import numpy as np

from bnrepro.measure.curves import best_point, steps_to_reach
from bnrepro.measure.quantities import BEST, FINAL_GAIN, SPEED_UP, STEADINESS, final, steps_to
from bnrepro.measure.verdict import Above
from bnrepro.paper import paper_curve
from bnrepro.runs.tags import PERCENTILES, activation_input
from bnrepro.studies.study import (
    ACCURACY,
    LOSS,
    TRAINING_LOSS,
    Claim,
    Column,
    Curves,
    Line,
    Series,
    Study,
    Table,
)

_WITHOUT, _WITH = "without BN", "with BN"
_LEVEL = 0.95
_CURVES = {_WITHOUT: "fig1a_without_bn", _WITH: "fig1a_with_bn"}
_PANELS = {_WITHOUT: "fig1b", _WITH: "fig1c"}
_UNIT = tuple(Series(f"unit_p{p}", activation_input("{last}", "unit", p)) for p in PERCENTILES)
_ALL = tuple(Series(f"all_p{p}", activation_input("{last}", "all", p)) for p in PERCENTILES)


def _line(label: str, experiment: str, color: str) -> Line:
    curve = paper_curve(_CURVES[label])
    return Line(
        label,
        experiment,
        color=color,
        paper={"accuracy": _CURVES[label]}
        | {f"unit_p{p}": f"{_PANELS[label]}_p{p}" for p in PERCENTILES},
        numbers={
            "final_accuracy": float(curve.values[-1]),
            "best_accuracy": best_point(curve)[1],
            # The paper's axis is cropped: with BN the curve is above where it begins.
            f"steps_to_{_LEVEL:g}": steps_to_reach(curve, _LEVEL),
        },
    )


def _paper_speed_up() -> float:
    steps, target = best_point(paper_curve(_CURVES[_WITHOUT]))
    return steps / steps_to_reach(paper_curve(_CURVES[_WITH]), target)


def _paper_steadiness() -> float:
    drift = {
        label: np.mean([paper_curve(f"{panel}_p{p}").values.std() for p in PERCENTILES])
        for label, panel in _PANELS.items()
    }
    return float(drift[_WITHOUT] / drift[_WITH])


def _paper_gain() -> float:
    return float(paper_curve(_CURVES[_WITH]).values[-1] - paper_curve(_CURVES[_WITHOUT]).values[-1])


def _inputs(letter: str, label: str) -> Curves:
    return Curves(
        f"({letter}) {label}: input to one sigmoid\nof the last hidden layer",
        tuple(series.name for series in _UNIT),
        f"{{{', '.join(map(str, PERCENTILES))}}}th percentiles",
        lines=(label,),
        y_range=(-2.5, 2.5),
        each_seed=True,
        beside_paper=True,
    )


STUDY = Study(
    name="fig1",
    title="Figure 1: accuracy and the inputs to one sigmoid",
    question="Does BN train the MNIST network faster, higher and with steadier inputs?",
    lines=(
        _line(_WITHOUT, "fig1/without_bn", "#D55E00"),
        _line(_WITH, "fig1/with_bn", "#0072B2"),
    ),
    reference=_WITHOUT,
    series=(ACCURACY, LOSS, TRAINING_LOSS, *_UNIT, *_ALL),
    panels=(
        Curves(
            "(a) test accuracy",
            ("accuracy",),
            "test accuracy",
            y_range=(0.7, 1.0),
            beside_paper=True,
        ),
        _inputs("b", _WITHOUT),
        _inputs("c", _WITH),
    ),
    table=Table(
        (
            Column("final accuracy", final(), ".4f"),
            Column("best accuracy", BEST, ".4f"),
            Column(f"steps to {_LEVEL:g}", steps_to(_LEVEL), ",.0f"),
        )
    ),
    claims=(
        Claim(
            "mnist_higher",
            "4.1",
            "The batch-normalized network enjoys the higher test accuracy",
            FINAL_GAIN,
            Above(0, _paper_gain(), worst=-1),
            _WITH,
            _WITHOUT,
            _paper_gain(),
        ),
        Claim(
            "mnist_sooner",
            "4.1",
            "Batch Normalization helps the network train faster",
            SPEED_UP,
            Above(1, _paper_speed_up()),
            _WITH,
            _WITHOUT,
            _paper_speed_up(),
        ),
        Claim(
            "mnist_stable",
            "4.1",
            "The distributions in the batch-normalized network are much more stable",
            STEADINESS,
            Above(1, _paper_steadiness()),
            _WITH,
            _WITHOUT,
            _paper_steadiness(),
            plateau=False,
        ),
    ),
    paper="digitized from the vector drawings; that the axis of (b) and (c) spans 0 to 50,000 "
    "steps is an inference; the drawn accuracies begin near step 4,000, the one without BN ends at "
    "44,081, and the one with BN is above 0.95 where it begins",
    beside_paper=True,
)
