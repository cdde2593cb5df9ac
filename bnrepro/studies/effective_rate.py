"""Why thirty times the rate is hardly faster than five times: the weights grow, too."""

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final, steps_to
from bnrepro.measure.verdict import Above, Below
from bnrepro.measure.wording import number
from bnrepro.runs import tags
from bnrepro.studies._variants import EFFECTIVE_RATE, WEIGHT_GROWTH
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import ACCURACY, Claim, Column, Curves, Line, Series, Study, Table

_LEVEL = 0.95
_COLORS = {1: "#000000", 5: "#0072B2", 30: "#D55E00"}


def _line(rate: int) -> Line:
    changed = ("measures=[weight_norms]", f"optim.lr_multiplier={rate}")
    return Line(f"x{rate}", "mechanisms/mlp", changed, _COLORS[rate])


_APART = recorded.times_references(
    "effective_rates_apart", "effective rate at the end over the one at x1", EFFECTIVE_RATE
)


def _answer(evidence: Evidence) -> str:
    if evidence.missing:
        return ""
    growth, apart = (
        {rate: number(evidence.mean(one, f"x{rate}", "x1"), ".1f") for rate in _COLORS}
        for one in (WEIGHT_GROWTH, _APART)
    )
    return (
        f"At x30 the weights grow {growth[30]} times (at x5 {growth[5]}, at x1 {growth[1]}), so "
        "that the effective rates, 30 and 5 times that of x1 at the start, are "
        f"{apart[30]} and {apart[5]} times at the end."
    )


STUDY = Study(
    name="effective_rate",
    title="Effective learning rates",
    question="Why is thirty times the learning rate hardly faster than five times?",
    lines=tuple(_line(rate) for rate in _COLORS),
    reference="x1",
    series=(
        ACCURACY,
        Series("norm", tags.weight_norm("hidden.1")),
        Series("effective_rate", tags.effective_rate("hidden.1")),
    ),
    panels=(
        Curves("(a) weights of the second hidden layer", ("norm",), "norm", log_y=True),
        Curves(
            "(b) its effective rate",
            ("effective_rate",),
            "learning rate over squared norm",
            log_y=True,
        ),
        Curves("(c) test accuracy", ("accuracy",), "test accuracy", y_range=(0.85, 1.0)),
    ),
    table=Table(
        (
            Column("growth of the weights", WEIGHT_GROWTH, ".2f"),
            Column("effective rate at the end", EFFECTIVE_RATE, ".2g"),
            Column("over that of x1", _APART, ".2f"),
            Column(f"steps to {_LEVEL:g}", steps_to(_LEVEL), ",.0f"),
            Column("final accuracy", final(), ".4f"),
        )
    ),
    claims=(
        Claim(
            "effective_rate_falls",
            "",
            "Without L2 regularization the norm of the weights increases, the effective rate falls",
            WEIGHT_GROWTH,
            Above(1),
            line="x30",
            source="van Laarhoven 2017",
        ),
        Claim(
            "effective_rates_approach",
            "Abstract",
            "BN tunes the rate by itself: effective rates end nearer to each other than they start",
            _APART,
            Below(30),
            line="x30",
            reference="x1",
            source="Arora et al. 2018",
            plateau=False,
        ),
    ),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Section 3.3: larger weights lead to smaller gradients",
        "van Laarhoven 2017 (arXiv 1706.05350): the effective learning rate",
        "Arora et al. 2018 (arXiv 1812.03981), Abstract: BN tunes its rate by itself",
    ),
    collection="mechanisms",
)
