"""Section 3.3: the scale of a layer's weights does not matter behind batch normalization."""

from pathlib import Path

import pandas as pd

from bnrepro.measure import recorded
from bnrepro.measure.verdict import Within
from bnrepro.studies.evidence import Evidence
from bnrepro.studies.study import Claim, OwnTable, Study

_FILE = "scales.csv"
_DIFFERENCES = {
    "output_difference": "output",
    "input_gradient_difference": "gradient in the input",
    "weight_gradient_difference": "a times the gradient in the weights",
}
# Double precision: far above its rounding, far below anything that would be seen in training.
_ROUNDING = 1e-4


def _compute(_study: Study, _scale: str, _runs: Path, folder: Path) -> None:
    from bnrepro.prepare.scale_invariance import compare_scaled_weights

    compare_scaled_weights().to_csv(folder / _FILE, index=False, float_format="%.6g")


def _rows(evidence: Evidence) -> pd.DataFrame:
    table = evidence.table(_FILE)
    return pd.DataFrame(columns=["scale", *_DIFFERENCES]) if table is None else table


def _cells(rows: pd.DataFrame) -> pd.DataFrame:
    cells = rows[[*_DIFFERENCES]].map(lambda value: f"{value:.2g}").rename(columns=_DIFFERENCES)
    cells.insert(0, "factor a on the weights", rows["scale"].map(lambda value: f"{value:g}"))
    return cells


def _worst(evidence: Evidence) -> dict[int, float]:
    rows = _rows(evidence)
    return {} if rows.empty else {0: float(rows[[*_DIFFERENCES]].to_numpy().max())}


STUDY = Study(
    name="scale_invariance",
    title="Section 3.3: the scale of the weights",
    question="Does the scale of a layer's weights matter behind BN?",
    table=OwnTable(_rows, _cells),
    claims=(
        Claim(
            "scale_invariance",
            "3.3",
            "BN((aW)u) = BN(Wu); the gradient to u is unchanged, the one to aW is 1/a of W's",
            recorded.across_runs(
                "worst_difference",
                "largest relative difference of an element from these equalities, over all a",
                "number",
            ),
            Within(_ROUNDING),
            paper=0.0,
            table=_worst,
        ),
    ),
    prepare=_compute,
    paper="Section 3.3; one layer of the MNIST network's size, computed in double precision",
)
