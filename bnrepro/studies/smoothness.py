"""Whether BN makes the landscape smoother: loss and gradient along steps of training."""

from bnrepro.measure import recorded
from bnrepro.measure.quantities import Quantity, final
from bnrepro.measure.verdict import Above
from bnrepro.measure.wording import number
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import landscape
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import ACCURACY, Claim, Column, Curves, Line, Series, Study, Table

_WITHOUT, _WITH = "without BN", "with BN"
_RANGE = Series("loss_range", landscape("loss_high"), minus=landscape("loss_low"))
_DISTANCE = Series("gradient_distance", landscape("gradient_high"))
_SMOOTHNESS = Series("smoothness", landscape("smoothness"))
_SENTENCES = {
    _RANGE: "range of the loss along a step of 1/2 to 4 rates",
    _DISTANCE: "largest distance of the gradient along such a step from where it starts",
    _SMOOTHNESS: "that distance over the way, at its largest (effective beta-smoothness)",
}


def _typical(series: Series, run: EndedRun) -> float | None:
    return recorded.over_training(run, series.tag, series.minus)


def _value(series: Series) -> Quantity:
    sentence = f"{_SENTENCES[series]}, geometric mean over training"
    return recorded.quantity(series.name, sentence, "times", lambda run: _typical(series, run))


def _ratio(series: Series) -> Quantity:
    """Of the network without BN, over the same with BN."""

    def measure(run: EndedRun, reference: EndedRun) -> float | None:
        own, others = _typical(series, run), _typical(series, reference)
        return others / own if own and others is not None else None

    sentence = f"{_SENTENCES[series]}, geometric mean over training, without BN over with BN"
    return Quantity(f"{series.name}_ratio", sentence, "times", measure, of_pair=True)


def _claim(name: str, sentence: str, series: Series) -> Claim:
    return Claim(
        name,
        "Section 3.1, Figure 4",
        sentence,
        _ratio(series),
        Above(1),
        line=_WITH,
        reference=_WITHOUT,
        source="Santurkar et al. 2018",
        plateau=False,
    )


def _answer(evidence: Evidence) -> str:
    if evidence.missing:
        return ""
    loss, gradient, smoothness = (
        number(evidence.mean(_ratio(series), _WITH, _WITHOUT), ".2g") for series in _SENTENCES
    )
    return (
        f"Without BN the loss varies {loss} times as much along a step as with BN, the gradient "
        f"{gradient} times as much, and the effective smoothness constant is {smoothness} times as "
        "large (above 1: with BN the landscape is smoother)."
    )


STUDY = Study(
    name="smoothness",
    title="The landscape along steps of training",
    question="Is the landscape smoother with BN?",
    lines=tuple(
        Line(label, "mechanisms/convnet", (f"norm={norm}", "measures=[landscape]"), color)
        for label, norm, color in (
            (_WITHOUT, "none", "#000000"),
            (_WITH, "batch", "#0072B2"),
        )
    ),
    reference=_WITHOUT,
    series=(ACCURACY, _RANGE, _DISTANCE, _SMOOTHNESS),
    panels=(
        # Single seeds: intervals of three that scatter over decades would cover each other.
        Curves(
            "(a) range of the loss\nalong 1/2 to 4 rates",
            (_RANGE.name,),
            "nats",
            each_seed=True,
            log_y=True,
        ),
        Curves(
            "(b) largest distance of the gradient there\nfrom the gradient here",
            (_DISTANCE.name,),
            "norm",
            each_seed=True,
            log_y=True,
        ),
        Curves(
            "(c) effective beta-smoothness",
            (_SMOOTHNESS.name,),
            "distance of gradients over the way",
            each_seed=True,
            log_y=True,
        ),
        Curves("(d) accuracy", ("accuracy",), "held-out accuracy"),
    ),
    table=Table(
        (
            *(Column(s.name.replace("_", " "), _value(s), ".3g") for s in _SENTENCES),
            Column("final accuracy", final(), ".4f"),
        )
    ),
    claims=(
        _claim("loss_varies_less", "With BN the loss varies less along a step", _RANGE),
        _claim("gradient_is_predictive", "With BN the gradient changes less along it", _DISTANCE),
        _claim("landscape_is_smoother", "With BN effective beta-smoothness is better", _SMOOTHNESS),
    ),
    answer=_answer,
    sources=("Santurkar et al. 2018 (arXiv 1805.11604), Section 3.1 and Figure 4",),
    collection="mechanisms",
)
