"""Section 2: what whitening costs, and what goes wrong where the optimizer does not know of it."""

from pathlib import Path

import numpy as np
import pandas as pd

from bnrepro.measure.quantities import EARLY_LAG, FAILURE, Quantity, Unit, final
from bnrepro.measure.verdict import Above, Below, EverySeedFails, Within
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import (
    PALETTE,
    Claim,
    Column,
    Curves,
    Line,
    Prepared,
    Study,
    Table,
)

_BIAS, _COST = "bias.csv", "cost.csv"
_ROUNDING = 1e-6  # double precision after 1,000 additions
_WIDTHS = {"smoke": [50, 100, 200]}
_ALL_WIDTHS = [50, 100, 200, 400, 800]
# More examples than a layer has units: a smaller mini-batch has no covariance to invert.
_BATCH = "batch_size=240"
_NORMS = {
    "nothing": "norm=none",
    "mean only": "norm=batch_mean_only",
    "BN": "norm=batch",
    "BN, gradient ignores it": "norm=batch_detached",
    "whitening": "norm=whitening",
    "whitening, gradient ignores it": "norm=whitening norm.gradient=false",
}


def _prepare(_study: Study, scale: str, _runs: Path, folder: Path) -> None:
    from bnrepro.prepare.whitening import follow_bias, time_steps

    follow_bias().to_csv(folder / _BIAS, index=False, float_format="%.17g")
    costs = time_steps(_WIDTHS.get(scale, _ALL_WIDTHS), repetitions=3)
    costs.to_csv(folder / _COST, index=False, float_format="%.6g")


def _contradiction(evidence: Evidence) -> dict[int, float]:
    """How far Section 2's example is from a fixed loss and a bias that grows evenly, a seed."""
    table = evidence.table(_BIAS)
    if table is None:
        return {}
    ignored = table[table["way"].str.contains("ignores")].sort_values("update")
    values = {}
    for seed in ignored["seed"].unique():
        rows = ignored[ignored["seed"] == seed]
        losses, biases = rows["loss"].to_numpy(float), rows["bias"].to_numpy(float)
        unevenness = np.abs(2 * biases[len(biases) // 2] / biases[-1] - 1)
        change = rows["output_change"].max()
        values[int(seed)] = float(max(losses.max() / losses.min() - 1, unevenness, change))
    return values


def _costs(evidence: Evidence) -> pd.DataFrame | None:
    """Seconds: a row a width and repetition, a column a normalization."""
    table = evidence.table(_COST)
    if table is None:
        return None
    return table.pivot(index=["width", "seed"], columns="norm", values="seconds")


def _cost_ratio(evidence: Evidence) -> dict[int, float]:
    """Whitening's cost over BN's at the greatest width, a repetition."""
    costs = _costs(evidence)
    if costs is None:
        return {}
    widest = costs.loc[costs.index.get_level_values("width").max()]
    ratios = (widest["whitening"] / widest["BN"]).to_numpy(float)
    return dict(enumerate(ratios.tolist()))


def _exponent(evidence: Evidence) -> float:
    """Of the width in what whitening costs beyond a step with nothing, by least squares."""
    costs = _costs(evidence)
    if costs is None:
        return np.nan
    extra = (costs["whitening"] - costs["nothing"]).groupby("width").mean()
    widths, seconds = extra.index.to_numpy(float), extra.to_numpy(float)
    is_positive = seconds > 0
    if is_positive.sum() < 2:
        return np.nan
    return float(np.polyfit(np.log(widths[is_positive]), np.log(seconds[is_positive]), 1)[0])


def _answer(evidence: Evidence) -> str:
    whitened, plain = (evidence.sample(final(), label).mean.mean for label in ("whitening", "BN"))
    ratios = list(_cost_ratio(evidence).values())
    exponent = _exponent(evidence)
    if np.isnan([whitened, plain, exponent]).any() or not ratios:
        return ""
    return (
        f"With whitening the network ends at an accuracy of {whitened:.4f}, with BN at "
        f"{plain:.4f}, while a step of the widest layers costs {np.mean(ratios):.1f} times BN's, "
        f"and what it costs more grows with the width to the power {exponent:.1f}."
        f"{_divergence(evidence)}"
    )


def _divergence(evidence: Evidence) -> str:
    """How many seeds diverge where the gradient ignores the normalization."""
    counts = []
    for label in _NORMS:
        runs = evidence.runs[label]
        if label.endswith("ignores it") and runs:
            counts.append(f"{sum(run.diverged for run in runs)} of {len(runs)} ({label})")
    if not counts:
        return ""
    return f" Seeds that diverge where the gradient ignores it: {', '.join(counts)}."


def _remarks(evidence: Evidence) -> list[str]:
    table = evidence.table(_BIAS)
    if table is None:
        return []
    ends = table[table["update"] == table["update"].max()].groupby("way")["bias"].mean()
    changed = table.loc[table["way"].str.contains("ignores"), "output_change"].max()
    biases = ", ".join(f"{bias:.3g} where the {way}" for way, bias in ends.items())
    return [
        f"Section 2's example after {table['update'].max():,} updates: the bias is {biases}; no "
        f"output has changed by more than {changed:.1g}."
    ]


def _of_table(name: str, sentence: str, unit: Unit) -> Quantity:
    return Quantity(name, sentence, unit, lambda _run, _reference: np.nan)


STUDY = Study(
    name="whitening",
    title="Whitening, and a gradient that does not know of it",
    question="What does whitening cost, and what if the optimizer does not know of it?",
    lines=tuple(
        Line(label, "mechanisms/mlp", (*norm.split(), _BATCH), color)
        for (label, norm), color in zip(_NORMS.items(), PALETTE, strict=False)
    ),
    reference="BN",
    panels=(
        Prepared(
            "(a) Section 2's example: x = u + b minus its mean",
            _BIAS,
            "way",
            ("update", "bias"),
            "update",
            "bias b",
        ),
        Curves("(b) a step", ("accuracy",), "test accuracy", y_range=(0, 1)),
        Curves(
            "(c) a second", ("accuracy",), "test accuracy", x="seconds", y_range=(0, 1), log_x=True
        ),
        Prepared(
            "(d) cost of a step",
            _COST,
            "norm",
            ("width", "seconds"),
            "units of each of three layers",
            "processor seconds, 1,000 examples",
            log_x=True,
            log_y=True,
        ),
    ),
    table=Table(
        (
            Column("final accuracy", final(), ".4f"),
            Column("accuracy below BN's, early", EARLY_LAG, "+.4f"),
        )
    ),
    claims=(
        Claim(
            "bias_grows_without_bound",
            "2",
            "where gradient steps ignore the mean's dependence on b, b grows indefinitely while "
            "the loss remains fixed",
            _of_table(
                "contradiction",
                "the largest of: relative change of the loss, unevenness of b's growth, change of "
                "an output",
                "number",
            ),
            Within(_ROUNDING),
            paper=0.0,
            table=_contradiction,
        ),
        Claim(
            "detached_blows_up",
            "2",
            "the model blows up when the normalization parameters (here BN's mean and variance, "
            "constants to the gradient) are computed outside the gradient descent step",
            FAILURE,
            EverySeedFails(),
            line="BN, gradient ignores it",
        ),
        Claim(
            "whitening_is_expensive",
            "3",
            "the full whitening of each layer's inputs is costly",
            _of_table("cost_ratio", "cost of a step over BN's, at the greatest width", "times"),
            Above(1),
            table=_cost_ratio,
        ),
        Claim(
            "whitening_is_faster_per_step",
            "",
            "a network with whitened layers learns faster a step than one with BN",
            EARLY_LAG,
            Below(0),
            line="whitening",
            reference="BN",
            source="Huang et al. 2018",
            plateau=False,
        ),
    ),
    prepare=_prepare,
    answer=_answer,
    remarks=_remarks,
    sources=(
        "Ioffe & Szegedy 2015, Section 2 (the example, and whitening by Cov[x]^(-1/2)) and Section "
        "3 (its cost)",
        "Huang et al. 2018 (arXiv 1804.08450), Section 3",
    ),
    collection="mechanisms",
)
