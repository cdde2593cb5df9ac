"""Section 3.3's conjecture: the layers' Jacobians have singular values near 1."""

import numpy as np

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final, gain
from bnrepro.measure.verdict import Above
from bnrepro.measure.wording import number
from bnrepro.runs.tags import END_TO_END, singular_values
from bnrepro.studies._variants import COLORS, mlp_line
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import ACCURACY, Claim, Column, Curves, Series, Study, Table

_NEAR_ONE = [singular_values(f"hidden.{i}", "near_one") for i in (1, 2)]
_QUANTILES = ("p50", "p10", "p90")
_LAYER = tuple(Series(f"layer_{q}", singular_values("hidden.2", q)) for q in _QUANTILES)
_WHOLE = tuple(Series(f"end_to_end_{q}", singular_values(END_TO_END, q)) for q in _QUANTILES)


_SHARE = recorded.quantity(
    "near_one",
    "share of a layer's singular values from 1/2 to 2, mean over layers and training",
    "number",
    lambda run: recorded.average(run, _NEAR_ONE),
)


def _answer(evidence: Evidence) -> str:
    if evidence.missing:
        return ""
    shares = {variant: number(evidence.mean(_SHARE, variant), ".0%") for variant in COLORS}
    return (
        f"Between one half and two are, with and without BN, {shares['sigmoid, with BN']} and "
        f"{shares['sigmoid, without BN']} of the singular values of a layer of sigmoids, "
        f"{shares['ReLU, with BN']} and {shares['ReLU, without BN']} of one of ReLUs."
    )


def _panel(title: str, series: tuple[Series, ...], lines: tuple[str, ...]) -> Curves:
    names = tuple(one.name for one in series)
    return Curves(title, names, "singular value", lines=lines, log_y=True)


_SIGMOID = ("sigmoid, without BN", "sigmoid, with BN")
_RELU = ("ReLU, without BN", "ReLU, with BN")

STUDY = Study(
    name="jacobian",
    title="Singular values of the layers' Jacobians",
    question="Are the singular values of the layers' Jacobians near 1, as Section 3.3 supposes?",
    lines=tuple(mlp_line(variant, "", np.nan, "measures=[jacobian]") for variant in COLORS),
    series=(
        ACCURACY,
        *_LAYER,
        *_WHOLE,
        *(Series(f"near_one_{i}", tag) for i, tag in enumerate(_NEAR_ONE, start=1)),
    ),
    panels=(
        _panel(
            "(a) third hidden layer, sigmoids:\nmedian; 10 % dashed, 90 % dotted", _LAYER, _SIGMOID
        ),
        _panel("(b) third hidden layer, ReLU", _LAYER, _RELU),
        _panel("(c) from the first hidden layer\nto the last, sigmoids", _WHOLE, _SIGMOID),
        Curves(
            "(d) third hidden layer:\nshare from 1/2 to 2",
            ("near_one_2",),
            "share of the singular values",
            y_range=(0, 1),
        ),
    ),
    table=Table(
        (
            Column("singular values from 1/2 to 2", _SHARE, ".3f"),
            Column("final accuracy", final(), ".4f"),
        )
    ),
    claims=(
        Claim(
            "singular_values_near_one",
            "3.3",
            "With BN the layer Jacobians have singular values close to 1",
            _SHARE,
            Above(0.5),
            line="sigmoid, with BN",
        ),
        Claim(
            "singular_values_nearer_one",
            "3.3",
            "BN leads the layer Jacobians to have singular values close to 1",
            gain(_SHARE),
            Above(0),
            line="sigmoid, with BN",
            reference="sigmoid, without BN",
            plateau=False,
        ),
    ),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Section 3.3: a conjecture for Gaussian, uncorrelated inputs and "
        "nearly linear layers",
    ),
    collection="mechanisms",
)
