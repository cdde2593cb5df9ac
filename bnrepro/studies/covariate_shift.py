"""Whether BN makes internal covariate shift smaller, by two definitions, and whether it matters."""

from bnrepro.measure import recorded
from bnrepro.measure.quantities import DRIFT, FINAL_GAIN, STEADINESS, final
from bnrepro.measure.verdict import Above
from bnrepro.measure.wording import number
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import PERCENTILES, activation_input, gradient_shift
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import ACCURACY, Claim, Column, Curves, Line, Series, Study, Table

_MLP, _CONVNET = "MLP", "convolutional"
_EXPERIMENTS = {_MLP: "mechanisms/mlp", _CONVNET: "mechanisms/convnet"}
_NORMS = {"without BN": "none", "with BN": "batch", "BN and noise": "batch_noisy"}
_COLORS = {
    f"{_MLP}, without BN": "#000000",
    f"{_MLP}, with BN": "#0072B2",
    f"{_MLP}, BN and noise": "#56B4E9",
    f"{_CONVNET}, without BN": "#E69F00",
    f"{_CONVNET}, with BN": "#D55E00",
    f"{_CONVNET}, BN and noise": "#CC79A7",
}
_INPUTS = tuple(Series(f"unit_p{p}", activation_input("{last}", "unit", p)) for p in PERCENTILES)
_SHIFT = Series("gradient_shift", gradient_shift("{last}", "norm"))
_COSINE = Series("gradient_cosine", gradient_shift("{last}", "cosine"))


def _line(label: str) -> Line:
    network, norm = label.split(", ")
    overrides = (f"norm={_NORMS[norm]}", "measures=[activation_inputs,gradient_shift]")
    return Line(label, _EXPERIMENTS[network], overrides, _COLORS[label])


def _last_hidden(run: EndedRun, what: str) -> str:
    layers = recorded.hidden_layers(run, "gradient_shift")
    return gradient_shift(layers[-1] if layers else "", what)


def _unlike(run: EndedRun) -> float | None:
    """1 - cosine: in the last hidden layer."""
    cosine = recorded.average(run, [_last_hidden(run, "cosine")])
    return None if cosine is None else 1 - cosine


_SIZE = recorded.quantity(
    "gradient_shift",
    "change of the last hidden layer's gradient when the layers below are updated first, geometric "
    "mean over training",
    "times",
    lambda run: recorded.over_training(run, _last_hidden(run, "norm")),
)
_UNLIKE = recorded.quantity(
    "gradient_unlike",
    "1 minus the cosine between the last hidden layer's gradients before and after the layers "
    "below are updated, mean over training",
    "number",
    _unlike,
)
_UNLIKE_RATIO = recorded.times_references(
    "gradient_unlike_ratio", f"{_UNLIKE.sentence}, over the same without BN", _UNLIKE
)


def _answer(evidence: Evidence) -> str:
    if evidence.missing:
        return ""
    parts = []
    for network in _EXPERIMENTS:
        drift, unlike, accuracy = (
            " / ".join(number(evidence.mean(one, f"{network}, {norm}"), form) for norm in _NORMS)
            for one, form in ((DRIFT, ".2g"), (_UNLIKE, ".2g"), (final(), ".3f"))
        )
        parts.append(
            f"{network}: drift {drift}, turn of the gradient (1 - cosine) {unlike}, accuracy "
            f"{accuracy}"
        )
    return f"Without BN / with BN / with BN and noise: {'; '.join(parts)}."


def _claims(network: str) -> tuple[Claim, ...]:
    key = "mlp" if network == _MLP else "convnet"
    without, with_bn, noisy = (f"{network}, {norm}" for norm in _NORMS)
    return (
        Claim(
            f"inputs_drift_less_{key}",
            "4.1",
            f"BN makes the distributions of a layer's inputs more stable ({network})",
            STEADINESS,
            Above(1),
            line=with_bn,
            reference=without,
            plateau=False,
        ),
        Claim(
            f"gradients_shift_no_less_{key}",
            "Section 2.2, Figure 3",
            f"With BN the layers below turn a layer's gradient no less than without ({network})",
            _UNLIKE_RATIO,
            Above(1),
            line=with_bn,
            reference=without,
            source="Santurkar et al. 2018",
            plateau=False,
        ),
        Claim(
            f"noise_does_not_matter_{key}",
            "Section 2.1, Figure 2",
            f"With BN and noise behind it, training is still better than without BN ({network})",
            FINAL_GAIN,
            Above(0),
            line=noisy,
            reference=without,
            source="Santurkar et al. 2018",
            plateau=False,
        ),
    )


_OF_MLP = tuple(label for label in _COLORS if label.startswith(_MLP))

STUDY = Study(
    name="covariate_shift",
    title="Internal covariate shift",
    question="Is internal covariate shift smaller with BN, and does it matter?",
    lines=tuple(_line(label) for label in _COLORS),
    series=(ACCURACY, *_INPUTS, _SHIFT, _COSINE),
    panels=(
        Curves(
            "(a) input to one sigmoid of the MLP's\nlast hidden layer",
            tuple(series.name for series in _INPUTS),
            f"{{{', '.join(map(str, PERCENTILES))}}}th percentiles",
            lines=_OF_MLP,
        ),
        Curves(
            "(b) the last hidden layer's gradient when the layers\nbelow are updated first",
            (_SHIFT.name,),
            "norm of the change",
            each_seed=True,  # intervals of three that scatter so would cover each other
            log_y=True,
        ),
        Curves(
            "(c) its direction",
            (_COSINE.name,),
            "cosine of before and after",
            y_range=(0, 1.02),
            each_seed=True,
        ),
        Curves("(d) accuracy", ("accuracy",), "held-out accuracy", y_range=(0, 1)),
    ),
    table=Table(
        (
            Column("drift of the inputs", DRIFT, ".3g"),
            Column("change of the gradient", _SIZE, ".2g"),
            Column("1 - cosine", _UNLIKE, ".2g"),
            Column("final accuracy", final(), ".4f"),
        )
    ),
    claims=(*_claims(_MLP), *_claims(_CONVNET)),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Section 2 and Figure 1(b, c): the drift of a layer's inputs",
        "Santurkar et al. 2018 (arXiv 1805.11604), Section 2.1 and Figure 2: noise behind BN; "
        "Section 2.2, Definition 2.1 and Figure 3: the change of a layer's gradient",
    ),
    collection="mechanisms",
)
