"""Whether gradients reach the first layers, and sigmoids saturate, through 2 to 20 layers."""

import numpy as np
import pandas as pd

from bnrepro.measure import recorded
from bnrepro.measure.quantities import final
from bnrepro.measure.verdict import Above
from bnrepro.measure.wording import number
from bnrepro.runs.ended import EndedRun
from bnrepro.runs.tags import gradient_norm, saturation
from bnrepro.studies._variants import COLORS, accuracies, by_seed, mlp_line, seed_values
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Against, Claim, Column, Line, Study, Table

_DEPTHS = (2, 5, 10, 20)
_DEEP, _DEEPEST = _DEPTHS[-2:]
# Wide layers, large mini-batches: the variance of a gradient grows by E[g'^2] / Var[g] a layer, for
# ReLU of a normal variable by (1/2) / (1/2 - 1/(2 pi)).
_GROWTH_OF_RELU = float(np.sqrt(np.pi / (np.pi - 1)))


def _line(variant: str, depth: int) -> Line:
    # ReLUs have no sigmoids that could saturate.
    measures = ["gradient_norms"] + ["saturation"] * variant.startswith("sigmoid")
    return mlp_line(
        variant,
        f"{depth} layers",
        depth,
        f"model.hidden=[{','.join(['100'] * depth)}]",
        "model.init_std=null",
        f"measures=[{','.join(measures)}]",
    )


def _first_over_last(run: EndedRun) -> float | None:
    layers = recorded.hidden_layers(run, "gradient")
    if not layers:
        return None
    first, last = (recorded.start(run, [gradient_norm(layers[i])]) for i in (0, -1))
    return None if first is None or not last else first / last


def _growth(run: EndedRun) -> float | None:
    """A layer's gradient over the next one's; the first layer receives pixels and is left out."""
    layers = recorded.hidden_layers(run, "gradient")
    if len(layers) < 3:
        return None
    second, last = (recorded.start(run, [gradient_norm(layers[i])]) for i in (1, -1))
    return None if second is None or not last else (second / last) ** (1 / (len(layers) - 2))


def _saturated(run: EndedRun) -> float | None:
    layers = recorded.hidden_layers(run, "gradient")
    return recorded.average(run, [saturation(layer) for layer in layers])


_REACH = recorded.quantity(
    "first_over_last",
    "gradient norm in the first hidden layer over that in the last, before training",
    "times",
    _first_over_last,
)
_GROWTH = recorded.quantity(
    "growth_per_layer",
    "gradient norm in a hidden layer over that in the next one, before training (geometric mean "
    "from the second to the last)",
    "times",
    _growth,
)
_SATURATED = recorded.quantity(
    "saturated",
    "share of sigmoids with a derivative below 0.01, mean over layers and training",
    "number",
    _saturated,
)


def _gain(evidence: Evidence) -> dict[int, float]:
    with_bn, without = (
        accuracies(evidence, f"sigmoid, {norm}")[_DEEP] for norm in ("with BN", "without BN")
    )
    return seed_values((with_bn - without).dropna())


def _less_saturated(evidence: Evidence) -> dict[int, float]:
    with_bn, without = (
        pd.DataFrame(
            {
                depth: by_seed(evidence, _SATURATED, f"sigmoid, {norm}, {depth} layers")
                for depth in _DEPTHS
            }
        )
        for norm in ("with BN", "without BN")
    )
    return seed_values((without - with_bn).dropna().mean(axis=1))


def _answer(evidence: Evidence) -> str:
    if evidence.missing:
        return ""
    deepest = {group: f"{group}, {_DEEPEST} layers" for group in COLORS}
    reach, accuracy = (
        {group: number(evidence.mean(one, label), form) for group, label in deepest.items()}
        for one, form in ((_REACH, ".2g"), (final(), ".3f"))
    )
    return (
        f"Through {_DEEPEST} layers the first layer's gradient is, with and without BN, "
        f"{reach['sigmoid, with BN']} and {reach['sigmoid, without BN']} times the last's for "
        f"sigmoids, {reach['ReLU, with BN']} and {reach['ReLU, without BN']} times for ReLU; the "
        f"accuracies in the end are {accuracy['sigmoid, with BN']} and "
        f"{accuracy['sigmoid, without BN']}, {accuracy['ReLU, with BN']} and "
        f"{accuracy['ReLU, without BN']}."
    )


STUDY = Study(
    name="gradient_flow",
    title="Gradient flow and saturation against depth",
    question="Do gradients reach the first layers, and do sigmoids saturate, with and without BN?",
    lines=tuple(_line(group, depth) for group in COLORS for depth in _DEPTHS),
    panels=(
        Against(
            "(a) before training: gradient in the first\nhidden layer over that in the last",
            _REACH,
            "hidden layers",
            "ratio of gradient norms",
            log_x=False,
            log_y=True,
        ),
        Against(
            "(b) saturated sigmoids, over training",
            _SATURATED,
            "hidden layers",
            "share with a derivative below 0.01",
            log_x=False,
        ),
        Against(
            "(c) after training, crosses: diverged",
            final(),
            "hidden layers",
            "test accuracy",
            log_x=False,
        ),
    ),
    table=Table(
        (
            Column("first layer's gradient over the last's", _REACH, ".2g"),
            Column("growth a layer, downward", _GROWTH, ".3f"),
            Column("saturated", _SATURATED, ".3f"),
            Column("final accuracy", final(), ".4f"),
        )
    ),
    claims=(
        Claim(
            "sigmoids_saturate_less",
            "Abstract",
            "BN prevents the network from getting stuck in the saturated modes",
            recorded.across_runs(
                "saturated_less",
                "share of saturated sigmoids without BN minus that with BN, mean over 2 to 20 "
                "layers and training",
                "number",
            ),
            Above(0),
            table=_less_saturated,
        ),
        Claim(
            "deep_sigmoids_train",
            "Abstract",
            "BN makes it possible to use saturating nonlinearities",
            recorded.across_runs(
                "deep_sigmoid_gain",
                "final accuracy of ten layers of sigmoids with BN, minus without",
                "points",
            ),
            Above(0),
            table=_gain,
        ),
        Claim(
            "gradients_explode",
            "Abstract and Section 3 (ReLU, wide layers, large mini-batches)",
            "With BN and ReLU gradients grow exponentially with depth before training",
            _GROWTH,
            Above(1, _GROWTH_OF_RELU),
            line=f"ReLU, with BN, {_DEEPEST} layers",
            paper=_GROWTH_OF_RELU,
            source="Yang et al. 2019",
        ),
    ),
    answer=_answer,
    sources=(
        "Ioffe & Szegedy 2015, Abstract, Sections 1 and 3.4",
        "Yang et al. 2019 (arXiv 1902.08129): per layer the norm grows by sqrt(pi / (pi - 1)) for "
        "ReLU",
        "Glorot & Bengio 2010 and He et al. 2015: the initial weights",
    ),
    collection="mechanisms",
)
